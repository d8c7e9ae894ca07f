#include "core/camera_drift.hpp"

#include <algorithm>
#include <cmath>

namespace vedette {

namespace {

/// Every which run the search for whole cells looks at.
constexpr std::size_t kSearched = 2;
constexpr int kMostWhole = CellRuns::kMargin - 1;
constexpr float kFinest = 0.125f;
/// Grey levels; a difference beyond this is an object, however large.
constexpr float kClipped = 24;
/// Less is not believed, in cells; and it must take away so much of what does not fit.
constexpr float kLeast = 0.12f;
constexpr float kExplains = 0.35f;
/// What moves without the camera is asked for again when it has grown so much, or a moment went by.
constexpr float kGrown = 1.5f;
constexpr double kDoubtSeconds = 0.25;

}  // namespace

void CameraDrift::reserve(const GridShape& shape, int width, int height) {
  cellWidth_ = static_cast<double>(shape.cell) / width;
  cellHeight_ = static_cast<double>(shape.cell) / height;
  runs_.reserve(shape);
}

void CameraDrift::follow(std::span<const float> frame, std::span<const float> previous, std::span<const std::uint8_t> watched,
                         float brighter, float restless, double seconds) {
  doubt_ *= static_cast<float>(std::exp(-seconds / kDoubtSeconds));
  if (restless < kGrown * doubt_) return;
  const auto step = find(frame, previous, watched, brighter);
  if (!step) {
    doubt_ = restless;
    return;
  }
  shiftX_ += static_cast<double>(step->x) * cellWidth_;
  shiftY_ += static_cast<double>(step->y) * cellHeight_;
}

std::optional<CameraDrift::Step> CameraDrift::find(std::span<const float> frame, std::span<const float> previous,
                                                   std::span<const std::uint8_t> watched, float brighter) {
  runs_.take(frame, watched);
  const auto misfit = [&](Step step, std::size_t stride) {
    return runs_.misfit(previous, step.x, step.y, brighter, kClipped, stride);
  };
  Step best{0, 0};
  float least = misfit(best, kSearched);
  for (int y = -kMostWhole; y <= kMostWhole; ++y) {
    for (int x = -kMostWhole; x <= kMostWhole; ++x) {
      const Step step{static_cast<float>(x), static_cast<float>(y)};
      const float found = misfit(step, kSearched);
      if (found >= least) continue;
      least = found;
      best = step;
    }
  }
  least = misfit(best, 1);
  for (float finer = 0.5f; finer >= kFinest; finer /= 2) {
    const Step around = best;
    for (int i = 0; i < 9; ++i) {
      const Step step{around.x + finer * static_cast<float>(i % 3 - 1), around.y + finer * static_cast<float>(i / 3 - 1)};
      const float found = misfit(step, 1);
      if (found >= least) continue;
      least = found;
      best = step;
    }
  }
  const bool isMoved = std::max(std::fabs(best.x), std::fabs(best.y)) >= kLeast;
  if (!isMoved || least > (1 - kExplains) * misfit({0, 0}, 1)) return std::nullopt;
  return best;
}

}  // namespace vedette
