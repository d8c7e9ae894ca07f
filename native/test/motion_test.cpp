// Motion on made pictures: what is noise, light, shake or masked gives nothing, what moves is found where it is.
#include "core/motion.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "test/check.hpp"
#include "test/made_scene.hpp"

using namespace vedette;
using namespace vedette::test;

namespace {

void noiseIsNoMotion() {
  for (const double sigma : {0.0, 2.0, 5.0, 12.0, 25.0, 50.0}) {
    for (const double fps : {2.0, 15.0}) {
      Camera camera({}, fps);
      const Scene scene(1);
      camera.learn(scene, sigma);
      double worst = 0;
      for (int i = 0; i < 12; ++i) worst = std::max(worst, static_cast<double>(camera.see(scene, sigma).score));
      CHECK(worst < 0.0005);
    }
  }
}

void lightIsNoMotion() {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> unit(-1, 1);
  for (unsigned round = 0; round < 12; ++round) {
    const Scene scene(round);
    Camera camera;
    camera.learn(scene, 2);
    const double gain = 1 + 0.4 * unit(random), offset = 25 * unit(random);
    const Grey lit = [&](double x, double y) { return gain * scene(x, y) + offset; };
    for (int i = 0; i < 8; ++i) {
      const MotionReading& reading = camera.see(i < 5 ? lit : Grey(scene), 2);
      // What was too bright to be told apart looks new when the light goes back.
      CHECK(reading.isMeasured() && reading.score < 0.002f);
    }
  }
}

void movesInChangingLight() {
  const Scene scene(2);
  Camera camera;
  camera.learn(scene, 2);
  const Square square{300, 150, 60};
  const auto& reading = camera.see([&](double x, double y) { return square.covers(x, y) ? 240 : 0.8 * scene(x, y) - 5; }, 2);
  CHECK(reading.verdict == MotionVerdict::LightChanged);
  CHECK(reading.count == 1 && iou(reading.boxes[0], square) > 0.6);
}

void shakeIsNoMotion() {
  std::mt19937 random(9);
  std::uniform_real_distribution<double> pixels(-3, 3);
  for (unsigned round = 0; round < 6; ++round) {
    const Scene scene(round);
    Camera camera;
    camera.learn(scene, 2);
    for (int i = 0; i < 8; ++i) {
      const double dx = pixels(random), dy = pixels(random);
      const auto& reading = camera.see([&](double x, double y) { return scene(x - dx, y - dy); }, 2);
      CHECK(reading.score < 0.001f);
    }
    // Whole cells.
    const auto& jolt = camera.see([&](double x, double y) { return scene(x - 9, y + 6); }, 2);
    CHECK(jolt.score < 0.01f);
  }
}

void findsASquare() {
  for (const double fps : {2.0, 5.0, 25.0}) {
    for (const double side : {24.0, 48.0, 100.0}) {
      const Scene scene(4);
      Camera camera({}, fps);
      camera.learn(scene, 3);
      for (int i = 0; i < 6; ++i) {
        const Square square{40 + 70.0 * i, 60 + 20.0 * i, side};
        for (int wait = 0; wait < (fps > 16 ? 2 : 1); ++wait) camera.see(with(scene, square), 3);
        const auto& reading = camera.see(with(scene, square), 3);
        CHECK(reading.count == 1);
        // A cell and its margin on each side belong to the box.
        const double around = side + 16;
        CHECK(iou(reading.boxes[0], square) > 0.8 * side * side / (around * around));
        CHECK(reading.score > 0.5 * side * side / (kWidth * kHeight));
      }
    }
  }
}

void everyFormat() {
  for (int format = 0; format < 10; ++format) {
    const Scene scene(4);
    Camera camera({}, 10, static_cast<PixelFormat>(format));
    camera.learn(scene, 2);
    CHECK(camera.see(scene, 2).count == 0);
    const Square square{200, 100, 60};
    const auto& reading = camera.see(with(scene, square), 2);
    CHECK(reading.count == 1 && iou(reading.boxes[0], square) > 0.6);
  }
}

void masksAreBlind() {
  MotionOptions options;
  options.masks = {{{0, 0}, {0.5f, 0}, {0.5f, 1}, {0, 1}}, {{0.9f, 0.9f}, {1, 0.9f}}};
  const Scene scene(6);
  Camera camera(options);
  camera.learn(scene, 2);
  CHECK(camera.see(with(scene, {100, 100, 80}), 2).score == 0);
  const Square seen{450, 100, 80};
  const auto& reading = camera.see(with(scene, seen), 2);
  CHECK(reading.count == 1 && iou(reading.boxes[0], seen) > 0.6);
  // Of the half that is looked at.
  CHECK(std::fabs(reading.score - 80.0 * 80 / (kWidth * kHeight / 2)) < 0.02);
}

/// After so many seconds the square is background, whatever the frame rate; taken away, the place is soon as before.
void whatStopsFades() {
  for (const double fps : {2.0, 10.0}) {
    const Scene scene(7);
    Camera camera({.threshold = 8, .fadeSeconds = 10, .masks = {}}, fps);
    camera.learn(scene, 2);
    for (int i = 0; i < 20 * fps; ++i) camera.see(scene, 2);
    const Square square{300, 100, 50};
    double seconds = 0;
    while (camera.see(with(scene, square), 2).count > 0 && seconds < 60) seconds += 1 / fps;
    CHECK(seconds >= 9 && seconds <= 12);
    CHECK(camera.see(scene, 2).count == 1);
    for (double i = 0; i < 2 * fps; ++i) camera.see(scene, 2);
    CHECK(camera.see(scene, 2).count == 0);
  }
}

void anotherPictureIsLearnt() {
  Camera camera;
  camera.learn(Scene(1), 2);
  const Grey other = [](double x, double y) { return std::fmod(x / 50 + std::floor(y / 40), 2.0) < 1 ? 20.0 : 230.0; };
  CHECK(!camera.see(other, 2).isMeasured());
  camera.learn(other, 2);
  CHECK(camera.see(other, 2).count == 0);
}

/// A camera that turns at any pace it is followed at, and then stands still.
void driftIsMeasured() {
  std::mt19937 random(21);
  std::uniform_real_distribution<double> pixels(-14, 14);
  for (unsigned round = 0; round < 8; ++round) {
    const Scene scene(round);
    Camera camera;
    camera.learn(scene, 2);
    double right = 0, down = 0;
    const double dx = pixels(random), dy = pixels(random);
    const MotionReading* reading = nullptr;
    for (int i = 0; i < 20; ++i) {
      right += dx;
      down += dy;
      reading = &camera.see([&](double x, double y) { return scene(x - right, y - down); }, 2);
    }
    CHECK(std::fabs(reading->cameraShiftX * kWidth - right) < 0.03 * std::fabs(right) + 4);
    CHECK(std::fabs(reading->cameraShiftY * kHeight - down) < 0.03 * std::fabs(down) + 4);
    const double atX = reading->cameraShiftX, atY = reading->cameraShiftY;
    for (int i = 0; i < 20; ++i) reading = &camera.see([&](double x, double y) { return scene(x - right, y - down); }, 2);
    CHECK(reading->cameraShiftX == atX && reading->cameraShiftY == atY);
  }
}

/// What passes, however large, light and another picture move no camera.
void onlyTheCameraDrifts() {
  const Scene scene(3), other(8);
  Camera camera;
  camera.learn(scene, 2);
  for (int i = 0; i < 40; ++i) {
    const Square lorry{-200.0 + 20 * i, 60, 240};
    const Grey passing = [&](double x, double y) { return lorry.covers(x, y) ? other(x - 20 * i, y) : scene(x, y); };
    const auto& reading = camera.see(passing, 2);
    CHECK(reading.cameraShiftX == 0 && reading.cameraShiftY == 0);
  }
  for (int i = 0; i < 10; ++i) {
    const auto& reading = camera.see([&](double x, double y) { return (i % 2 == 0 ? 0.7 : 1.2) * scene(x, y); }, 2);
    CHECK(reading.cameraShiftX == 0 && reading.cameraShiftY == 0);
  }
  CHECK(camera.see(other, 2).cameraShiftX == 0);
}

/// Sizes at which rows are shorter than a run, or cells are cut by the edge.
void oddSizes() {
  for (const int width : {1, 2, 3, 7, 9, 161, 323}) {
    for (const int height : {1, 2, 5, 162}) {
      for (const PixelFormat format : {PixelFormat::I420, PixelFormat::YUY2, PixelFormat::RGB, PixelFormat::BGRx}) {
        Camera camera({}, 10, format, width, height);
        for (int i = 0; i < 14; ++i) camera.see([i](double x, double) { return i == 13 ? 250 : 50 + x / 4; });
        CHECK(camera.see([](double, double) { return 50; }).score <= 1);
      }
    }
  }
}

}  // namespace

int main() {
  return vedette::test::run({
      {"noise is no motion", noiseIsNoMotion},
      {"light is no motion", lightIsNoMotion},
      {"what moves is found while the light changes", movesInChangingLight},
      {"shake is no motion", shakeIsNoMotion},
      {"a moving square is found", findsASquare},
      {"every pixel format", everyFormat},
      {"masks are blind", masksAreBlind},
      {"what stops fades", whatStopsFades},
      {"another picture is learnt", anotherPictureIsLearnt},
      {"a turning camera is followed", driftIsMeasured},
      {"only the camera drifts", onlyTheCameraDrifts},
      {"odd sizes", oddSizes},
  });
}
