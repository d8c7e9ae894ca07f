// A picture's brightness on a coarse grid: what motion is looked for in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/picture.hpp"

namespace vedette {

/// Cells on the longer side of a picture, at most; a cell is a square of whole pixels. With 160, a person who is 40 pixels
/// high in a 1080p picture covers three cells, and a measurement stays below 2 % of the smallest model's inference.
inline constexpr int kMostCellsPerSide = 160;

struct GridShape {
  int columns;
  int rows;
  /// Side of a cell in pixels. Those in the last column and row may be narrower.
  int cell;
  bool operator==(const GridShape&) const = default;

  std::size_t cells() const { return static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows); }
};

GridShape gridShapeOf(int width, int height) noexcept;

/// Samples the brightness of pictures of one shape and format, in grey levels of 255.
///
/// Brightness is the mean of luma samples; of R, G and B alike where there is no luma. A cell is sampled in at most four
/// of its rows and three runs of eight bytes, which leaves a 1/12 to 1/20 of the noise variance of a pixel.
///
/// Owns:    tables of where each column's samples lie.
/// Threads: `sample` is const.
/// Fails:   never; the picture must have the format and size that were given.
/// Cost:    a third of a 1080p luma plane is read.
class LumaGrid final {
 public:
  LumaGrid() = default;
  LumaGrid(PixelFormat format, int width, int height);

  const GridShape& shape() const noexcept { return shape_; }
  bool fits(const Picture& picture) const noexcept {
    return picture.format == format_ && picture.width == width_ && picture.height == height_;
  }
  /// Row by row into `out`, which holds `shape().cells()`.
  void sample(const Picture& picture, std::span<float> out) const noexcept;

 private:
  /// Eight bytes of a row, of which those set in `mask` count.
  struct Run {
    std::uint32_t offset;
    std::uint64_t mask;
  };

  void placeRuns(int firstPixel, int pixels);

  PixelFormat format_{};
  int width_ = 0;
  int height_ = 0;
  std::size_t rowBytes_ = 0;
  GridShape shape_{};
  std::size_t runsPerCell_ = 0;
  std::vector<Run> runs_;
  /// Of each column: 1 / bytes that count in one row.
  std::vector<float> share_;
};

}  // namespace vedette
