#include "core/cell_kernels.hpp"

#include "core/cell_loops.hpp"

namespace vedette {

const CellKernels kPlainCells{"plain", judgeCells, learnCells, misfitOfRuns};

const CellKernels& cellKernels() noexcept {
#if defined(__x86_64__)
  static const bool hasAvx2 = __builtin_cpu_supports("avx2") > 0;
  if (hasAvx2) return kAvx2Cells;
#endif
  return kPlainCells;
}

}  // namespace vedette
