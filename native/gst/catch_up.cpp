#include "gst/catch_up.hpp"

#include <algorithm>
#include <cmath>

namespace vedette::gst {

namespace {

/// A larger step is another timeline, not a delay: the agent gives up on a silent camera long before.
constexpr double kJumpMs = 10'000;
constexpr double kLongestWithoutKeyMs = 10'000;
/// What waits in buffers is left out within moments.
constexpr double kNoYoungerMs = 500;
constexpr double kYoungerByMs = 20;
/// Clocks of cameras go wrong by less; what grows faster is a delay.
constexpr double kDrift = 500e-6;

}  // namespace

void CatchUp::beginAt(double nowMs, double offsetMs) noexcept {
  leastMs_ = offsetMs;
  seenMs_ = nowMs;
  leavingSinceMs_ = std::numeric_limits<double>::quiet_NaN();
}

bool CatchUp::leavesOut(double nowMs, double stampMs, bool key) noexcept {
  if (mostMs_ <= 0) return false;
  const double offsetMs = nowMs - stampMs;
  if (!(std::abs(offsetMs - leastMs_) < kJumpMs)) beginAt(nowMs, offsetMs);
  leastMs_ = std::min(leastMs_ + kDrift * (nowMs - seenMs_), offsetMs);
  seenMs_ = nowMs;
  const double lateMs = offsetMs - leastMs_;
  const bool isLeaving = !std::isnan(leavingSinceMs_);
  if (!isLeaving) {
    if (lateMs <= mostMs_) return false;
    leavingSinceMs_ = youngerAtMs_ = nowMs;
    youngestMs_ = lateMs;
  }
  if (lateMs < youngestMs_ - kYoungerByMs) {
    youngestMs_ = lateMs;
    youngerAtMs_ = nowMs;
  }
  const bool isLate = lateMs >= mostMs_ / 2;
  if (key && !isLate) {
    leavingSinceMs_ = std::numeric_limits<double>::quiet_NaN();
    return false;
  }
  const bool isInVain = isLate && nowMs - youngerAtMs_ > kNoYoungerMs;
  if (!isInVain && nowMs - leavingSinceMs_ < kLongestWithoutKeyMs) return true;
  beginAt(nowMs, offsetMs);
  return false;
}

}  // namespace vedette::gst
