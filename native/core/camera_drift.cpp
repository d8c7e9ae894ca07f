#include "core/camera_drift.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vedette {

namespace {

constexpr std::size_t kSamples = 1024;
/// Of them, those that the search for whole cells looks at.
constexpr std::size_t kSearched = 2;
constexpr int kMostWhole = 4;
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
  shape_ = shape;
  cellWidth_ = static_cast<double>(shape.cell) / width;
  cellHeight_ = static_cast<double>(shape.cell) / height;
  samples_.reserve(2 * kSamples + shape.cells() / 8);
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

/// Mean difference of the samples whose origin lies in the picture; infinite when that is less than half of them.
float CameraDrift::misfit(std::span<const float> previous, Step step, std::size_t stride) const {
  const float wholeX = std::floor(-step.x), wholeY = std::floor(-step.y);
  const float right = -step.x - wholeX, down = -step.y - wholeY;
  const int dx = static_cast<int>(wholeX), dy = static_cast<int>(wholeY);
  float sum = 0;
  std::size_t used = 0, all = 0;
  for (std::size_t i = 0; i < samples_.size(); i += stride) {
    const Sample& sample = samples_[i];
    const int x = sample.x + dx, y = sample.y + dy;
    all += 1;
    if (x < 0 || y < 0 || x + 1 >= shape_.columns || y + 1 >= shape_.rows) continue;
    const float* at = previous.data() + static_cast<std::size_t>(y * shape_.columns + x);
    const float above = at[0] + right * (at[1] - at[0]);
    const float below = at[shape_.columns] + right * (at[shape_.columns + 1] - at[shape_.columns]);
    sum += std::min(std::fabs(sample.value - above - down * (below - above)), kClipped);
    used += 1;
  }
  return used * 2 < all || used == 0 ? std::numeric_limits<float>::infinity() : sum / static_cast<float>(used);
}

std::optional<CameraDrift::Step> CameraDrift::find(std::span<const float> frame, std::span<const float> previous,
                                                   std::span<const std::uint8_t> watched, float brighter) {
  samples_.clear();
  // Spread evenly, each row a little further, so that no column is left out.
  const int stride = static_cast<int>(std::max<std::size_t>(1, shape_.cells() / kSamples));
  for (int y = 0; y < shape_.rows; ++y) {
    for (int x = (y * 3) % stride; x < shape_.columns; x += stride) {
      const auto cell = static_cast<std::size_t>(y * shape_.columns + x);
      if (watched[cell] != 0) samples_.push_back({x, y, frame[cell] - brighter});
    }
  }
  Step best{0, 0};
  float least = misfit(previous, best, kSearched);
  for (int y = -kMostWhole; y <= kMostWhole; ++y) {
    for (int x = -kMostWhole; x <= kMostWhole; ++x) {
      const Step step{static_cast<float>(x), static_cast<float>(y)};
      const float found = misfit(previous, step, kSearched);
      if (found >= least) continue;
      least = found;
      best = step;
    }
  }
  least = misfit(previous, best, 1);
  for (float finer = 0.5f; finer >= kFinest; finer /= 2) {
    const Step around = best;
    for (int i = 0; i < 9; ++i) {
      const Step step{around.x + finer * static_cast<float>(i % 3 - 1), around.y + finer * static_cast<float>(i / 3 - 1)};
      const float found = misfit(previous, step, 1);
      if (found >= least) continue;
      least = found;
      best = step;
    }
  }
  const bool isMoved = std::max(std::fabs(best.x), std::fabs(best.y)) >= kLeast;
  if (!isMoved || least > (1 - kExplains) * misfit(previous, {0, 0}, 1)) return std::nullopt;
  return best;
}

}  // namespace vedette
