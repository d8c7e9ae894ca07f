// A decoder that is too slow, played in virtual time: how old its pictures get, and that nobody else loses any.
#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "gst/catch_up.hpp"
#include "test/check.hpp"

using vedette::gst::CatchUp;

namespace {

constexpr double kMostMs = 1000;
constexpr double kFrameMs = 40;

struct Played {
  double oldestMs = 0;
  int decoded = 0;
  int leftOut = 0;
};

/// Decodes units from `first` to `last` one after the other; each arrives when it was due, and later by `delayMs`.
Played play(CatchUp& catchUp, int first, int last, int keyEvery, double decodeMs,
            const std::function<double(int)>& delayMs = [](int) { return 0.0; }) {
  Played played;
  static double nowMs;
  if (first == 0) nowMs = 0;
  for (int unit = first; unit < last; ++unit) {
    const double stampMs = unit * kFrameMs;
    nowMs = std::max(nowMs, stampMs + delayMs(unit));
    if (catchUp.leavesOut(nowMs, stampMs, keyEvery > 0 && unit % keyEvery == 0)) {
      ++played.leftOut;
      continue;
    }
    nowMs += decodeMs;
    ++played.decoded;
    played.oldestMs = std::max(played.oldestMs, nowMs - stampMs);
  }
  return played;
}

void boundsTheAge() {
  CatchUp catchUp(kMostMs);
  const Played slow = play(catchUp, 0, 10'000, 50, 60);
  CHECK(slow.leftOut > 1000);
  CHECK(slow.decoded > 4000);
  CHECK(slow.oldestMs < kMostMs + 2 * 60);
  const Played fast = play(catchUp, 10'000, 11'000, 50, 5);
  CHECK(fast.leftOut < 100);
  CHECK(play(catchUp, 11'000, 12'000, 50, 5).leftOut == 0);
}

void boundsItWhenLittleIsMissing() {
  CatchUp catchUp(kMostMs);
  const Played played = play(catchUp, 0, 200'000, 50, 40.2);
  CHECK(played.leftOut > 0);
  // The clock of the camera could be slow by 500 ppm: a tenth of what is missing.
  CHECK(played.oldestMs < 1.2 * kMostMs);
}

void sparesWhoKeepsUp() {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> jitter(0, 400);
  CatchUp catchUp(kMostMs);
  CHECK(play(catchUp, 0, 100'000, 250, 10, [&](int) { return jitter(random); }).leftOut == 0);
  // A camera whose clock is slow by 200 ppm, for eleven hours.
  CatchUp drifting(kMostMs);
  CHECK(play(drifting, 0, 1'000'000, 250, 5, [](int unit) { return unit * kFrameMs * 200e-6; }).leftOut == 0);
  CatchUp never(0);
  CHECK(play(never, 0, 10'000, 50, 60).leftOut == 0);
}

void beginsAnewWhereTheStreamDoes() {
  CatchUp catchUp(kMostMs);
  CHECK(!catchUp.leavesOut(0, 0, true));
  CHECK(!catchUp.leavesOut(40, 3'600'000, false));
  CHECK(!catchUp.leavesOut(80, 40, false));
  CHECK(!catchUp.leavesOut(60'000, 80, false));
}

void doesNotWaitForeverForAKeyFrame() {
  CatchUp catchUp(kMostMs);
  CHECK(!catchUp.leavesOut(0, 0, true));
  CHECK(catchUp.leavesOut(2000, 40, false));
  int leftOut = 0;
  for (double nowMs = 2040; nowMs < 60'000; nowMs += kFrameMs) leftOut += catchUp.leavesOut(nowMs, nowMs - 40, false) ? 1 : 0;
  CHECK(leftOut > 200);
  CHECK(leftOut <= 250);
}

void doesNotWaitForACameraThatIsLateItself() {
  CatchUp catchUp(kMostMs);
  const Played played = play(catchUp, 0, 2000, 50, 5, [](int unit) { return unit < 1000 ? 0.0 : 9000.0; });
  CHECK(played.leftOut > 0);
  CHECK(played.leftOut * kFrameMs < 1000);
}

}  // namespace

int main() {
  return vedette::test::run({
      {"what a slow decoder gives stays young", boundsTheAge},
      {"also when it is slow by half a per cent", boundsItWhenLittleIsMissing},
      {"who keeps up loses nothing to jitter and drift", sparesWhoKeepsUp},
      {"time stamps that jump are no delay", beginsAnewWhereTheStreamDoes},
      {"a stream without key frames is decoded on", doesNotWaitForeverForAKeyFrame},
      {"so is a camera that is late itself", doesNotWaitForACameraThatIsLateItself},
  });
}
