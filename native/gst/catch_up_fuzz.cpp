// Any units at any times: a decoder is never left without them for long, and one that is in time loses none.
#include <cmath>
#include <cstring>
#include <limits>

#include "gst/catch_up.hpp"

using vedette::gst::CatchUp;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, unsigned long size) {
  constexpr double kMostMs = 1000, kLongestMs = 10'000;
  CatchUp catchUp(kMostMs), never(0);
  double nowMs = 1e9, stampMs = 0, leavingSinceMs = std::numeric_limits<double>::quiet_NaN(), farthestMs = 0;
  for (unsigned long at = 0; at + 3 < size; at += 4) {
    const bool isKey = data[at] % 4 == 0, isJump = data[at] > 250;
    nowMs += data[at + 1] * (data[at] % 3 == 0 ? 10 : 1);
    if (isJump && at + 11 < size) std::memcpy(&stampMs, data + at + 4, sizeof stampMs);
    if (!(std::fabs(stampMs) < 1e15)) stampMs = 0;
    stampMs += data[at + 2] * (data[at + 3] % 5 == 0 ? 10 : 1);
    // By how much any unit so far differed from the first in when it came.
    const bool isLeftOut = catchUp.leavesOut(nowMs, stampMs, isKey);
    farthestMs = std::fmax(farthestMs, std::fabs(nowMs - 1e9 - stampMs));
    if (never.leavesOut(nowMs, stampMs, isKey)) __builtin_trap();
    if (isLeftOut && farthestMs < kMostMs / 2) __builtin_trap();
    if (!isLeftOut) leavingSinceMs = std::numeric_limits<double>::quiet_NaN();
    else if (std::isnan(leavingSinceMs)) leavingSinceMs = nowMs;
    if (nowMs - leavingSinceMs >= kLongestMs) __builtin_trap();
  }
  return 0;
}
