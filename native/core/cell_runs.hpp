// The thousand cells by which the movement of the whole picture is judged.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/cell_kernels.hpp"
#include "core/luma_grid.hpp"

namespace vedette {

/// Runs of sixteen cells spread over the picture, in each row elsewhere, and nowhere nearer to the edge than kRunMargin: what lies
/// so far from a cell need not be looked for.
///
/// Owns:    the runs and their values.
/// Threads: one.
/// Fails:   a grid of less than 26 by 11 cells has no runs.
/// Cost:    no allocation but in `reserve`.
class CellRuns final {
 public:
  static constexpr int kMargin = 5;

  void reserve(const GridShape& shape);
  /// Cells that are 0 in `watched` do not count.
  void take(std::span<const float> frame, std::span<const std::uint8_t> watched);
  std::span<const CellRun> runs() const noexcept { return runs_; }

  /// Sum of the differences to `other`, where the picture moved right by `x` and down by `y` cells since, less than kMargin, and
  /// became `brighter`; each clipped. Of every `stride`th run only.
  float misfit(std::span<const float> other, float x, float y, float brighter, float clipped, std::size_t stride) const;

 private:
  GridShape shape_{};
  std::vector<CellRun> runs_;
};

}  // namespace vedette
