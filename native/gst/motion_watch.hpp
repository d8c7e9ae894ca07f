// Motion of the decoded pictures of one stream, as long as looking at them is cheap.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <cstdint>
#include <limits>

#include "core/motion.hpp"

namespace vedette::gst {

/// Measures buffers, and gives up where their memory is slow to read.
///
/// Memory of a hardware decoder may not be cached, or is copied by its driver whenever it is mapped. Nobody can tell from
/// outside, so the first measurements are timed: when not one of eight took less than 3 ms of this thread's processor
/// time, where 0.1 ms is usual, motion is not measured for the rest of the session.
///
/// Owns:    the meter.
/// Threads: one.
/// Fails:   what cannot be mapped is not measured.
/// Cost:    that of MotionMeter.
class MotionWatch final {
 public:
  explicit MotionWatch(MotionOptions options) : meter_(std::move(options)) {}

  MotionReading measure(GstBuffer* buffer, const GstVideoInfo& info, std::int64_t ptsNs);

 private:
  bool isDear() const noexcept;

  MotionMeter meter_;
  int tried_ = 0;
  double leastMs_ = std::numeric_limits<double>::infinity();
};

}  // namespace vedette::gst
