// Encoded access units on their way to JavaScript.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "gst/capture_time.hpp"

namespace vedette::gst {

/// One access unit: H.264/H.265 byte stream with start codes, or a whole JPEG.
struct Unit {
  std::shared_ptr<GstBuffer> buffer;
  std::int64_t ptsNs = 0;
  std::int64_t dtsNs = 0;
  Capture capture{};
  bool key = false;
  /// Units before this one were dropped because JavaScript did not keep up.
  bool skippedBefore = false;
};

/// A short queue of access units; nothing is kept while nobody wants them.
///
/// Owns:    references to at most `kLimit` buffers.
/// Threads: `push` on GStreamer's, the rest on any.
/// Fails:   never; what does not fit is dropped and the next unit says so.
/// Cost:    no byte is copied here.
class UnitStore final {
 public:
  static constexpr std::size_t kLimit = 128;

  /// The store called `name` in this process, as FrameStore::named.
  static std::shared_ptr<UnitStore> named(const std::string& name);

  void setWanted(bool wanted);
  bool wanted();
  void setWake(std::function<void()> wake);
  void push(Unit unit);
  std::optional<Unit> take();

 private:
  std::mutex mutex_;
  // All below: under mutex_.
  std::deque<Unit> units_;
  std::function<void()> wake_;
  bool wanted_ = false;
  bool skipped_ = false;
};

}  // namespace vedette::gst
