#include "gst/capture_time.hpp"

#include <cmath>

namespace vedette::gst {

namespace {

constexpr double kPlausibleMs = 10'000;
/// 1900 to 1970, RFC 5905.
constexpr guint64 kNtpToUnixNs = G_GUINT64_CONSTANT(2208988800) * GST_SECOND;

GstCaps* ntpCaps() {
  static GstCaps* const caps = gst_caps_new_empty_simple("timestamp/x-ntp");
  return caps;
}

/// How long ago `runningTime` was, or 0 where that cannot be said.
double ageMs(GstElement* element, GstClockTime runningTime) {
  GstClock* clock = gst_element_get_clock(element);
  if (clock == nullptr) return 0;
  const GstClockTime now = gst_clock_get_time(clock);
  const GstClockTime base = gst_element_get_base_time(element);
  gst_object_unref(clock);
  if (!GST_CLOCK_TIME_IS_VALID(runningTime) || now < base) return 0;
  const double age = (static_cast<double>(now - base) - static_cast<double>(runningTime)) / GST_MSECOND;
  return age > 0 && age < kPlausibleMs ? age : 0;
}

}  // namespace

Capture captureOf(GstElement* element, GstBuffer* buffer, GstClockTime runningTime) noexcept {
  const double nowMs = static_cast<double>(g_get_real_time()) / 1000;
  const GstReferenceTimestampMeta* meta = gst_buffer_get_reference_timestamp_meta(buffer, ntpCaps());
  if (meta != nullptr && meta->timestamp > kNtpToUnixNs) {
    const double unixMs = static_cast<double>(meta->timestamp - kNtpToUnixNs) / GST_MSECOND;
    if (std::abs(unixMs - nowMs) < kPlausibleMs) return {unixMs, true};
  }
  return {nowMs - ageMs(element, runningTime), false};
}

}  // namespace vedette::gst
