// The end of the process: ONNX Runtime's statics must not be destroyed while a thread is inside it.
#pragma once

namespace vedette::ort {

/// Marks the present thread as being inside ONNX Runtime. Waits for the end where the process has begun to end.
class Inside final {
 public:
  enum class Work { Opening, Other };

  explicit Inside(Work work = Work::Other) noexcept;
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  const Work work_;
};

/// To be called when the process is about to call exit(): gives sessions that are being opened a second, then sees to
/// it that exit() destroys nothing as long as a thread is inside ONNX Runtime.
void prepareExit() noexcept;

}  // namespace vedette::ort
