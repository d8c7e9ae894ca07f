// What a motion measurement costs: pictures of a still and of a busy scene, medians of this thread's processor time. Before each one
// the picture is written and another one read, as a decoder does: nothing of the last measurement is in the nearest caches any more.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <numeric>
#include <random>
#include <vector>

#include "core/motion.hpp"

using namespace vedette;

namespace {

constexpr int kFrames = 8;
constexpr std::int64_t kSpacingNs = 100'000'000;

double now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

/// Waves with noise, and on them squares that are elsewhere in each frame.
std::vector<std::vector<std::byte>> scene(PixelFormat format, int width, int height, int squares) {
  std::vector<std::vector<std::byte>> blocks;
  std::mt19937 random(1);
  const int side = height / 8;
  const std::size_t row = rowBytes(format, width, 0), step = row / static_cast<std::size_t>(width);
  for (int frame = 0; frame < kFrames; ++frame) {
    auto& block = blocks.emplace_back(pictureBytes(format, width, height), std::byte{128});
    for (int y = 0; y < height; ++y) {
      for (std::size_t x = 0; x < row; ++x) {
        const double wave = std::sin(static_cast<double>(x) / 40) * std::cos(y / 30.0);
        block[static_cast<std::size_t>(y) * row + x] = static_cast<std::byte>(120 + 60 * wave + static_cast<double>(random() % 12));
      }
    }
    for (int square = 0; square < squares; ++square) {
      const int left = (square * 211 + frame * side / 4) % (width - side), top = square * 137 % (height - side);
      for (int y = top; y < top + side; ++y) {
        const auto from = block.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(y) * row + static_cast<std::size_t>(left) * step);
        std::fill_n(from, static_cast<std::size_t>(side) * step, std::byte{230});
      }
    }
  }
  return blocks;
}

/// Writes one block of the decoder's pool, and reads the one that was written before it.
unsigned long long decode(const std::vector<std::byte>& from, std::vector<std::byte>& to, const std::vector<std::byte>& reference) {
  std::memcpy(to.data(), from.data(), from.size());
  return std::accumulate(reference.begin(), reference.end(), 0ull, [](auto sum, std::byte each) { return sum + static_cast<unsigned>(each); });
}

void measure(PixelFormat format, const char* name, int width, int height, int squares, int rounds) {
  const auto blocks = scene(format, width, height, squares);
  auto pool = blocks;
  MotionMeter meter({});
  std::vector<double> times;
  double score = 0;
  for (int round = 0; round < rounds; ++round) {
    auto& block = pool[static_cast<std::size_t>(round % kFrames)];
    const auto seen = decode(blocks[static_cast<std::size_t>(round * 3 % kFrames)], block, pool[static_cast<std::size_t>((round + kFrames - 1) % kFrames)]);
    const auto picture = *pictureIn(block, format, width, height);
    const double start = now();
    const MotionReading& reading = meter.measure(picture, round * kSpacingNs);
    if (!reading.isMeasured() || seen == 0) continue;
    times.push_back(now() - start);
    score += static_cast<double>(reading.score);
  }
  std::sort(times.begin(), times.end());
  const std::size_t count = times.size();
  std::printf("| %s | %d x %d | %d | %.0f | %.0f | %.0f | %.3f |\n", name, width, height, squares, times[count / 10], times[count / 2],
              times[count * 9 / 10], score / static_cast<double>(count));
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 400;
  std::printf("Motion of one picture, microseconds of %d\n\n| pixels | size | moving squares | 10 %% | median | 90 %% | mean score |\n|---|---|---|---|---|---|---|\n", rounds);
  for (const int squares : {0, 2, 12}) {
    measure(PixelFormat::I420, "I420", 640, 360, squares, rounds);
    measure(PixelFormat::I420, "I420", 768, 576, squares, rounds);
    measure(PixelFormat::I420, "I420", 1280, 720, squares, rounds);
    measure(PixelFormat::I420, "I420", 1920, 1080, squares, rounds);
    measure(PixelFormat::I420, "I420", 3840, 2160, squares, rounds);
  }
  measure(PixelFormat::NV12, "NV12", 1920, 1080, 2, rounds);
  measure(PixelFormat::YUY2, "YUY2", 1920, 1080, 2, rounds);
  measure(PixelFormat::RGB, "RGB", 1920, 1080, 2, rounds);
  measure(PixelFormat::BGRx, "BGRx", 1920, 1080, 2, rounds);
}
