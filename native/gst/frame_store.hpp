// The decoded frames of one camera that can still be printed.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/motion.hpp"
#include "gst/capture_time.hpp"
#include "gst/notice_pace.hpp"

namespace vedette::gst {

/// What is told of a frame. Where frames before it were not told of and only they moved, the motion is theirs.
struct Notice {
  std::uint64_t sequence = 0;
  /// Running time since the session began; goes on rising when a file starts again.
  std::int64_t ptsNs = 0;
  Capture capture{};
  int widthPx = 0;
  int heightPx = 0;
  /// 0 when the stream does not say.
  double fps = 0;
  /// GStreamer's name, e.g. "I420"; a static string.
  const char* pixelFormat = "";
  /// Units that were left out on purpose since the session began; they have sequences, too.
  std::uint64_t skipped = 0;
  MotionReading motion{};
};

/// A reference to a decoded picture: the decoder cannot reuse its memory while this lives.
class HeldFrame final {
 public:
  HeldFrame(std::uint64_t sequence, std::int64_t ptsNs, double captureMs, GstBuffer* buffer, const GstVideoInfo& info) noexcept
      : sequence_(sequence), ptsNs_(ptsNs), captureMs_(captureMs), buffer_(gst_buffer_ref(buffer)), info_(info) {}
  HeldFrame(const HeldFrame& other) noexcept
      : HeldFrame(other.sequence_, other.ptsNs_, other.captureMs_, other.buffer_, other.info_) {}
  HeldFrame& operator=(const HeldFrame& other) noexcept {
    gst_buffer_replace(&buffer_, other.buffer_);
    sequence_ = other.sequence_;
    ptsNs_ = other.ptsNs_;
    captureMs_ = other.captureMs_;
    info_ = other.info_;
    return *this;
  }
  ~HeldFrame() { gst_buffer_unref(buffer_); }

  std::uint64_t sequence() const noexcept { return sequence_; }
  std::int64_t ptsNs() const noexcept { return ptsNs_; }
  double captureMs() const noexcept { return captureMs_; }
  GstBuffer* buffer() const noexcept { return buffer_; }
  const GstVideoInfo& info() const noexcept { return info_; }

 private:
  std::uint64_t sequence_;
  std::int64_t ptsNs_;
  double captureMs_;
  GstBuffer* buffer_;
  GstVideoInfo info_;
};

/// Keeps the newest decoded frames, and besides them the one told of and those printed last, by reference.
///
/// Owns:    references to at most twice `capacity` buffers of the decoder's pool, and one; of the newest only one where not
///          every frame is told of; `clear` gives them back.
/// Threads: `push` and `awaitTaken` on GStreamer's, the rest on any.
/// Fails:   never; a frame that is gone is `nullopt`.
/// Cost:    no pixel is touched here.
class FrameStore final {
 public:
  /// The store called `name` in this process, made when nobody asked for it before. Element and JavaScript meet here,
  /// whichever comes first.
  static std::shared_ptr<FrameStore> named(const std::string& name);

  void setCapacity(std::size_t frames);
  /// `tell` is called on GStreamer's thread for each frame that is to be told of; false: it was not, and its motion is told
  /// with a later one. After `setTell` has returned the former one is not called any more.
  void setTell(std::function<bool(const Notice&)> tell);
  /// From now on about one frame in `interval` of presentation time is told of, on a grid that `at` lies on, if given; 0, as in
  /// the beginning: each.
  void setNoticeEvery(std::chrono::nanoseconds interval, std::optional<std::chrono::nanoseconds> at = std::nullopt);

  /// What is looked for in the pictures; the element asks when it starts.
  void setMotion(std::optional<MotionOptions> options);
  std::optional<MotionOptions> motion();

  /// Takes a reference on `buffer` and returns its sequence: 1, 2, 3 …
  std::uint64_t push(GstBuffer* buffer, const GstVideoInfo& info, GstClockTime runningTime, Capture capture,
                     const MotionReading& motion);
  /// A unit was left out before the decoder: the sequence goes on without it.
  void leaveOut();
  /// Of the frame that came last.
  std::uint64_t sequence();
  std::optional<HeldFrame> find(std::uint64_t sequence);
  /// The newest frame from `sequence` on that this was not asked for before: no frame is given twice, none after a newer one.
  std::optional<HeldFrame> findNewest(std::uint64_t sequence);

  /// `frame` was printed: it stays among the ones printed last, of which those before `neededFrom` are let go, and
  /// `awaitTaken` ends for it and all before it.
  void taken(const HeldFrame& frame, std::uint64_t neededFrom);
  /// Nobody will print `sequence` or what came before it: `awaitTaken` ends for them.
  void pass(std::uint64_t sequence);
  /// Waits until `sequence` was printed, `limit` has passed, or `interrupt(true)` was called.
  void awaitTaken(std::uint64_t sequence, std::chrono::milliseconds limit);
  void interrupt(bool on);

  /// A file starts again: later running times continue behind the last frame.
  void continueTimeline();
  std::int64_t timelineOffsetNs();
  /// Wall clock of the session's first frame, for files that are not played at their own speed.
  double startedMs();

  void clear();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  // All below: under mutex_.
  std::deque<HeldFrame> newest_;
  std::deque<HeldFrame> printed_;
  std::optional<HeldFrame> told_;
  std::function<bool(const Notice&)> tell_;
  std::optional<Notice> notice_;
  NoticePace pace_;
  bool wasPicked_ = true;
  std::optional<MotionOptions> motion_;
  std::size_t capacity_ = 3;
  std::uint64_t sequence_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t takenUpTo_ = 0;
  std::uint64_t givenUpTo_ = 0;
  std::int64_t offsetNs_ = 0;
  std::int64_t endNs_ = 0;
  double startedMs_ = 0;
  bool interrupted_ = false;
};

}  // namespace vedette::gst
