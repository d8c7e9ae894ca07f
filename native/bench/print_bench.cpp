// Print against libyuv's three passes on the same 1080p buffers: interleaved runs, medians, ratios.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>

#include "bench/libyuv_print.hpp"

using namespace vedette;

namespace {

constexpr int kWidth = 1920, kHeight = 1080;
/// A decoder cycles through its pool, so that a frame is seldom in the nearest cache.
constexpr int kFrames = 6;

/// Of this thread's processor time: other programs on the machine then matter less.
double now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

double microseconds(const std::function<void()>& work) {
  const double start = now();
  work();
  return now() - start;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

struct Pool {
  std::vector<std::vector<std::byte>> blocks;
  std::vector<Picture> pictures;
};

/// Slow waves with some noise, about what a camera sends.
Pool frames(PixelFormat format) {
  Pool pool;
  std::mt19937 random(1);
  for (int i = 0; i < kFrames; ++i) {
    auto& block = pool.blocks.emplace_back();
    for (int plane = 0; plane < layoutOf(format).planes; ++plane) {
      const std::size_t width = rowBytes(format, kWidth, plane);
      for (int y = 0; y < rowCount(format, kHeight, plane); ++y) {
        for (std::size_t x = 0; x < width; ++x) {
          const double wave = std::sin(static_cast<double>(x) / 200) * std::cos(y / 150.0 + plane);
          block.push_back(static_cast<std::byte>(120 + 60 * wave + static_cast<double>(random() % 8)));
        }
      }
    }
  }
  for (auto& block : pool.blocks) pool.pictures.push_back(*pictureIn(block, format, kWidth, kHeight));
  return pool;
}

/// The mean difference between two prints, in steps of 1 of 255: they must be the same picture.
double difference(const PrintFormat& format, const std::byte* a, const std::byte* b) {
  double sum = 0;
  const std::size_t count = 3 * static_cast<std::size_t>(format.width) * static_cast<std::size_t>(format.height);
  for (std::size_t i = 0; i < count; ++i) {
    const bool floats = format.dtype == DType::Float32;
    const double left = floats ? reinterpret_cast<const float*>(a)[i] * 255 : static_cast<double>(a[i]);
    const double right = floats ? reinterpret_cast<const float*>(b)[i] * 255 : static_cast<double>(b[i]);
    sum += std::abs(left - right);
  }
  return sum / static_cast<double>(count);
}

void compare(PixelFormat pixels, const char* name, int side, DType dtype, int rounds) {
  const PrintFormat format{side, side,          TensorLayout::Planar, ChannelOrder::Rgb, dtype, Fit::Centre,
                           114,  {0, 0, 0}, {1 / 255.f, 1 / 255.f, 1 / 255.f}};
  const Pool pool = frames(pixels);
  std::vector<float> ours(printedBytes(format) / sizeof(float) + 1), theirs(ours.size());
  const auto out = [](std::vector<float>& tensor) { return std::as_writable_bytes(std::span(tensor)); };
  Printer printer;
  LibyuvPrinter box(YuvFilter::Box), bilinear(YuvFilter::Bilinear);
  std::vector<double> times[3];
  for (int round = 0; round < rounds; ++round) {
    const auto& picture = [&](int turn) -> const Picture& {
      return pool.pictures[static_cast<std::size_t>((round * 3 + turn) % kFrames)];
    };
    times[0].push_back(microseconds([&] { printer.print(picture(0), {0, 0, 1, 1}, format, out(ours)); }));
    times[1].push_back(microseconds([&] { box.print(picture(1), format, out(theirs).data()); }));
    times[2].push_back(microseconds([&] { bilinear.print(picture(2), format, out(theirs).data()); }));
  }
  printer.print(pool.pictures[0], {0, 0, 1, 1}, format, out(ours));
  box.print(pool.pictures[0], format, out(theirs).data());
  const double apart = difference(format, out(ours).data(), out(theirs).data());
  const double us = median(times[0]), usBox = median(times[1]), usBilinear = median(times[2]);
  std::printf("| %s | %d | %s | %.0f | %.0f | %.0f | %.2f | %.2f | %.2f |\n", name, side,
              dtype == DType::Uint8 ? "uint8" : "float32", us, usBox, usBilinear, us / usBox, us / usBilinear, apart);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 300;
  std::printf("1080p, letterboxed planar RGB, kernel %s, median of %d, microseconds\n\n", name(kernels().back()).data(),
              rounds);
  std::puts("| pixels | side | type | print | libyuv box | libyuv bilinear | ÷ box | ÷ bilinear | mean difference |");
  std::puts("|---|---|---|---|---|---|---|---|---|");
  for (const int side : {320, 416, 640}) {
    for (const DType dtype : {DType::Uint8, DType::Float32}) {
      compare(PixelFormat::I420, "I420", side, dtype, rounds);
      compare(PixelFormat::NV12, "NV12", side, dtype, rounds);
    }
  }
}
