// Which decoded frames are worth waking somebody for.
#pragma once

#include <cstdint>

namespace vedette::gst {

/// Picks frames at a pace of the stream's own time, as the scheduler does that will choose among them.
///
/// Told frames lie on a grid that moves on by whole intervals; a frame up to half a spacing early belongs to it. A step
/// backwards or beyond five seconds begins a new grid, whose second frame is picked as well: two tell the stream's rate, and by it the agent
/// decides where the grid goes on. Where the stream is hardly faster than the pace every frame is picked, so that a camera of which all are
/// wanted loses none to its jitter.
///
/// Threads: one at a time.
/// Cost:    no allocation.
class NoticePace final {
 public:
  /// 0: every frame. The grid stays where it is: the next frame comes one new interval after the last one.
  void setEvery(std::int64_t intervalNs) noexcept;
  /// Moves the grid by half an interval at most, so that `ptsNs` lies on it or any number of intervals from it; of two ways
  /// equally long back. What is past by then is left out.
  void moveTo(std::int64_t ptsNs) noexcept;
  /// Call for each frame, in order of presentation.
  bool picks(std::int64_t ptsNs) noexcept;

 private:
  std::int64_t everyNs_ = 0;
  std::int64_t dueNs_ = 0;
  std::int64_t lastNs_ = 0;
  /// Smoothed.
  double spacingNs_ = 0;
  bool begun_ = false;
};

}  // namespace vedette::gst
