// When a picture was taken, from what GStreamer knows about its buffer.
#pragma once

#include <gst/gst.h>

namespace vedette::gst {

/// Wall clock of the capture. `rtcp`: told by the camera's sender reports; otherwise when this machine received it.
struct Capture {
  double unixMs;
  bool rtcp;
};

/// The capture time of a buffer that has just reached `element`.
///
/// The camera's own clock is believed while it agrees with ours to 10 s: a camera without NTP starts in 1970 or in
/// another time zone, and its events could not be found again. Otherwise the time since the buffer's running time is
/// taken off the present, which leaves out the jitter buffer and the decoder.
Capture captureOf(GstElement* element, GstBuffer* buffer, GstClockTime runningTime) noexcept;

}  // namespace vedette::gst
