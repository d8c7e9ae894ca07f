// Compiled for AVX2; called only where it is there.
#include "core/cell_loops.hpp"

namespace vedette {

const CellKernels kAvx2Cells{"avx2", judgeCells, learnCells, misfitOfRuns};

}  // namespace vedette
