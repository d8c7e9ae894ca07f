#include "core/luma_grid.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace vedette {

namespace {

constexpr std::size_t kRunBytes = 8;
constexpr std::size_t kMostRuns = 3;
constexpr int kMostRows = 4;

/// Whether the byte at `position` of plane 0's row is brightness: luma, or any of R, G, B.
bool isBrightness(const PixelLayout& layout, std::size_t position) {
  const int within = static_cast<int>(position) % layout.channel[0].step;
  if (layout.model != ColourModel::Rgb) return within == layout.channel[0].offset;
  return std::ranges::any_of(layout.channel, [&](const Channel& channel) { return channel.offset == within; });
}

/// The sum of the bytes in `mask`, over the rows.
inline std::uint32_t sumOf(const std::array<const std::uint8_t*, kMostRows>& rows, std::size_t offset,
                           std::uint64_t mask) {
#if defined(__SSE2__)
  const __m128i chosen = _mm_cvtsi64_si128(static_cast<long long>(mask));
  __m128i sum = _mm_setzero_si128();
  for (const std::uint8_t* row : rows) {
    const __m128i run = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(row + offset));
    sum = _mm_add_epi64(sum, _mm_sad_epu8(_mm_and_si128(run, chosen), _mm_setzero_si128()));
  }
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(sum));
#else
  // Four sums of two bytes each side by side; no more than 4 · 4 · 255 in any.
  constexpr std::uint64_t kEvery = 0x00ff00ff00ff00ff;
  std::uint64_t sums = 0;
  for (const std::uint8_t* row : rows) {
    std::uint64_t run;
    std::memcpy(&run, row + offset, kRunBytes);
    run &= mask;
    sums += (run & kEvery) + (run >> 8 & kEvery);
  }
  return static_cast<std::uint32_t>(sums * 0x0001000100010001 >> 48);
#endif
}

}  // namespace

GridShape gridShapeOf(int width, int height) noexcept {
  const int cell = (std::max(width, height) + kMostCellsPerSide - 1) / kMostCellsPerSide;
  return {(width + cell - 1) / cell, (height + cell - 1) / cell, cell};
}

LumaGrid::LumaGrid(PixelFormat format, int width, int height)
    : format_(format),
      width_(width),
      height_(height),
      rowBytes_(rowBytes(format, width, 0)),
      shape_(gridShapeOf(width, height)) {
  const auto step = static_cast<std::size_t>(layoutOf(format).channel[0].step);
  runsPerCell_ = std::clamp<std::size_t>(static_cast<std::size_t>(shape_.cell) * step / kRunBytes, 1, kMostRuns);
  for (int column = 0; column < shape_.columns; ++column) {
    const int first = column * shape_.cell;
    placeRuns(first, std::min(shape_.cell, width - first));
  }
}

/// Spreads the runs of one column's cells over their pixels. A run never leaves the row: near its end it begins earlier,
/// and what is not the cell's is masked.
void LumaGrid::placeRuns(int firstPixel, int pixels) {
  const PixelLayout& layout = layoutOf(format_);
  const auto step = static_cast<std::size_t>(layout.channel[0].step);
  const std::size_t start = static_cast<std::size_t>(firstPixel) * step;
  const std::size_t end = std::min(start + static_cast<std::size_t>(pixels) * step, rowBytes_);
  const std::size_t part = (end - start) / runsPerCell_;
  int counted = 0;
  for (std::size_t i = 0; i < runsPerCell_; ++i) {
    std::size_t from = start + i * part + (part > kRunBytes ? (part - kRunBytes) / 2 : 0);
    from -= (from - start) % step;
    const std::size_t until = std::min(from + kRunBytes, end);
    const std::size_t offset = rowBytes_ < kRunBytes ? 0 : std::min(from, rowBytes_ - kRunBytes);
    std::array<std::uint8_t, kRunBytes> mask{};
    for (std::size_t at = from; at < until; ++at) {
      if (!isBrightness(layout, at)) continue;
      mask[at - offset] = 0xff;
      ++counted;
    }
    runs_.push_back({static_cast<std::uint32_t>(offset), std::bit_cast<std::uint64_t>(mask)});
  }
  share_.push_back(1.0f / static_cast<float>(std::max(counted, 1)));
}

void LumaGrid::sample(const Picture& picture, std::span<float> out) const noexcept {
  std::array<std::array<std::uint8_t, kRunBytes>, kMostRows> narrow{};
  std::size_t at = 0;
  for (int cellRow = 0; cellRow < shape_.rows; ++cellRow) {
    const int top = cellRow * shape_.cell;
    const int height = std::min(shape_.cell, height_ - top);
    // Always four rows: a flat cell's are taken twice.
    std::array<const std::uint8_t*, kMostRows> rows;
    for (int i = 0; i < kMostRows; ++i) {
      const int y = top + (2 * i + 1) * height / (2 * kMostRows);
      rows[static_cast<std::size_t>(i)] = picture.planes[0] + y * picture.strides[0];
      if (rowBytes_ >= kRunBytes) continue;
      auto& copy = narrow[static_cast<std::size_t>(i)];
      std::memcpy(copy.data(), rows[static_cast<std::size_t>(i)], rowBytes_);
      rows[static_cast<std::size_t>(i)] = copy.data();
    }
    const Run* run = runs_.data();
    for (int column = 0; column < shape_.columns; ++column) {
      std::uint32_t sum = 0;
      for (std::size_t i = 0; i < runsPerCell_; ++i, ++run) sum += sumOf(rows, run->offset, run->mask);
      out[at++] = static_cast<float>(sum) * share_[static_cast<std::size_t>(column)] * (1.0f / kMostRows);
    }
  }
}

}  // namespace vedette
