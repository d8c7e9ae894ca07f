// The text of the loops in cell_kernels.hpp, for a file that is compiled for one set of instructions.
//
// Conditions are selects, so that compilers make vectors of them; sums are kept in sixteen lanes, so that all add up in the same order.
#pragma once

#include <cmath>

#include "core/cell_kernels.hpp"

namespace vedette {

namespace {

inline float smaller(float a, float b) { return a < b ? a : b; }
inline float larger(float a, float b) { return a > b ? a : b; }

// Compilers believe `restrict` of parameters only.
int judgeCells(std::size_t count, const float* __restrict frame, const float* __restrict against, const float* __restrict deviation,
               const std::uint8_t* __restrict watched, float* __restrict limit, std::uint8_t* __restrict levels, float least,
               float deviations, float surely, float trust) {
  int moving = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const int is = watched[i];
    const float most = larger(least, deviations * deviation[i]) + trust * limit[i];
    const float difference = std::fabs(frame[i] - against[i]);
    const int beyond = difference > most ? is : 0;
    const int sure = difference > most * surely ? is : 0;
    limit[i] = most;
    levels[i] = static_cast<std::uint8_t>(beyond + sure);
    moving += beyond;
  }
  return moving;
}

int judgeCells(const JudgedCells& cells, float least, float deviations, float surely, float trust) noexcept {
  return judgeCells(cells.frame.size(), cells.frame.data(), cells.against.data(), cells.deviation.data(), cells.watched.data(),
                    cells.limit.data(), cells.levels.data(), least, deviations, surely, trust);
}

template <bool kIsExpected>
void learnCells(std::size_t count, const float* __restrict frame, const float* __restrict expected, const float* __restrict limit,
                float* __restrict background, float* __restrict deviation, float* __restrict candidate, float* __restrict former,
                float* __restrict since, float* __restrict restSeconds, const Learning& how) {
  const float towards = how.towards, noisier = how.noisier, seconds = how.seconds, fade = how.fade, uncover = how.uncover;
  const float first = how.first, now = how.now, loudest = how.loudest;
  for (std::size_t i = 0; i < count; ++i) {
    const float value = frame[i], most = limit[i], own = deviation[i];
    const float before = background[i], other = candidate[i], was = former[i], changedAt = since[i], resting = restSeconds[i];
    const float off = std::fabs(value - (kIsExpected ? expected[i] : before));
    const bool isStill = off <= most;
    const bool isSame = std::fabs(value - other) <= most;
    const bool isUncovered = std::fabs(value - was) <= most;
    const float longer = isStill ? 0 : resting + seconds;
    const float rested = isSame ? longer : 0;
    const float needed = isUncovered ? uncover : fade;
    const bool isFaded = rested >= needed;
    const float closer = other + 0.2f * (value - other);
    const float likely = isSame ? closer : value;
    const float learnt = before + towards * (value - before);
    const float replaced = isFaded ? likely : before;
    const float next = isStill ? learnt : replaced;
    // What is as before, or was not there long enough to have had another look, has not changed.
    const float came = now - rested;
    const float known = changedAt > 0 ? changedAt : came;
    const float late = came < first ? 0 : known;
    const float changed = isUncovered ? 0 : late;
    const float at = isFaded ? changed : changedAt;
    const float louder = own + noisier * (smaller(off, loudest) - own);
    candidate[i] = likely;
    background[i] = next;
    since[i] = at;
    former[i] = at > 0 ? was : next;
    deviation[i] = isStill ? louder : own;
    restSeconds[i] = isFaded ? 0 : rested;
  }
}

void learnCells(const LearntCells& cells, const Learning& how) noexcept {
  const auto learn = cells.expected.empty() ? learnCells<false> : learnCells<true>;
  learn(cells.frame.size(), cells.frame.data(), cells.expected.data(), cells.limit.data(), cells.background.data(), cells.deviation.data(),
        cells.candidate.data(), cells.former.data(), cells.since.data(), cells.restSeconds.data(), how);
}

float misfitOfRuns(std::span<const CellRun> runs, std::size_t stride, const float* other, std::size_t columns, CellShift shift,
                   float brighter, float clipped) noexcept {
  float sums[kRunCells] = {};
  const bool isWhole = shift.right == 0 && shift.down == 0;
  for (std::size_t i = 0; i < runs.size(); i += stride) {
    const float* __restrict value = runs[i].value.data();
    const float* __restrict weight = runs[i].weight.data();
    const float* __restrict at = other + static_cast<std::ptrdiff_t>(runs[i].cell) + shift.whole;
    if (isWhole) {
      for (std::size_t j = 0; j < kRunCells; ++j) sums[j] += weight[j] * smaller(std::fabs(value[j] - brighter - at[j]), clipped);
      continue;
    }
    const float* __restrict under = at + columns;
    for (std::size_t j = 0; j < kRunCells; ++j) {
      const float above = at[j] + shift.right * (at[j + 1] - at[j]);
      const float below = under[j] + shift.right * (under[j + 1] - under[j]);
      const float found = above + shift.down * (below - above);
      sums[j] += weight[j] * smaller(std::fabs(value[j] - brighter - found), clipped);
    }
  }
  float sum = 0;
  for (const float lane : sums) sum += lane;
  return sum;
}

}  // namespace

}  // namespace vedette
