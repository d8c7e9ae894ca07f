#include "gst/notice_pace.hpp"

#include <algorithm>

namespace vedette::gst {

namespace {

constexpr std::int64_t kMaxStepNs = 5'000'000'000;
constexpr double kSmoothing = 0.1;
/// Intervals shorter than so many spacings leave nothing out.
constexpr double kWorthwhile = 1.25;
/// Of half an interval the way back is taken, however numbers were rounded (`foldMs` of src/pipeline/phases.ts).
constexpr double kLongestAhead = 1.0 / 2 - 1.0 / 64;

}  // namespace

void NoticePace::setEvery(std::int64_t intervalNs) noexcept {
  dueNs_ += intervalNs - everyNs_;
  everyNs_ = intervalNs;
}

void NoticePace::moveTo(std::int64_t ptsNs) noexcept {
  if (everyNs_ <= 0) return;
  const std::int64_t rest = ((ptsNs - dueNs_) % everyNs_ + everyNs_) % everyNs_;
  dueNs_ += static_cast<double>(rest) > static_cast<double>(everyNs_) * kLongestAhead ? rest - everyNs_ : rest;
  if (dueNs_ <= lastNs_) dueNs_ += everyNs_;
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
  const bool isDue = static_cast<double>(dueNs_ - ptsNs) <= std::min(spacingNs_, every) / 2;
  if (isDue) dueNs_ = dueNs_ + everyNs_ > ptsNs ? dueNs_ + everyNs_ : ptsNs + everyNs_;
  return isDue || isSecond || every < kWorthwhile * spacingNs_;
}

}  // namespace vedette::gst
