// What happened to the whole picture at once: light and camera.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "core/cell_runs.hpp"
#include "core/luma_grid.hpp"

namespace vedette {

inline constexpr float kMidGrey = 128;

/// A cell's value is `offset + background + gain * (background - kMidGrey)`, taken where the shift says.
struct Alignment {
  float offset = 0;
  float gain = 0;
  /// By how many cells the picture moved, right and down: whole cells, and what is left.
  int wholeX = 0;
  int wholeY = 0;
  float shiftX = 0;
  float shiftY = 0;

  /// Of the longer axis, in cells.
  float shift() const;
  float lit(float background) const { return std::clamp(background + offset + gain * (background - kMidGrey), 0.0f, 255.0f); }
};

/// Finds the alignment that explains most cells, whatever the others do: least squares whose weights are small for cells
/// that do not fit, over about a thousand cells.
///
/// Owns:    the values of these cells.
/// Threads: one.
/// Fails:   a picture without structure has no shift.
/// Cost:    tens of microseconds; a search over whole cells about as much again.
class AlignmentFit final {
 public:
  void reserve(const GridShape& shape);
  /// `watched` is 0 for cells that are not looked at. With `whole`, shifts of up to three cells are tried.
  Alignment fit(std::span<const float> frame, std::span<const float> background, std::span<const std::uint8_t> watched,
                bool whole);

 private:
  struct Terms {
    float lit, right, down, residual;
  };

  void searchWhole(std::span<const float> background, Alignment& found);
  void solve(Alignment& found);
  float median(std::vector<float>& values) const;

  CellRuns runs_;
  int columns_ = 0;
  std::vector<Terms> terms_;
  std::vector<float> scratch_;
};

}  // namespace vedette
