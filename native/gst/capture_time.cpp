#include "gst/capture_time.hpp"

#include <algorithm>
#include <cmath>

namespace vedette::gst {

namespace {

constexpr double kPlausibleMs = 10'000;
constexpr double kWindowMs = 10'000;
/// 1900 to 1970, RFC 5905.
constexpr guint64 kNtpToUnixNs = G_GUINT64_CONSTANT(2208988800) * GST_SECOND;

GstCaps* ntpCaps() {
  static GstCaps* const caps = gst_caps_new_empty_simple("timestamp/x-ntp");
  return caps;
}

double milliseconds(GstClockTime time) { return static_cast<double>(time) / GST_MSECOND; }

}  // namespace

double ArrivalFilter::arrivalMs(double nowMs, double stampMs) noexcept {
  const double offset = nowMs - stampMs;
  const bool strange = !(std::abs(offset - std::min(current_, previous_)) < kPlausibleMs);
  if (strange) previous_ = offset;
  if (strange || nowMs - since_ > kWindowMs) {
    if (!strange) previous_ = current_;
    current_ = offset;
    since_ = nowMs;
  }
  current_ = std::min(current_, offset);
  return stampMs + std::min(current_, previous_);
}

Capture captureOf(ArrivalFilter& filter, GstBuffer* buffer, GstClockTime runningTime) noexcept {
  const double nowMs = static_cast<double>(g_get_real_time()) / 1000;
  const GstReferenceTimestampMeta* meta = gst_buffer_get_reference_timestamp_meta(buffer, ntpCaps());
  if (meta != nullptr && meta->timestamp > kNtpToUnixNs) {
    const double unixMs = milliseconds(meta->timestamp - kNtpToUnixNs);
    if (std::abs(unixMs - nowMs) < kPlausibleMs) return {unixMs, true};
  }
  if (!GST_CLOCK_TIME_IS_VALID(runningTime)) return {nowMs, false};
  const double monotonicMs = static_cast<double>(g_get_monotonic_time()) / 1000;
  return {nowMs - (monotonicMs - filter.arrivalMs(monotonicMs, milliseconds(runningTime))), false};
}

}  // namespace vedette::gst
