// Any pictures at any times: nothing is read out of bounds, and a reading is always one that can be told.
#include <cmath>
#include <cstring>
#include <vector>

#include "core/motion.hpp"

using namespace vedette;

namespace {

void check(const Rectangle& box) {
  if (!(box.x >= 0 && box.y >= 0 && box.w > 0 && box.h > 0 && box.x + box.w <= 1.000001 && box.y + box.h <= 1.000001)) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 24) return 0;
  std::uint8_t head[8];
  std::memcpy(head, data, sizeof head);
  MotionOptions options;
  options.threshold = static_cast<float>(head[0]) / 8;
  options.fadeSeconds = head[1];
  MotionOptions::Point points[4];
  std::memcpy(points, data + 8, 16);
  options.masks.emplace_back(points, points + head[2] % 3);
  MotionMeter meter(options);
  const auto format = static_cast<PixelFormat>(head[3] % 10);
  const int width = head[4] + 1, height = head[5] + 1;
  std::vector<std::byte> block(pictureBytes(format, width, height));
  std::int64_t ptsNs = 0;
  for (std::size_t at = 24; at < size; ++at) {
    // One byte of input makes a frame: a level, a stripe that moves, a step of time.
    const std::uint8_t byte = data[at];
    for (std::size_t i = 0; i < block.size(); ++i) {
      block[i] = static_cast<std::byte>((i * head[6] + at * head[7]) % 251 < byte ? byte : i % 200);
    }
    ptsNs += (byte % 8 == 7 ? -1 : 1) * std::int64_t{byte} * 1'000'000 * (head[1] % 40);
    const MotionReading& reading = meter.measure(*pictureIn(block, format, width, height), ptsNs);
    if (!(reading.score >= 0 && reading.score <= 1) || reading.count > kMostMotionBoxes) __builtin_trap();
    for (const Rectangle& box : reading.found()) check(box);
    if (reading.changeCount > kMostBackgroundChanges) __builtin_trap();
    for (const BackgroundChange& change : reading.changed()) {
      check(change.box);
      if (!(change.ageSeconds > 9.99 && change.ageSeconds < 3600.01)) __builtin_trap();
    }
  }
  return 0;
}
