// The loops of motion that touch every cell, or a thousand of them a hundred times: one text, compiled for each set of instructions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vedette {

/// Neighbouring cells of a row that are compared together.
inline constexpr std::size_t kRunCells = 16;

/// Where a run's first cell lies, what its cells hold, and 1 for those that count.
struct CellRun {
  std::size_t cell;
  std::array<float, kRunCells> value;
  std::array<float, kRunCells> weight;
};

/// One value for each cell, all of the same length.
struct JudgedCells {
  std::span<const float> frame, against, deviation;
  std::span<const std::uint8_t> watched;
  /// Out. What `limit` holds before is added `trust` times.
  std::span<float> limit;
  std::span<std::uint8_t> levels;
};

struct LearntCells {
  /// `expected` is empty where the background is what is expected.
  std::span<const float> frame, expected, limit;
  std::span<float> background, deviation, candidate, former, since, restSeconds;
};

/// Weights are shares of what is new; times are seconds.
struct Learning {
  float towards, noisier, seconds, fade, uncover, first, now, loudest;
};

/// A shift to whole cells and how far from there to the next, right and down.
struct CellShift {
  std::ptrdiff_t whole;
  float right, down;
};

/// Results do not depend on which set it is, to the bit.
struct CellKernels {
  const char* name;
  /// How many cells differ by more than their limit: the larger of `least` and `deviations` of their own.
  int (*judge)(const JudgedCells& cells, float least, float deviations, float surely, float trust) noexcept;
  void (*learn)(const LearntCells& cells, const Learning& how) noexcept;
  /// Weighted sum of the differences between runs and what lies `shift` further in `other`, no more than `clipped` each, of every
  /// `stride`th run. `columns` is from row to row.
  float (*misfit)(std::span<const CellRun> runs, std::size_t stride, const float* other, std::size_t columns, CellShift shift,
                  float brighter, float clipped) noexcept;
};

extern const CellKernels kPlainCells;
#if defined(__x86_64__)
extern const CellKernels kAvx2Cells;
#endif

/// The fastest that this processor has.
const CellKernels& cellKernels() noexcept;

}  // namespace vedette
