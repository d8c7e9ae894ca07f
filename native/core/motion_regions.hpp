// From cells that move to boxes around them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/luma_grid.hpp"

namespace vedette {

/// How far a cell is from its background: 0 as usual, 1 beyond its limit, 2 far beyond it.
using CellLevel = std::uint8_t;

/// Cells, right and bottom excluded.
struct CellBox {
  int left, top, right, bottom;
};

/// Joins neighbouring cells to regions, drops the ones that are noise, and merges the rest to few boxes.
///
/// A region needs three cells, of which one is far beyond its limit. Boxes less than three cells apart become one; then the
/// two whose common box adds least, until `most` are left.
///
/// Owns:    room for the cells of one region.
/// Threads: one.
/// Fails:   never; beyond 48 regions the last ones share a box.
/// Cost:    in proportion to the cells that move.
class MotionRegions final {
 public:
  static constexpr std::size_t kMostRegions = 48;

  void reserve(const GridShape& shape);
  /// `levels` is used up. Largest first.
  std::span<const CellBox> find(std::span<CellLevel> levels, std::size_t most);
  /// Cells in all regions of the last call, the dropped ones excluded.
  std::size_t cells() const noexcept { return cells_; }

 private:
  void follow(std::span<CellLevel> levels, std::size_t first);
  void add(const CellBox& box);
  void mergeNear();
  void mergeCheapest();

  GridShape shape_{};
  std::vector<std::uint32_t> stack_;
  std::array<CellBox, kMostRegions> boxes_{};
  std::size_t count_ = 0;
  std::size_t cells_ = 0;
};

}  // namespace vedette
