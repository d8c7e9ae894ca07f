// Which frames the agent is told of; that they are those that it wants is compared with its own grid by `notice_cases.txt`.
#include "gst/notice_pace.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "test/check.hpp"

using namespace vedette::gst;

namespace {

constexpr std::int64_t kMs = 1'000'000;

std::string casesPath;

/// Which of `count` frames are picked, by number from 0, when each comes within `jitterMs` of its time.
std::vector<int> picked(NoticePace& pace, int count, double fps, unsigned jitterMs = 0) {
  std::mt19937 random(7);
  std::vector<int> result;
  for (int frame = 0; frame < count; ++frame) {
    const double ms = frame * 1000 / fps + (jitterMs == 0 ? 0 : static_cast<double>(random() % jitterMs));
    if (pace.picks(static_cast<std::int64_t>(ms * kMs))) result.push_back(frame);
  }
  return result;
}

void picksAtTheWantedPace() {
  for (const double fps : {15.0, 25.0, 29.97, 50.0}) {
    for (const double wanted : {1.0, 2.0, 5.0, 7.0, 10.0}) {
      NoticePace pace;
      pace.setEvery(static_cast<std::int64_t>(1e9 / wanted));
      const auto frames = picked(pace, static_cast<int>(60 * fps), fps);
      CHECK(std::abs(static_cast<double>(frames.size()) - 60 * wanted) <= 2);
      // The grid does not wander: each but the second is the frame nearest to a multiple of the interval.
      CHECK(frames[0] == 0 && frames[1] == 1);
      double before = 0;
      for (std::size_t i = 2; i < frames.size(); ++i) {
        const double slot = std::round(frames[i] / fps * wanted);
        CHECK(slot == before + 1);
        CHECK(std::abs(frames[i] / fps - slot / wanted) <= 0.51 / fps);
        before = slot;
      }
    }
  }
}

/// Whenever the grid is moved, and to wherever: frames lie on it, and are neither close to the one before nor far from it.
void movesItsGrid() {
  std::mt19937 random(7);
  for (const int every : {200, 250, 333, 1000}) {
    NoticePace pace;
    pace.setEvery(every * kMs);
    std::int64_t last = 0;
    std::int64_t at = 0;
    bool moved = true;
    for (int frame = 0; frame < 5000; ++frame) {
      const std::int64_t now = frame * 40 * kMs;
      if (frame > 1 && !moved && now - last < every * kMs / 2 && random() % 30 == 0) {
        at = static_cast<std::int64_t>(random() % 100'000) * kMs - 50'000 * kMs;
        pace.moveTo(at);
        moved = true;
      }
      if (!pace.picks(now)) continue;
      if (frame > 1) {
        const std::int64_t gap = now - last;
        const std::int64_t rest = ((now - at) % (every * kMs) + every * kMs) % (every * kMs);
        CHECK(std::min(rest, every * kMs - rest) <= (moved ? 40 : 20) * kMs);
        CHECK(gap >= (moved ? every / 2 : every) * kMs - 61 * kMs);
        CHECK(gap <= (moved ? 2 : 1) * every * kMs + 61 * kMs);
      }
      last = now;
      moved = false;
    }
    CHECK(pace.picks(0) && pace.picks(40 * kMs) && !pace.picks(80 * kMs));
  }
}

/// Each case: `#` its name; `every` and `at`, what the agent says; then presentation times, all in nanoseconds, with a star where the
/// scheduler wants the frame, or it is the second of a timeline. Written by test/pipeline/notice-cases.test.ts.
void tellsWhatIsWanted() {
  std::ifstream cases(casesPath);
  CHECK(cases.good());
  NoticePace pace;
  int frames = 0;
  std::string name;
  for (std::string word; cases >> word;) {
    if (word == "#") {
      std::getline(cases, name);
      pace = NoticePace();
    } else if (word == "every" || word == "at") {
      std::int64_t ns = 0;
      cases >> ns;
      if (word == "every") pace.setEvery(ns);
      else pace.moveTo(ns);
    } else {
      const bool isWanted = word.back() == '*';
      const bool isPicked = pace.picks(std::stoll(word));
      if (isPicked != isWanted) std::cerr << name << ": " << word << '\n';
      CHECK(isPicked == isWanted);
      ++frames;
    }
  }
  CHECK(frames > 500);
}

void picksEachWhereAllAreWanted() {
  for (const double wanted : {0.0, 12.5, 25.0, 30.0, 100.0}) {
    NoticePace pace;
    if (wanted > 0) pace.setEvery(static_cast<std::int64_t>(1e9 / wanted));
    CHECK(picked(pace, 1000, wanted == 12.5 ? 12.5 : 25, 39).size() == 1000);
  }
}

void changesItsPaceAtOnce() {
  NoticePace pace;
  std::int64_t now = 0;
  std::int64_t last = 0;
  const auto longestGap = [&](int frames) {
    std::int64_t gap = 0;
    for (int frame = 0; frame < frames; ++frame, now += 40 * kMs) {
      if (!pace.picks(now)) continue;
      gap = std::max(gap, now - last);
      last = now;
    }
    return gap;
  };
  std::mt19937 random(7);
  for (int change = 0; change < 500; ++change) {
    const std::int64_t every = static_cast<std::int64_t>(random() % 1000) * kMs;
    pace.setEvery(every);
    last = now - 40 * kMs;
    CHECK(longestGap(1 + static_cast<int>(random() % 60)) <= every + 40 * kMs);
  }
  now -= 3'600'000 * kMs;
  CHECK(pace.picks(now) && pace.picks(now + 40 * kMs));
}

}  // namespace

int main(int argc, char** argv) {
  casesPath = argc > 1 ? argv[1] : "";
  return vedette::test::run({
      {"notices keep the wanted pace", picksAtTheWantedPace},
      {"notices move to where they are wanted", movesItsGrid},
      {"notices are of the frames that the scheduler wants", tellsWhatIsWanted},
      {"notices leave nothing out where all frames are wanted", picksEachWhereAllAreWanted},
      {"notices change their pace at once", changesItsPaceAtOnce},
  });
}
