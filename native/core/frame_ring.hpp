// Raw frames that another program writes into a pipe, e.g. FFmpeg.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/motion.hpp"
#include "core/picture.hpp"

namespace vedette {

struct RawFormat {
  PixelFormat pixels;
  int width;
  int height;
};

/// One complete frame; lives as long as somebody refers to it.
struct RawFrame {
  std::uint64_t sequence = 0;
  /// Wall clock at which its first byte was read, milliseconds since 1970; the same on the monotonic clock.
  double unixMs = 0;
  double monotonicMs = 0;
  MotionReading motion{};
  std::vector<std::byte> bytes;
};

/// Keeps the newest frames of a descriptor, and besides them those printed last.
///
/// Owns:    a duplicate of the descriptor, the thread that reads it, and at most 2 × `held` + 2 frames.
/// Threads: `wake` is called on the reading thread; the rest from any.
/// Fails:   the constructor throws Error (DEFECT). Later troubles end the stream: `takeEnd`.
/// Cost:    motion of each frame, where wanted; one read() per pipe buffer, straight into the frame; nothing is allocated once all frames exist.
class FrameRing final {
 public:
  struct Options {
    std::size_t held = 3;
    /// How long reading waits for a frame to be printed before it goes on; 0: newest wins.
    std::chrono::milliseconds patience{0};
    /// Of the writer; 0: time goes by arrival. Only motion asks.
    double fps = 0;
    std::optional<MotionOptions> motion{};
  };
  struct End {
    /// Of a frame that never became complete.
    std::size_t leftoverBytes = 0;
    /// Empty when the writer closed its end.
    std::string cause;
  };

  FrameRing(int fd, const RawFormat& format, const Options& options, std::function<void()> wake);
  ~FrameRing();
  FrameRing(const FrameRing&) = delete;

  const RawFormat& format() const noexcept { return format_; }
  /// The newest frame that nobody was told of yet.
  std::shared_ptr<const RawFrame> takeNotice();
  /// Once, after the last frame.
  std::optional<End> takeEnd();
  std::shared_ptr<const RawFrame> find(std::uint64_t sequence);
  /// `frame` was printed: it stays among the ones printed last, of which those before `neededFrom` are let go.
  void taken(const std::shared_ptr<const RawFrame>& frame, std::uint64_t neededFrom);
  /// Nobody will print `sequence` or what came before it: the reader need not wait for that.
  void pass(std::uint64_t sequence);

 private:
  using Frames = std::deque<std::shared_ptr<RawFrame>>;

  void read();
  std::optional<End> readFrame(RawFrame& frame);
  void measureMotion(RawFrame& frame);
  std::shared_ptr<RawFrame> unused();
  void publish(std::shared_ptr<RawFrame> frame);
  void awaitTaken(std::uint64_t sequence);
  void finish(End end);

  // Given.
  const RawFormat format_;
  const Options options_;
  const std::function<void()> wake_;

  // Owned.
  int fd_;
  int stop_;
  std::unique_ptr<MotionMeter> meter_;
  std::thread thread_;

  // State (guarded by mutex_).
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<RawFrame>> all_;
  Frames newest_;
  Frames printed_;
  std::shared_ptr<RawFrame> notice_;
  std::optional<End> end_;
  std::uint64_t sequence_ = 0;
  std::uint64_t takenUpTo_ = 0;
  bool stopping_ = false;
};

}  // namespace vedette
