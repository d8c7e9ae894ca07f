#include "core/background_changes.hpp"

#include <algorithm>
#include <cmath>

namespace vedette {

namespace {

constexpr double kReviewSeconds = 1;
/// What came to rest is told after so long, whatever sooner makes it background.
constexpr float kSettledSeconds = 10;
constexpr float kAcceptedSeconds = 3600;
/// Grey levels.
constexpr float kAlike = 4;
/// Of the cells that are looked at.
constexpr float kMostShare = 0.25f;
/// The light of the day is estimated from so many cells that did not change, and not from fewer than the second number.
constexpr std::size_t kProbes = 512;
constexpr std::size_t kLeastProbes = 16;
/// Grey levels between the dark and the bright half of them, below which only their common offset is known.
constexpr float kLeastSpread = 16;
/// How much more the edge of an object differs than other neighbours do.
constexpr double kStandsOut = 2;
/// Cells.
constexpr int kAround = 4;

}  // namespace

void BackgroundChanges::reserve(const GridShape& shape) {
  shape_ = shape;
  former_.assign(shape.cells(), 0);
  since_.assign(shape.cells(), 0);
  levels_.assign(shape.cells(), 0);
  regions_.reserve(shape);
  probes_.clear();
  const std::size_t stride = std::max<std::size_t>(1, shape.cells() / kProbes) | 1;
  for (std::size_t cell = stride / 2; cell < shape.cells(); cell += stride) probes_.push_back({cell, 0});
  unchanged_.reserve(probes_.size());
  differences_.reserve(probes_.size());
}

void BackgroundChanges::begin(std::span<const float> background) {
  std::ranges::copy(background, former_.begin());
  std::ranges::fill(since_, 0.0f);
  for (Probe& probe : probes_) probe.before = background[probe.cell];
  reviewed_ = 0;
  count_ = 0;
}

void BackgroundChanges::relight(const Alignment& light) {
  for (float& value : former_) value = light.lit(value);
  for (Probe& probe : probes_) probe.before = light.lit(probe.before);
}

void BackgroundChanges::review(std::span<const float> background, std::span<const std::uint8_t> watched, double now) {
  if (now - reviewed_ < kReviewSeconds) return;
  reviewed_ = now;
  count_ = 0;
  const bool isChanged = age(background, watched, now);
  if (isChanged) {
    followLight(background);
    for (const CellBox& box : regions_.find(levels_, kMostBackgroundChanges)) changes_[count_++] = describe(box, background, now);
  }
  for (Probe& probe : probes_) probe.before = background[probe.cell];
}

/// Fills `levels_`; false when nothing has changed.
bool BackgroundChanges::age(std::span<const float> background, std::span<const std::uint8_t> watched, double now) {
  const auto second = static_cast<float>(now);
  int changed = 0, looked = 0;
  for (std::size_t i = 0; i < since_.size(); ++i) {
    const float seconds = second - since_[i];
    const bool isOver = seconds > kAcceptedSeconds || std::fabs(background[i] - former_[i]) < kAlike;
    since_[i] = isOver ? 0 : since_[i];
    const int is = since_[i] > 0 ? watched[i] : 0;
    levels_[i] = static_cast<CellLevel>(seconds >= kSettledSeconds ? 2 * is : 0);
    changed += is;
    looked += watched[i];
  }
  if (static_cast<float>(changed) <= kMostShare * static_cast<float>(looked)) return changed > 0;
  std::ranges::fill(since_, 0.0f);
  return false;
}

/// What is covered cannot be seen to grow brighter or darker with the day: it is taken to do as cells of its brightness do
/// that did not change, by a line through the medians of their dark and their bright half.
void BackgroundChanges::followLight(std::span<const float> background) {
  unchanged_.clear();
  for (const Probe& probe : probes_) {
    if (since_[probe.cell] == 0) unchanged_.push_back(probe);
  }
  if (unchanged_.size() < kLeastProbes) return;
  std::ranges::sort(unchanged_, {}, &Probe::before);
  const std::size_t half = unchanged_.size() / 2;
  const auto drift = [&](std::size_t from, std::size_t to) {
    differences_.clear();
    for (std::size_t i = from; i < to; ++i) differences_.push_back(background[unchanged_[i].cell] - unchanged_[i].before);
    const auto middle = differences_.begin() + static_cast<std::ptrdiff_t>(differences_.size() / 2);
    std::ranges::nth_element(differences_, middle);
    return *middle;
  };
  const float dark = unchanged_[half / 2].before, bright = unchanged_[half + half / 2].before;
  const float darker = drift(0, half), brighter = drift(half, unchanged_.size());
  Alignment light;
  light.gain = bright - dark < kLeastSpread ? 0 : (brighter - darker) / (bright - dark);
  light.offset = (darker + brighter) / 2 - light.gain * ((dark + bright) / 2 - kMidGrey);
  for (std::size_t i = 0; i < former_.size(); ++i) former_[i] = since_[i] > 0 ? light.lit(former_[i]) : former_[i];
}

/// How much neighbouring cells differ at the edge of what changed, and around it.
BackgroundChanges::Contrast BackgroundChanges::contrastOf(const float* picture, const CellBox& box) const {
  double edge = 0, around = 0;
  int edges = 0, others = 0;
  const auto compare = [&](std::size_t a, std::size_t b) {
    const bool isIn = since_[a] > 0, isOtherIn = since_[b] > 0;
    const double difference = static_cast<double>(std::fabs(picture[a] - picture[b]));
    edge += isIn != isOtherIn ? difference : 0;
    edges += isIn != isOtherIn;
    around += isIn || isOtherIn ? 0 : difference;
    others += !isIn && !isOtherIn;
  };
  const int right = std::min(box.right + kAround, shape_.columns - 1), bottom = std::min(box.bottom + kAround, shape_.rows - 1);
  for (int y = std::max(box.top - kAround, 0); y < bottom; ++y) {
    for (int x = std::max(box.left - kAround, 0); x < right; ++x) {
      const auto cell = static_cast<std::size_t>(y * shape_.columns + x);
      compare(cell, cell + 1);
      compare(cell, cell + static_cast<std::size_t>(shape_.columns));
    }
  }
  return {edge / std::max(edges, 1), around / std::max(others, 1)};
}

BackgroundChange BackgroundChanges::describe(const CellBox& box, std::span<const float> background, double now) const {
  float oldest = static_cast<float>(now);
  for (int y = box.top; y < box.bottom; ++y) {
    for (int x = box.left; x < box.right; ++x) {
      const float since = since_[static_cast<std::size_t>(y * shape_.columns + x)];
      if (since > 0) oldest = std::min(oldest, since);
    }
  }
  const Contrast is = contrastOf(background.data(), box), was = contrastOf(former_.data(), box);
  const double width = shape_.columns, height = shape_.rows;
  BackgroundChange change;
  change.box = {box.left / width, box.top / height, (box.right - box.left) / width, (box.bottom - box.top) / height};
  change.ageSeconds = now - static_cast<double>(oldest);
  if (is.edge > kStandsOut * std::max(was.edge, is.around)) change.kind = BackgroundChange::Kind::Came;
  if (was.edge > kStandsOut * std::max(is.edge, was.around)) change.kind = BackgroundChange::Kind::Went;
  return change;
}

}  // namespace vedette
