// A picture's brightness on a coarse grid: what motion is looked for in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/picture.hpp"

namespace vedette {

/// Cells on the longer side of a picture, at most; a cell is a square of whole pixels. With 160, a person who is 40 pixels
/// high in a 1080p picture covers three cells, and a measurement of a still picture takes less than 0.1 ms.
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
/// Brightness is the mean of luma samples; of R, G and B alike where there is no luma. A cell is sampled in two of its rows, four
/// where cells are small, which are averaged first, and there in one or two runs of sixteen bytes. That leaves a 1/20 to 1/32 of the
/// noise variance of a pixel where a cell is larger than eight pixels.
///
/// Owns:    tables of where each column's samples lie, and room for a row.
/// Threads: one.
/// Fails:   never; the picture must have the format and size that were given.
/// Cost:    a sixth of a 1080p luma plane is read, in whole cache lines.
class LumaGrid final {
 public:
  LumaGrid() = default;
  LumaGrid(PixelFormat format, int width, int height);

  const GridShape& shape() const noexcept { return shape_; }
  bool fits(const Picture& picture) const noexcept {
    return picture.format == format_ && picture.width == width_ && picture.height == height_;
  }
  /// Row by row into `out`, which holds `shape().cells()`.
  void sample(const Picture& picture, std::span<float> out) noexcept;

 private:
  static constexpr std::size_t kRunBytes = 16;

  /// Bytes of a row, of which those set in `mask` count.
  struct Run {
    std::size_t offset;
    std::array<std::uint8_t, kRunBytes> mask;
  };

  void placeRuns(int firstPixel, int pixels);
  void averageRows(const Picture& picture, int top, int height) noexcept;
  static int sumOf(const std::uint8_t* row, const Run& run) noexcept;

  PixelFormat format_{};
  int width_ = 0;
  int height_ = 0;
  std::size_t rowBytes_ = 0;
  GridShape shape_{};
  std::size_t runsPerCell_ = 0;
  std::vector<Run> runs_;
  /// Of each column: 1 / bytes that count.
  std::vector<float> share_;
  /// The mean of the rows of a cell; a run at least.
  std::vector<std::uint8_t> row_;
  std::vector<int> sums_;
};

}  // namespace vedette
