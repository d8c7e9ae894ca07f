#include "core/motion_regions.hpp"

#include <algorithm>
#include <limits>

namespace vedette {

namespace {

constexpr std::size_t kLeastCells = 3;
/// Parts of one object look like the background now and then, so its boxes have gaps.
constexpr int kNear = 3;

CellBox around(const CellBox& a, const CellBox& b) {
  return {std::min(a.left, b.left), std::min(a.top, b.top), std::max(a.right, b.right), std::max(a.bottom, b.bottom)};
}

int areaOf(const CellBox& box) { return (box.right - box.left) * (box.bottom - box.top); }

bool isNear(const CellBox& a, const CellBox& b) {
  return a.left < b.right + kNear && b.left < a.right + kNear && a.top < b.bottom + kNear && b.top < a.bottom + kNear;
}

}  // namespace

void MotionRegions::reserve(const GridShape& shape) {
  shape_ = shape;
  stack_.reserve(shape.cells());
}

std::span<const CellBox> MotionRegions::find(std::span<CellLevel> levels, std::size_t most) {
  count_ = 0;
  cells_ = 0;
  for (std::size_t cell = 0; cell < levels.size(); ++cell) {
    if (levels[cell] != 0) follow(levels, cell);
  }
  mergeNear();
  while (count_ > most) {
    mergeCheapest();
    mergeNear();
  }
  std::sort(boxes_.begin(), boxes_.begin() + static_cast<std::ptrdiff_t>(count_),
            [](const CellBox& a, const CellBox& b) { return areaOf(a) > areaOf(b); });
  return {boxes_.data(), count_};
}

/// Takes the region of `first` out of `levels`.
void MotionRegions::follow(std::span<CellLevel> levels, std::size_t first) {
  const int columns = shape_.columns;
  CellBox box{columns, shape_.rows, 0, 0};
  std::size_t found = 0;
  bool isSure = false;
  const auto enter = [&](int x, int y) {
    const std::size_t cell = static_cast<std::size_t>(y) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(x);
    if (levels[cell] == 0) return;
    isSure = isSure || levels[cell] > 1;
    levels[cell] = 0;
    ++found;
    box = around(box, {x, y, x + 1, y + 1});
    stack_.push_back(static_cast<std::uint32_t>(cell));
  };
  stack_.clear();
  enter(static_cast<int>(first) % columns, static_cast<int>(first) / columns);
  while (!stack_.empty()) {
    const int cell = static_cast<int>(stack_.back());
    stack_.pop_back();
    const int x = cell % columns, y = cell / columns;
    for (int ny = std::max(y - 1, 0); ny <= std::min(y + 1, shape_.rows - 1); ++ny) {
      for (int nx = std::max(x - 1, 0); nx <= std::min(x + 1, columns - 1); ++nx) enter(nx, ny);
    }
  }
  if (!isSure || found < kLeastCells) return;
  cells_ += found;
  add(box);
}

void MotionRegions::add(const CellBox& box) {
  if (count_ == kMostRegions) mergeNear();
  if (count_ == kMostRegions) boxes_[count_ - 1] = around(boxes_[count_ - 1], box);
  else boxes_[count_++] = box;
}

void MotionRegions::mergeNear() {
  for (std::size_t i = 0; i < count_; ++i) {
    for (std::size_t j = i + 1; j < count_; ++j) {
      if (!isNear(boxes_[i], boxes_[j])) continue;
      boxes_[i] = around(boxes_[i], boxes_[j]);
      boxes_[j] = boxes_[--count_];
      // The grown box may be near to ones already passed.
      i = j = 0;
    }
  }
}

void MotionRegions::mergeCheapest() {
  std::size_t first = 0, second = 1;
  int least = std::numeric_limits<int>::max();
  for (std::size_t i = 0; i < count_; ++i) {
    for (std::size_t j = i + 1; j < count_; ++j) {
      const int added = areaOf(around(boxes_[i], boxes_[j])) - areaOf(boxes_[i]) - areaOf(boxes_[j]);
      if (added >= least) continue;
      least = added;
      first = i;
      second = j;
    }
  }
  boxes_[first] = around(boxes_[first], boxes_[second]);
  boxes_[second] = boxes_[--count_];
}

}  // namespace vedette
