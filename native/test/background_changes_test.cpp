// Changes of the background on made pictures: what is put down or taken away makes a box, what is noise or light none.
#include "core/motion.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "test/check.hpp"
#include "test/made_scene.hpp"

using namespace vedette;
using namespace vedette::test;

namespace {

using Kind = BackgroundChange::Kind;
constexpr double kRates[] = {2, 15};

/// The scene at each second, on one pixel for each cell, because minutes of it are shown.
using Film = std::function<double(double seconds, double x, double y)>;

class Watch {
 public:
  explicit Watch(double fps, MotionOptions options = {}) : camera_(std::move(options), fps, PixelFormat::I420, 160, 90), fps_(fps) {}

  /// Goes on to `seconds`, and calls `each` with every reading and its time.
  template <typename Each>
  const MotionReading& until(double seconds, const Film& film, Each each) {
    while (frame_ / fps_ < seconds) {
      const double now = frame_ / fps_;
      reading_ = camera_.see([&](double x, double y) { return film(now, 4 * x, 4 * y); }, 1);
      frame_ += 1;
      each(now, reading_);
    }
    return reading_;
  }
  const MotionReading& until(double seconds, const Film& film) { return until(seconds, film, [](double, const MotionReading&) {}); }

 private:
  Camera camera_;
  double fps_;
  double frame_ = 0;
  MotionReading reading_;
};

Film still(const Scene& scene) {
  return [&](double, double x, double y) { return scene(x, y); };
}

Film lying(const Film& film, Square square, double from, double to, double grey = 235) {
  return [=](double now, double x, double y) { return now >= from && now < to && square.covers(x, y) ? grey : film(now, x, y); };
}

bool isOnly(const MotionReading& reading, const Square& square, Kind kind) {
  return reading.changeCount == 1 && iou(reading.changes[0].box, square) > 0.6 && reading.changes[0].kind == kind;
}

/// While the background is young half its age counts, so what came at 10 s has settled at 20 s; later it takes `fadeSeconds`.
void comesAndGoes() {
  for (const double fps : kRates) {
    const Scene scene(1);
    const Square bag{300, 150, 50};
    Watch watch(fps);
    double first = 0, last = 0, age = 0;
    int boxes = 0;
    watch.until(120, lying(still(scene), bag, 10, 60), [&](double now, const MotionReading& reading) {
      if (reading.changeCount == 0) return;
      if (first == 0) first = now;
      last = now;
      age = reading.changes[0].ageSeconds;
      boxes += isOnly(reading, bag, Kind::Came) ? 1 : 1000000;
    });
    CHECK(first >= 20 && first <= 22);
    CHECK(last >= 60 && last <= 63);
    CHECK(std::fabs(age - 50) < 2.5);
    CHECK(boxes > 38 * fps && boxes < 43 * fps);
  }
}

void fadesLaterOnAnOldBackground() {
  for (const double fps : kRates) {
    const Scene scene(2);
    const Square bag{100, 200, 60};
    Watch watch(fps);
    const Film film = lying(still(scene), bag, 60, 1e9, 20);
    CHECK(watch.until(79, film).changeCount == 0);
    const auto& reading = watch.until(83, film);
    CHECK(isOnly(reading, bag, Kind::Came) && std::fabs(reading.changes[0].ageSeconds - 22) < 2.5);
  }
}

void whatIsTakenAwayLeavesAGap() {
  for (const double fps : kRates) {
    const Scene scene(3);
    const Square chair{200, 80, 70};
    Watch watch(fps);
    const Film film = lying(still(scene), chair, -1, 30, 30);
    CHECK(watch.until(30, film).changeCount == 0);
    CHECK(isOnly(watch.until(55, film), chair, Kind::Went));
    // And brought back.
    CHECK(watch.until(60, lying(film, chair, 55, 1e9, 30)).changeCount == 0);
  }
}

void comesAgain() {
  const Scene scene(4);
  const Square bag{300, 150, 50};
  Watch watch(5);
  const Film twice = lying(lying(still(scene), bag, 60, 100), bag, 110, 1e9);
  CHECK(isOnly(watch.until(99, twice), bag, Kind::Came));
  CHECK(watch.until(109, twice).changeCount == 0);
  CHECK(isOnly(watch.until(135, twice), bag, Kind::Came));
  // Another thing in its place is still a change; the floor is not.
  const Film other = lying(twice, bag, 135, 170, 20);
  CHECK(isOnly(watch.until(165, other), bag, Kind::Came));
  CHECK(watch.until(180, lying(other, bag, 170, 1e9, scene(325, 175))).changeCount <= 1);
}

/// Kinds over many places and greys, also those of the scene: unknown at times, hardly ever wrong (1 of 200).
void cameOrWent() {
  int known = 0, wrong = 0, all = 0;
  std::mt19937 random(7);
  std::uniform_real_distribution<double> unit(0, 1);
  for (unsigned round = 0; round < 100; ++round) {
    const Scene scene(round);
    const Square thing{40 + 500 * unit(random), 40 + 220 * unit(random), 30 + 50 * unit(random)};
    const double grey = 255 * unit(random);
    const bool goes = round % 2 == 1;
    Watch watch(2, {.threshold = 8, .fadeSeconds = 10, .masks = {}});
    const auto& reading = watch.until(40, lying(still(scene), thing, goes ? -1 : 20, goes ? 20 : 1e9, grey));
    for (const BackgroundChange& change : reading.changed()) {
      ++all;
      known += change.kind != Kind::Unknown;
      wrong += change.kind == (goes ? Kind::Came : Kind::Went);
    }
  }
  std::printf("came or went: of %d changes %d known, %d wrong\n", all, known, wrong);
  CHECK(all >= 95 && known * 10 >= all * 6 && wrong * 50 <= all);
}

/// A day that grows dark, clouds, a lamp that is switched: nothing changes, and a thing that lies there is still told.
void lightIsNoChange() {
  for (const double fps : kRates) {
    const Scene scene(5);
    const Square bag{300, 150, 50};
    const Film day = [&](double now, double x, double y) {
      const double gain = (1 - 0.35 * std::min(now / 200, 1.0)) * (1 + 0.06 * std::sin(now / 9));
      return gain * scene(x, y) + (now > 120 && now < 150 ? 20 : 0);
    };
    Watch empty(fps), with(fps);
    std::size_t most = 0;
    empty.until(240, day, [&](double, const MotionReading& reading) { most = std::max(most, reading.changeCount); });
    CHECK(most == 0);
    const Film film = [&](double now, double x, double y) {
      return now >= 50 && now < 200 && bag.covers(x, y) ? 1.8 * day(now, x, y) : day(now, x, y);
    };
    int told = 0, frames = 0;
    with.until(198, film, [&](double now, const MotionReading& reading) {
      if (now < 75) return;
      ++frames;
      told += reading.changeCount == 1 && iou(reading.changes[0].box, bag) > 0.6;
    });
    CHECK(told == frames);
    CHECK(with.until(206, film).changeCount == 0);
  }
}

void anotherLightInHalfOfThePictureIsNone() {
  const Scene scene(6);
  Watch watch(5);
  const Film sun = [&](double now, double x, double y) { return scene(x, y) + (now > 50 && x > 330 ? 50 : 0); };
  std::size_t most = 0;
  watch.until(100, sun, [&](double, const MotionReading& reading) { most = std::max(most, reading.changeCount); });
  CHECK(most == 0);
}

void masksAndPassersByAreNone() {
  const Scene scene(7);
  MotionOptions options;
  options.masks = {{{0, 0}, {0.5f, 0}, {0.5f, 1}, {0, 1}}};
  Watch watch(5, options);
  const Square hidden{100, 100, 60}, seen{450, 200, 50};
  const Film film = lying(lying(still(scene), hidden, 30, 1e9), seen, 50, 1e9);
  const Film walked = [&](double now, double x, double y) {
    const Square person{std::fmod(60 * now, 2400), 220, 40};
    return person.covers(x, y) ? 15 : film(now, x, y);
  };
  std::size_t most = 0;
  watch.until(48, walked, [&](double, const MotionReading& reading) { most = std::max(most, reading.changeCount); });
  CHECK(most == 0);
  CHECK(isOnly(watch.until(90, walked), seen, Kind::Came));
}

/// Who is in the picture when it begins, and goes on.
void whatTheFirstSecondsShowedLeavesNoTrace() {
  for (const double fps : kRates) {
    const Scene scene(8);
    std::size_t most = 0;
    Watch watch(fps);
    watch.until(60, lying(still(scene), {300, 100, 60}, -1, 4), [&](double, const MotionReading& reading) {
      most = std::max(most, reading.changeCount);
    });
    CHECK(most == 0);
  }
}

void manyShareEightBoxes() {
  const Scene scene(9);
  Watch watch(2);
  Film film = still(scene);
  for (int i = 0; i < 12; ++i) film = lying(film, {40 + 140.0 * (i % 4), 40 + 110.0 * (i / 4), 36}, 50, 1e9);
  CHECK(watch.until(80, film).changeCount == kMostBackgroundChanges);
}

void isForgottenAfterAnHour() {
  const Scene scene(10);
  Watch watch(0.5);
  const Film film = lying(still(scene), {300, 150, 50}, 60, 1e9);
  CHECK(watch.until(3600, film).changeCount == 1);
  CHECK(watch.until(3700, film).changeCount == 0);
}

}  // namespace

int main() {
  return vedette::test::run({
      {"a thing comes and goes", comesAndGoes},
      {"it fades later on an old background", fadesLaterOnAnOldBackground},
      {"what is taken away leaves a gap", whatIsTakenAwayLeavesAGap},
      {"a thing comes again", comesAgain},
      {"came or went", cameOrWent},
      {"light is no change", lightIsNoChange},
      {"another light in half of the picture is none", anotherLightInHalfOfThePictureIsNone},
      {"masks and passers-by are none", masksAndPassersByAreNone},
      {"what the first seconds showed leaves no trace", whatTheFirstSecondsShowedLeavesNoTrace},
      {"many share eight boxes", manyShareEightBoxes},
      {"it is forgotten after an hour", isForgottenAfterAnHour},
  });
}
