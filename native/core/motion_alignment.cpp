#include "core/motion_alignment.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace vedette {

namespace {

/// Every which run a search for whole cells looks at.
constexpr std::size_t kSearched = 4;
constexpr int kMostWhole = 3;
constexpr int kRounds = 4;
/// Residuals of a cell that fits, in grey levels: the last rounds weigh what is further away next to nothing.
constexpr float kFinestScale = 2;
constexpr float kCoarsestScale = 48;
/// A difference beyond this is an object, however large.
constexpr float kClipped = 24;
/// Grey levels of `background - kMidGrey` per unit of its term, so that all terms have about the same size.
constexpr float kLitUnit = 64;
/// Keeps terms at 0 that the picture says nothing about.
constexpr double kRidge = 1e-3;

constexpr std::size_t kTerms = 4;
using Matrix4 = std::array<std::array<double, kTerms + 1>, kTerms>;

/// Gauss-Jordan; the matrix is symmetric and its diagonal positive.
std::array<float, kTerms> solved(Matrix4& rows) {
  for (std::size_t pivot = 0; pivot < kTerms; ++pivot) {
    for (std::size_t other = 0; other < kTerms; ++other) {
      if (other == pivot) continue;
      const double factor = rows[other][pivot] / rows[pivot][pivot];
      for (std::size_t i = pivot; i <= kTerms; ++i) rows[other][i] -= factor * rows[pivot][i];
    }
  }
  std::array<float, kTerms> result{};
  for (std::size_t i = 0; i < kTerms; ++i) result[i] = static_cast<float>(rows[i][kTerms] / rows[i][i]);
  return result;
}

}  // namespace

float Alignment::shift() const {
  return std::max(std::fabs(static_cast<float>(wholeX) + shiftX), std::fabs(static_cast<float>(wholeY) + shiftY));
}

void AlignmentFit::reserve(const GridShape& shape) {
  runs_.reserve(shape);
  columns_ = shape.columns;
  terms_.reserve(runs_.runs().size() * kRunCells);
  scratch_.reserve(terms_.capacity());
}

float AlignmentFit::median(std::vector<float>& values) const {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The whole shift with the least sum of differences, after the median difference was taken out.
void AlignmentFit::searchWhole(std::span<const float> background, Alignment& found) {
  float best = std::numeric_limits<float>::infinity();
  for (int dy = -kMostWhole; dy <= kMostWhole; ++dy) {
    for (int dx = -kMostWhole; dx <= kMostWhole; ++dx) {
      const float sum = runs_.misfit(background, static_cast<float>(dx), static_cast<float>(dy), found.offset, kClipped, kSearched) *
                        // Of equal ones the smallest shift.
                        (1 + 0.01f * static_cast<float>(std::abs(dx) + std::abs(dy)));
      if (sum >= best) continue;
      best = sum;
      found.wholeX = dx;
      found.wholeY = dy;
    }
  }
}

Alignment AlignmentFit::fit(std::span<const float> frame, std::span<const float> background,
                            std::span<const std::uint8_t> watched, bool whole) {
  Alignment found;
  runs_.take(frame, watched);
  scratch_.clear();
  for (const CellRun& run : runs_.runs()) {
    for (std::size_t i = 0; i < kRunCells; ++i) {
      if (run.weight[i] != 0) scratch_.push_back(run.value[i] - background[run.cell + i]);
    }
  }
  found.offset = median(scratch_);
  if (whole) searchWhole(background, found);
  terms_.clear();
  for (const CellRun& run : runs_.runs()) {
    const float* here = background.data() + run.cell - found.wholeY * columns_ - found.wholeX;
    for (std::size_t i = 0; i < kRunCells; ++i, ++here) {
      if (run.weight[i] == 0) continue;
      terms_.push_back({(*here - kMidGrey) / kLitUnit, (here[1] - here[-1]) / 2, (here[columns_] - here[-columns_]) / 2,
                        run.value[i] - *here});
    }
  }
  solve(found);
  return found;
}

void AlignmentFit::solve(Alignment& found) {
  scratch_.clear();
  for (const Terms& term : terms_) scratch_.push_back(std::fabs(term.residual - found.offset));
  float scale = std::clamp(2 * median(scratch_), kFinestScale, kCoarsestScale);
  std::array<float, kTerms> known{found.offset, 0, 0, 0};
  for (int round = 0; round < kRounds; ++round) {
    Matrix4 sums{};
    for (const Terms& term : terms_) {
      const std::array<float, kTerms> row{1, term.lit, term.right, term.down};
      float error = term.residual;
      for (std::size_t i = 0; i < kTerms; ++i) error -= known[i] * row[i];
      const float closeness = 1 / (1 + error * error / (scale * scale));
      const float weight = closeness * closeness;
      for (std::size_t i = 0; i < kTerms; ++i) {
        for (std::size_t j = i; j < kTerms; ++j) sums[i][j] += static_cast<double>(weight * row[i] * row[j]);
        sums[i][kTerms] += static_cast<double>(weight * row[i] * term.residual);
      }
    }
    for (std::size_t i = 0; i < kTerms; ++i) {
      for (std::size_t j = 0; j < i; ++j) sums[i][j] = sums[j][i];
      sums[i][i] += kRidge * static_cast<double>(terms_.size()) + 1e-6;
    }
    known = solved(sums);
    scale = std::max(kFinestScale, scale / 2);
  }
  found.offset = known[0];
  found.gain = std::clamp(known[1] / kLitUnit, -0.95f, 4.0f);
  // A picture that moves right by s is smaller by s times its slope to the right.
  found.shiftX = std::clamp(-known[2], -1.5f, 1.5f);
  found.shiftY = std::clamp(-known[3], -1.5f, 1.5f);
}

}  // namespace vedette
