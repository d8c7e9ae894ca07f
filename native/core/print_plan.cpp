#include "core/print_plan.hpp"

#include <algorithm>
#include <cmath>
#include <new>

#include "core/colour.hpp"

namespace vedette {

namespace {

/// Printed columns per tile, about. What is between the passes then stays in the second-level cache, and the runs of source
/// bytes are long enough for the processor to fetch them ahead: 64 columns were 15 % slower.
constexpr int kTileColumns = 256;

/// What one printed index is the mean of: [low, high] in samples, which sample `from` to `to` overlap.
struct Window {
  double low;
  double high;
  int from;
  int to;
};

/// An edge that is whole but for the rounding of doubles must not cost one more tap.
double snapped(double edge) {
  const double whole = std::round(edge);
  return std::abs(edge - whole) < 1e-6 ? whole : edge;
}

Window windowOf(double start, double scale, int samples, int printed) {
  const double reach = std::max(scale, 1.0) / 2;
  const double centre = start + (printed + 0.5) * scale;
  const double low = snapped(centre - reach);
  const double high = snapped(centre + reach);
  const int from = std::clamp(static_cast<int>(std::floor(low)), 0, samples - 1);
  return {low, high, from, std::clamp(static_cast<int>(std::ceil(high)) - 1, from, samples - 1)};
}

/// Q15 weights of the samples of `window`; rounded so that they add up to 1, the frame's edge standing for what is beyond.
void weigh(const Window& window, std::int16_t* weights) {
  int given = 0;
  for (int sample = window.from; sample <= window.to; ++sample) {
    const double upTo = sample == window.to ? window.high : sample + 1;
    const double share = (upTo - window.low) / (window.high - window.low);
    const int sum = static_cast<int>(std::lround(share * 32768));
    *weights++ = static_cast<std::int16_t>(std::min(sum - given, 32767));
    given = sum;
  }
}

/// For a product with a sample of 9.7 that is to come out as 11.5.
std::int16_t fixed(double factor) { return static_cast<std::int16_t>(std::lround(factor / 4 * 32768)); }

FixedColour fixedColour(const PrintKey& key) {
  const ColourMatrix matrix = colourMatrix(key.matrix, key.fullRange);
  return {static_cast<std::int16_t>(matrix.black * 128), fixed(matrix.luma),   fixed(matrix.redV),
          fixed(matrix.greenU),                          fixed(matrix.greenV), fixed(matrix.blueU)};
}

std::array<NormalPattern, 3> normalPatterns(const PrintFormat& format) {
  std::array<NormalPattern, 3> patterns{};
  const bool planar = format.layout == TensorLayout::Planar;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < 24; ++i) {
      patterns[c].mean[i] = format.mean[planar ? c : i % 3];
      patterns[c].scale[i] = format.scale[planar ? c : i % 3];
    }
  }
  return patterns;
}

}  // namespace

void Axis::build(double start, double length, int samples, int printed) {
  const double scale = length / printed;
  taps = 1;
  for (int i = 0; i < printed; ++i) {
    const Window window = windowOf(start, scale, samples, i);
    taps = std::max(taps, window.to - window.from + 1);
  }
  first.resize(static_cast<std::size_t>(printed));
  weights.assign(static_cast<std::size_t>(printed * taps), 0);
  for (int i = 0; i < printed; ++i) {
    const Window window = windowOf(start, scale, samples, i);
    const int from = std::min(window.from, samples - taps);
    first[static_cast<std::size_t>(i)] = from;
    weigh(window, &weights[static_cast<std::size_t>(i * taps + window.from - from)]);
  }
}

void PrintPlan::build(const PrintKey& wanted) {
  key = wanted;
  source = {wanted.rectangle.x * wanted.width, wanted.rectangle.y * wanted.height, wanted.rectangle.w * wanted.width,
            wanted.rectangle.h * wanted.height};
  placement = place(source.w, source.h, wanted.format);
  colour = fixedColour(wanted);
  normal = normalPatterns(wanted.format);

  const PixelLayout& layout = layoutOf(wanted.pixels);
  across[0].build(source.x, source.w, wanted.width, placement.w);
  down[0].build(source.y, source.h, wanted.height, placement.h);
  if (layout.channel[1].halved) across[1].build(source.x / 2, source.w / 2, (wanted.width + 1) / 2, placement.w);
  if (layout.halvedRows[1]) down[1].build(source.y / 2, source.h / 2, (wanted.height + 1) / 2, placement.h);
  fits16Bits = across[0].taps <= kMaxTaps && down[0].taps <= kMaxTaps;

  const int tiles = (placement.w + kTileColumns - 1) / kTileColumns;
  tile = ((placement.w + tiles - 1) / tiles + 15) / 16 * 16;
  tileBytes = 0;
  for (int x = 0; x < placement.w; x += tile) {
    int bytes = 0;
    for (int plane = 0; plane < layout.planes; ++plane) {
      const ByteRange range = bytesOf(plane, x, std::min(x + tile, placement.w));
      bytes += range.to - range.from;
    }
    tileBytes = std::max(tileBytes, bytes);
  }
}

ByteRange PrintPlan::bytesOf(int plane, int x, int end) const {
  const PixelLayout& layout = layoutOf(key.pixels);
  ByteRange range{INT32_MAX, 0};
  for (int c = 0; c < layout.channels; ++c) {
    const Channel& channel = layout.channel[static_cast<std::size_t>(c)];
    if (channel.plane != plane) continue;
    const Axis& axis = acrossOf(channel);
    const int last = axis.first[static_cast<std::size_t>(end - 1)] + axis.taps - 1;
    range.from = std::min(range.from, axis.first[static_cast<std::size_t>(x)] * channel.step + channel.offset);
    range.to = std::max(range.to, last * channel.step + channel.offset + 1);
  }
  return range;
}

void Scratch::fit(const PrintPlan& plan, int lanes) {
  constexpr std::size_t kLine = 64;
  const auto rounded = [](std::size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; };
  const auto height = static_cast<std::size_t>(lanes);
  const auto tile = static_cast<std::size_t>(plan.tile);
  // Rows are read in whole blocks of 16 columns: each plane may leave up to 15 unused.
  const std::size_t padded = static_cast<std::size_t>(plan.tileBytes) + 3 * 32;
  const std::size_t between = rounded(padded * height * sizeof(std::int16_t));
  const std::size_t print = rounded(3 * tile * height * sizeof(std::int16_t));
  const std::size_t bytes = rounded(3 * tile * height);
  const std::size_t total = 2 * between + print + bytes + rounded(3 * tile + 32);
  if (total > bytes_) {
    block_.reset(std::aligned_alloc(kLine, total));
    if (!block_) throw std::bad_alloc();
    bytes_ = total;
  }
  auto* at = static_cast<std::byte*>(block_.get());
  rows = reinterpret_cast<std::int16_t*>(at);
  columns = reinterpret_cast<std::int16_t*>(at + between);
  filtered = reinterpret_cast<std::int16_t*>(at + 2 * between);
  pixels = reinterpret_cast<std::uint8_t*>(at + 2 * between + print);
  line = reinterpret_cast<std::uint8_t*>(at + 2 * between + print + bytes);
}

}  // namespace vedette
