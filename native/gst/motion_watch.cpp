#include "gst/motion_watch.hpp"

#include <algorithm>
#include <ctime>

#include "gst/frame_store.hpp"
#include "gst/mapped_frame.hpp"

namespace vedette::gst {

namespace {

constexpr int kTrials = 8;
constexpr double kDearMs = 3;

/// Other programs on the machine must not make memory look slow.
double threadMs() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

}  // namespace

bool MotionWatch::isDear() const noexcept { return tried_ >= kTrials && leastMs_ > kDearMs; }

MotionReading MotionWatch::measure(GstBuffer* buffer, const GstVideoInfo& info, std::int64_t ptsNs) {
  if (isDear()) return {};
  const double start = threadMs();
  const HeldFrame frame(0, 0, 0, buffer, info);
  const MappedFrame mapped(frame);
  const auto picture = mapped.picture();
  if (!picture) return {};
  const MotionReading reading = meter_.measure(*picture, ptsNs);
  leastMs_ = std::min(leastMs_, threadMs() - start);
  tried_ = std::min(tried_ + 1, kTrials);
  return reading;
}

}  // namespace vedette::gst
