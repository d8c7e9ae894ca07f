#include "core/cell_runs.hpp"

#include <algorithm>
#include <cmath>

namespace vedette {

namespace {

constexpr int kMostRuns = 96;
constexpr int kLength = static_cast<int>(kRunCells);
/// Of the width, from one run to the next: the golden ratio leaves no stripes.
constexpr double kNext = 0.6180339887;

}  // namespace

void CellRuns::reserve(const GridShape& shape) {
  shape_ = shape;
  runs_.clear();
  const int places = shape.columns - kLength - 2 * kMargin + 1, rows = shape.rows - 2 * kMargin;
  if (places < 1 || rows < 1) return;
  // Whole rows of runs where the picture is flat, rows left out where it is high.
  const int each = std::clamp(kMostRuns / rows, 1, std::max(1, places / kLength)), step = (rows + kMostRuns - 1) / kMostRuns;
  double place = 0;
  for (int y = kMargin; y < kMargin + rows; y += step) {
    for (int i = 0; i < each; ++i) {
      place = std::fmod(place + kNext, 1.0);
      const int x = kMargin + static_cast<int>(place * places);
      runs_.push_back({static_cast<std::size_t>(y * shape.columns + x), {}, {}});
    }
  }
}

void CellRuns::take(std::span<const float> frame, std::span<const std::uint8_t> watched) {
  for (CellRun& run : runs_) {
    for (std::size_t i = 0; i < kRunCells; ++i) {
      run.value[i] = frame[run.cell + i];
      run.weight[i] = static_cast<float>(watched[run.cell + i]);
    }
  }
}

float CellRuns::misfit(std::span<const float> other, float x, float y, float brighter, float clipped, std::size_t stride) const {
  const float wholeX = std::floor(-x), wholeY = std::floor(-y);
  const auto whole = static_cast<std::ptrdiff_t>(wholeY) * shape_.columns + static_cast<std::ptrdiff_t>(wholeX);
  const CellShift shift{whole, -x - wholeX, -y - wholeY};
  return cellKernels().misfit(runs_, stride, other.data(), static_cast<std::size_t>(shape_.columns), shift, brighter, clipped);
}

}  // namespace vedette
