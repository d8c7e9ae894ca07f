#include "core/luma_grid.hpp"

#include <algorithm>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace vedette {

namespace {

constexpr std::size_t kMostRuns = 2;
/// Cells of so many pixels at most have four rows read, others two.
constexpr int kSmallCell = 8;

/// Whether the byte at `position` of plane 0's row is brightness: luma, or any of R, G, B.
bool isBrightness(const PixelLayout& layout, std::size_t position) {
  const int within = static_cast<int>(position) % layout.channel[0].step;
  if (layout.model != ColourModel::Rgb) return within == layout.channel[0].offset;
  return std::ranges::any_of(layout.channel, [&](const Channel& channel) { return channel.offset == within; });
}

/// Rounded up, as processors do in one instruction; the compiler knows it.
void average(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* out, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::uint8_t>((a[i] + b[i] + 1) >> 1);
}

void average(const std::array<const std::uint8_t*, 4>& rows, std::uint8_t* out, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    const auto upper = static_cast<std::uint8_t>((rows[0][i] + rows[1][i] + 1) >> 1);
    const auto lower = static_cast<std::uint8_t>((rows[2][i] + rows[3][i] + 1) >> 1);
    out[i] = static_cast<std::uint8_t>((upper + lower + 1) >> 1);
  }
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
  row_.assign(std::max(rowBytes_, kRunBytes), 0);
  for (int column = 0; column < shape_.columns; ++column) {
    const int first = column * shape_.cell;
    placeRuns(first, std::min(shape_.cell, width - first));
  }
  sums_.assign(share_.size(), 0);
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
    Run run{std::min(from, row_.size() - kRunBytes), {}};
    for (std::size_t at = from; at < until; ++at) {
      if (!isBrightness(layout, at)) continue;
      run.mask[at - run.offset] = 0xff;
      ++counted;
    }
    runs_.push_back(run);
  }
  share_.push_back(1.0f / static_cast<float>(std::max(counted, 1)));
}

/// Into `row_`. A flat cell's rows are taken twice.
void LumaGrid::averageRows(const Picture& picture, int top, int height) noexcept {
  const auto row = [&](int i, int of) { return picture.planes[0] + (top + (2 * i + 1) * height / (2 * of)) * picture.strides[0]; };
  if (shape_.cell > kSmallCell) average(row(0, 2), row(1, 2), row_.data(), rowBytes_);
  else average({row(0, 4), row(1, 4), row(2, 4), row(3, 4)}, row_.data(), rowBytes_);
}

int LumaGrid::sumOf(const std::uint8_t* row, const Run& run) noexcept {
#if defined(__SSE2__)
  const auto load = [](const std::uint8_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
  const __m128i sums = _mm_sad_epu8(_mm_and_si128(load(row + run.offset), load(run.mask.data())), _mm_setzero_si128());
  return _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_unpackhi_epi64(sums, sums)));
#elif defined(__aarch64__)
  return vaddlvq_u8(vandq_u8(vld1q_u8(row + run.offset), vld1q_u8(run.mask.data())));
#else
  int sum = 0;
  for (std::size_t i = 0; i < kRunBytes; ++i) sum += row[run.offset + i] & run.mask[i];
  return sum;
#endif
}

void LumaGrid::sample(const Picture& picture, std::span<float> out) noexcept {
  std::size_t at = 0;
  for (int cellRow = 0; cellRow < shape_.rows; ++cellRow) {
    const int top = cellRow * shape_.cell;
    averageRows(picture, top, std::min(shape_.cell, height_ - top));
    const Run* run = runs_.data();
    for (int& sum : sums_) {
      sum = sumOf(row_.data(), *run++);
      if (runsPerCell_ > 1) sum += sumOf(row_.data(), *run++);
    }
    for (std::size_t column = 0; column < share_.size(); ++column) out[at++] = static_cast<float>(sums_[column]) * share_[column];
  }
}

}  // namespace vedette
