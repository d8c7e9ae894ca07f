// How far a camera turned.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/cell_runs.hpp"
#include "core/luma_grid.hpp"

namespace vedette {

/// Looks for the one movement that makes most of a picture fit the one before: whole cells first, then eighths of a cell.
/// What moves by itself, however much, fits best without any.
///
/// Owns:    the values of a thousand cells.
/// Threads: one.
/// Fails:   it stays where it is where the picture has no structure, or moved by more than four cells.
/// Cost:    about 0.05 ms; no allocation. Nothing where nothing was found a moment ago and no more moves than then.
class CameraDrift final {
 public:
  void reserve(const GridShape& shape, int width, int height);
  /// `watched` is 0 for cells that are not looked at; `brighter` is by how many grey levels the picture became so everywhere,
  /// `restless` the share of it that differs otherwise.
  void follow(std::span<const float> frame, std::span<const float> previous, std::span<const std::uint8_t> watched,
              float brighter, float restless, double seconds);
  /// In pictures, right and down, since the beginning.
  double shiftX() const noexcept { return shiftX_; }
  double shiftY() const noexcept { return shiftY_; }

 private:
  /// In cells.
  struct Step {
    float x, y;
  };
  std::optional<Step> find(std::span<const float> frame, std::span<const float> previous,
                           std::span<const std::uint8_t> watched, float brighter);

  double cellWidth_ = 0, cellHeight_ = 0;
  double shiftX_ = 0, shiftY_ = 0;
  /// What moved when nothing was found; less with time.
  float doubt_ = 0;
  CellRuns runs_;
};

}  // namespace vedette
