// How far a camera turned between two frames.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/luma_grid.hpp"

namespace vedette {

/// Looks for the one movement that makes most of a picture fit the one before: whole cells first, then eighths of a cell.
/// What moves by itself, however much, fits best without any.
///
/// Owns:    the samples.
/// Threads: one.
/// Fails:   nothing is found where the picture has no structure, or moved by more than four cells.
/// Cost:    about 0.2 ms; no allocation.
class CameraDrift final {
 public:
  /// In cells, right and down.
  struct Step {
    float x, y;
  };

  void reserve(const GridShape& shape);
  /// `watched` is 0 for cells that are not looked at; `brighter` is by how many grey levels the picture became so everywhere.
  std::optional<Step> find(std::span<const float> frame, std::span<const float> previous,
                           std::span<const std::uint8_t> watched, float brighter);

 private:
  struct Sample {
    int x, y;
    float value;
  };

  float misfit(std::span<const float> previous, Step step, std::size_t stride) const;

  GridShape shape_{};
  std::vector<Sample> samples_;
};

}  // namespace vedette
