// When a picture was taken, from what GStreamer knows about its buffer.
#pragma once

#include <gst/gst.h>

#include <limits>

namespace vedette::gst {

/// Wall clock of the capture. `rtcp`: told by the camera's sender reports; otherwise when this machine received it.
struct Capture {
  double unixMs;
  bool rtcp;
};

/// Maps time stamps of a stream to the time at which they arrive when nothing delays them.
///
/// The least delayed of the last ten to twenty seconds sets the offset, so jitter on the way does not show, and the
/// drift of the camera's clock does no harm. A jump of the time stamps, or of more than ten seconds, starts anew.
class ArrivalFilter final {
 public:
  /// Both in milliseconds of their own clock; the result is in that of `nowMs`, and not later.
  double arrivalMs(double nowMs, double stampMs) noexcept;

 private:
  double since_ = 0;
  double current_ = std::numeric_limits<double>::quiet_NaN();
  double previous_ = 0;
};

/// The capture time of a buffer that has just arrived.
///
/// The camera's own clock is believed while it agrees with ours to 10 s: a camera without NTP starts in 1970 or in
/// another time zone, and its events could not be found again.
Capture captureOf(ArrivalFilter& filter, GstBuffer* buffer, GstClockTime runningTime) noexcept;

}  // namespace vedette::gst
