#include "core/print_plan.hpp"

#include <algorithm>
#include <cmath>
#include <new>

#include "core/colour.hpp"

namespace vedette {

namespace {

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

RowMean rowMean(const Window& window) {
  const double whole = 32768 / (window.high - window.low);
  const auto weightOf = [&](double share) { return static_cast<std::int16_t>(std::min(std::lround(share * whole), 32767L)); };
  RowMean mean{};
  mean.first = window.from;
  if (window.from == window.to) {
    mean.head = 32767;
    return mean;
  }
  int rows = window.to - window.from + 1;
  if (const double head = window.from + 1 - window.low; head != 1) {
    mean.head = weightOf(head);
    mean.first += mean.head == 0;
    rows -= 1;
  }
  if (const double tail = window.high - window.to; tail != 1) {
    mean.tail = weightOf(tail);
    rows -= 1;
  }
  mean.middle = static_cast<std::int16_t>(rows);
  if (mean.middle == 0) return mean;
  // As far left as `middle` times 255 stays below 2^16; the factor then stays below it too.
  while ((255 * mean.middle) << (mean.shift + 1) < 65536) mean.shift += 1;
  mean.factor = static_cast<std::uint16_t>(std::lround(whole * 256 / (1 << mean.shift)));
  return mean;
}

/// For a product with a sample of 9.7 that is to come out as 11.5.
std::int16_t fixed(double factor) { return static_cast<std::int16_t>(std::lround(factor / 4 * 32768)); }

FixedColour fixedColour(const PrintKey& key) {
  const ColourMatrix matrix = colourMatrix(key.matrix, key.fullRange);
  return {static_cast<std::int16_t>(matrix.black * 128), fixed(matrix.luma),   fixed(matrix.redV),
          fixed(matrix.greenU),                          fixed(matrix.greenV), fixed(matrix.blueU)};
}

ByteRange bytesOf(const PrintPlan& plan, int plane) {
  const PixelLayout& layout = layoutOf(plan.key.pixels);
  ByteRange range{kMaxSide * 4, 0};
  for (int c = 0; c < layout.channels; ++c) {
    const Channel& channel = layout.channel[static_cast<std::size_t>(c)];
    if (channel.plane != plane) continue;
    const AcrossAxis& axis = plan.acrossOf(channel);
    const int last = axis.first.back() + axis.taps - 1;
    range.from = std::min(range.from, axis.first.front() * channel.step + channel.offset);
    range.to = std::max(range.to, last * channel.step + channel.offset + 1);
  }
  return range;
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

void AcrossAxis::build(double start, double length, int samples, int printed) {
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

void DownAxis::build(double start, double length, int samples, int printed) {
  means.resize(static_cast<std::size_t>(printed));
  mostRows = 0;
  for (int i = 0; i < printed; ++i) {
    RowMean& mean = means[static_cast<std::size_t>(i)];
    mean = rowMean(windowOf(start, length / printed, samples, i));
    mostRows = std::max(mostRows, mean.rows());
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
  fits16Bits = across[0].taps <= kMaxTaps && down[0].mostRows <= kMaxTaps;
  columns = (placement.w + 15) / 16 * 16;
  for (int plane = 0; plane < 3; ++plane) {
    bytes[static_cast<std::size_t>(plane)] = plane < layout.planes ? bytesOf(*this, plane) : ByteRange{};
  }
}

void Scratch::fit(const PrintPlan& plan, int lanes) {
  constexpr std::size_t kLine = 64;
  const auto rounded = [](std::size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; };
  const auto height = static_cast<std::size_t>(lanes);
  const auto values = 3 * static_cast<std::size_t>(plan.columns);
  int widest = 0;
  for (const ByteRange& range : plan.bytes) widest = std::max(widest, range.padded());
  const std::size_t between = rounded(static_cast<std::size_t>(widest) * height * sizeof(std::int16_t));
  const std::size_t print = rounded(values * height * sizeof(std::int16_t));
  const std::size_t bytes = rounded(values * height);
  const std::size_t total = 2 * between + print + bytes + rounded(values);
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
