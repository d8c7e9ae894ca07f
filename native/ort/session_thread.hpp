// A session that runs on a thread of its own, so that nobody who asks for a run has to wait in it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/camera_link.hpp"
#include "ort/session.hpp"

namespace vedette::ort {

/// Opens a session and does its runs one after the other: of those whose prints are answered the one that was asked for first.
/// A camera process that hangs holds up the run that waits for it, and no other.
///
/// Owns:    one thread and the session, which lives and dies on it.
/// Threads: submit, release and close from any; callbacks come on the session's thread and must not throw.
/// Fails:   into the callbacks, as an exception_ptr. What is asked for after close fails with INFERENCE_FAILED.
/// Cost:    one wake-up per run. A run waits while the results of Session::kOutputSets earlier ones are unreleased.
class SessionThread final {
 public:
  using Opened = std::function<void(const ModelDescription&, std::exception_ptr)>;
  /// Without outputs when nothing was printed for the run. `took`: the run alone.
  using Ran = std::function<void(std::vector<Output>, std::chrono::nanoseconds took, std::exception_ptr)>;

  /// What options.model points to must stay until `opened` was called.
  SessionThread(SessionOptions options, Opened opened);
  /// As close, and waits for the thread.
  ~SessionThread();
  SessionThread(const SessionThread&) = delete;
  SessionThread& operator=(const SessionThread&) = delete;

  /// Throws TENSOR_MISMATCH, or INFERENCE_FAILED when there is no open session. Every Ran without an error must be
  /// answered by one release once its outputs have been read.
  void submit(std::vector<Input> inputs, link::Prints prints, Ran ran);
  void release();
  /// Ends the present run at its next operator, fails those that wait, frees the session, then calls `closed`.
  /// A second close is ignored.
  void close(std::function<void()> closed);

 private:
  struct Request {
    std::vector<Input> inputs;
    link::Prints prints;
    Ran ran;
  };

  void work(const SessionOptions& options, const Opened& opened);
  bool next(Request& request);
  bool takePrinted(Request& request);
  void finish();
  std::exception_ptr closedError() const;

  // Given.
  const std::string name_;
  const std::string provider_;
  // State (guarded by mutex_; session_ is set once, before the first submit can pass).
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> requests_;
  std::unique_ptr<Session> session_;
  std::size_t unreleased_ = 0;
  bool closing_ = false;
  std::function<void()> closed_;
  // Owned; last, so that it starts when everything above is there.
  std::thread thread_;
};

}  // namespace vedette::ort
