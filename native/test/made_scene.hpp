// Made pictures for the tests of motion: scenes with noise, and a camera that shows them to a meter.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include "core/motion.hpp"

namespace vedette::test {

inline constexpr int kWidth = 640, kHeight = 360;
using Grey = std::function<double(double x, double y)>;

/// Soft spots of many sizes, as in a real scene; the same for the same seed. Repeats after kTile pixels.
class Scene {
 public:
  explicit Scene(unsigned seed) : tile_(kTile * kTile, 120) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> unit(0, 1);
    for (int i = 0; i < 24; ++i) {
      const int right = static_cast<int>(random() % 15) - 7, down = static_cast<int>(random() % 15) - 7;
      const double phase = 2 * M_PI * unit(random), height = 12 * unit(random);
      for (int at = 0; at < kTile * kTile; ++at) {
        const int waves = right * (at % kTile) + down * (at / kTile);
        tile_[static_cast<std::size_t>(at)] += height * std::sin(2 * M_PI * waves / kTile + phase);
      }
    }
  }
  double operator()(double x, double y) const {
    const double left = std::floor(x), top = std::floor(y), right = x - left, down = y - top;
    const int column = static_cast<int>(left), row = static_cast<int>(top);
    const double above = at(column, row) * (1 - right) + at(column + 1, row) * right;
    const double below = at(column, row + 1) * (1 - right) + at(column + 1, row + 1) * right;
    return above * (1 - down) + below * down;
  }

 private:
  static constexpr int kTile = 256;
  double at(int x, int y) const { return tile_[static_cast<std::size_t>((y & (kTile - 1)) * kTile + (x & (kTile - 1)))]; }
  std::vector<double> tile_;
};

/// Normal deviates, drawn once: taken from a random place on, they are new ones for every frame.
inline const std::vector<float>& deviates() {
  static const std::vector<float> drawn = [] {
    std::mt19937 random(11);
    std::normal_distribution<float> normal;
    std::vector<float> values(1 << 20);
    for (float& value : values) value = normal(random);
    return values;
  }();
  return drawn;
}

/// One stream: pictures in, readings out.
class Camera {
 public:
  explicit Camera(MotionOptions options = {}, double fps = 10, PixelFormat format = PixelFormat::I420, int width = kWidth,
                  int height = kHeight)
      : meter_(std::move(options)), fps_(fps), format_(format), width_(width), height_(height),
        block_(pictureBytes(format, width, height), std::byte{128}) {}

  const MotionReading& see(const Grey& grey, double sigma = 0) {
    const auto& noise = deviates();
    std::size_t drawn = random_();
    const std::size_t row = rowBytes(format_, width_, 0);
    const auto step = static_cast<std::size_t>(layoutOf(format_).channel[0].step);
    for (int y = 0; y < height_; ++y) {
      for (int x = 0; x < width_; ++x) {
        const double value = grey(x, y) + sigma * static_cast<double>(noise[drawn++ % noise.size()]);
        const auto byte = static_cast<std::byte>(std::clamp(value + 0.5, 0.0, 255.0));
        std::byte* at = &block_[static_cast<std::size_t>(y) * row + static_cast<std::size_t>(x) * step];
        if (layoutOf(format_).model == ColourModel::Rgb) std::fill_n(at, step, byte);
        else *at = byte;
      }
    }
    const auto ptsNs = static_cast<std::int64_t>(frame_++ * 1e9 / fps_);
    return meter_.measure(*pictureIn(block_, format_, width_, height_), ptsNs);
  }

  void learn(const Grey& grey, double sigma = 0) {
    for (int i = 0; i < 200 && !see(grey, sigma).isMeasured(); ++i) {}
  }

 private:
  MotionMeter meter_;
  double fps_;
  PixelFormat format_;
  int width_, height_;
  std::vector<std::byte> block_;
  std::mt19937 random_{3};
  double frame_ = 0;
};

struct Square {
  double left, top, side;
  bool covers(double x, double y) const { return x >= left && y >= top && x < left + side && y < top + side; }
};

inline Grey with(const Grey& scene, Square square, double grey = 235) {
  return [=](double x, double y) { return square.covers(x, y) ? grey : scene(x, y); };
}

inline double iou(const Rectangle& box, const Square& square) {
  const double x = box.x * kWidth, y = box.y * kHeight, w = box.w * kWidth, h = box.h * kHeight;
  const double across = std::min(x + w, square.left + square.side) - std::max(x, square.left);
  const double down = std::min(y + h, square.top + square.side) - std::max(y, square.top);
  const double common = std::max(across, 0.0) * std::max(down, 0.0);
  return common / (w * h + square.side * square.side - common);
}

}  // namespace vedette::test
