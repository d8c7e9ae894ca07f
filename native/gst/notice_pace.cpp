#include "gst/notice_pace.hpp"

#include <algorithm>

namespace vedette::gst {

namespace {

constexpr std::int64_t kMaxStepNs = 5'000'000'000;
constexpr double kSmoothing = 0.1;
/// Intervals shorter than so many spacings leave nothing out.
constexpr double kWorthwhile = 1.25;
/// Intervals of 1.6 spacings, 3.6, 5.6 … are the first that go around a key frame by one frame, two, three: none is common.
constexpr double kRoundUp = 0.2;

/// How many frames half an interval is.
std::int64_t framesAround(double every, std::int64_t spacing) noexcept {
  return spacing > 0 ? static_cast<std::int64_t>(every / static_cast<double>(spacing) / 2 + kRoundUp) : 0;
}

}  // namespace

void NoticePace::setEvery(std::int64_t intervalNs) noexcept {
  dueNs_ += intervalNs - everyNs_;
  everyNs_ = intervalNs;
}

bool NoticePace::picks(std::int64_t ptsNs) noexcept {
  const std::int64_t step = ptsNs - lastNs_;
  const bool isNew = !begun_ || step < 0 || step > kMaxStepNs;
  const bool isSecond = !isNew && spacingNs_ == 0;
  begun_ = true;
  lastNs_ = ptsNs;
  if (isNew) {
    dueNs_ = ptsNs;
    spacingNs_ = 0;
  } else {
    spacingNs_ += (static_cast<double>(step) - spacingNs_) * (spacingNs_ == 0 ? 1 : kSmoothing);
  }
  const auto every = static_cast<double>(everyNs_);
  if (isSecond) dueNs_ -= framesAround(every, step) * step;
  const bool isDue = static_cast<double>(dueNs_ - ptsNs) <= std::min(spacingNs_, every) / 2;
  if (isDue) dueNs_ = dueNs_ + everyNs_ > ptsNs ? dueNs_ + everyNs_ : ptsNs + everyNs_;
  return isDue || isSecond || every < kWorthwhile * spacingNs_;
}

}  // namespace vedette::gst
