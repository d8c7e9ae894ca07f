// Everything about a print that does not depend on the pixels: weights, ranges, colour.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core/print.hpp"

namespace vedette {

/// How printed columns come from the samples of a row: column i is the sum of `taps` samples from `first[i]` on, by the
/// Q15 weights from `weights[i * taps]` on, which add up to 1. All samples lie inside the plane.
struct AcrossAxis {
  int taps = 0;
  std::vector<std::int32_t> first;
  std::vector<std::int16_t> weights;

  const std::int16_t* weightsOf(int printed) const { return &weights[static_cast<std::size_t>(printed * taps)]; }

  /// `printed` columns that divide `length` samples from `start` on, of a row of `samples`.
  void build(double start, double length, int samples, int printed);
};

/// How a printed row comes from rows of samples: the mean over an interval covers whole rows but for its ends, so the
/// rows between can be summed before they are multiplied.
struct RowMean {
  int first;
  /// Q15 weight of row `first`, 0 when the interval begins with a whole row; `tail` likewise for the last row.
  std::int16_t head;
  std::int16_t tail;
  /// Whole rows behind the head. Their sum, shifted left by `shift` and multiplied by `factor` / 2^16, is 9.7 fixed point.
  std::int16_t middle;
  std::uint16_t factor;
  std::uint8_t shift;

  int rows() const { return (head ? 1 : 0) + middle + (tail ? 1 : 0); }
};

struct DownAxis {
  std::vector<RowMean> means;
  int mostRows = 0;

  void build(double start, double length, int samples, int printed);
};

/// One mean over more samples than this would lose too much in 16-bit sums; such prints are the reference kernel's.
inline constexpr int kMaxTaps = 34;

/// Coefficients for `a * b >> 15` with rounding, where a sample is 9.7 fixed point and the result 11.5.
struct FixedColour {
  std::int16_t black;
  std::int16_t luma;
  std::int16_t redV;
  std::int16_t greenU;
  std::int16_t greenV;
  std::int16_t blueU;
};

struct PrintKey {
  PixelFormat pixels;
  int width;
  int height;
  bool fullRange;
  Matrix matrix;
  Rectangle rectangle;
  PrintFormat format;
  bool operator==(const PrintKey&) const = default;
};

/// What 24 floats in a row are made with: 24 holds whole pixels as well as whole vectors.
struct NormalPattern {
  std::array<float, 24> mean;
  std::array<float, 24> scale;
};

struct ByteRange {
  int from;
  int to;

  int size() const { return to - from; }
  /// In whole blocks of any kernel.
  int padded() const { return (size() + 15) / 16 * 16; }
};

struct PrintPlan {
  PrintKey key;
  Placement placement;
  /// The printed part of the picture, in its pixels.
  Rectangle source;
  FixedColour colour;
  /// Planar: one per channel in printed order. Interleaved: the first only.
  std::array<NormalPattern, 3> normal;
  /// [0] full resolution, [1] halved; empty where the format has no such channel.
  AcrossAxis across[2];
  DownAxis down[2];
  /// The bytes of a row of each plane that the print is made from.
  std::array<ByteRange, 3> bytes;
  /// Columns of the placement, in whole blocks of any kernel.
  int columns;
  bool fits16Bits;

  /// Reuses the memory of the former plan.
  void build(const PrintKey& wanted);

  const AcrossAxis& acrossOf(const Channel& channel) const { return across[channel.halved]; }
  const DownAxis& downOf(int plane) const { return down[layoutOf(key.pixels).halvedRows[static_cast<std::size_t>(plane)]]; }
};

/// Memory between the passes, for one strip: as many rows high as a vector has lanes.
class Scratch {
 public:
  /// Grows only.
  void fit(const PrintPlan& plan, int lanes);

  /// Rows of one plane after the vertical filter, then the same transposed.
  std::int16_t* rows = nullptr;
  std::int16_t* columns = nullptr;
  /// Three channels, each printed column `lanes` rows high.
  std::int16_t* filtered = nullptr;
  /// The same as bytes, row by row.
  std::uint8_t* pixels = nullptr;
  /// One printed row, channels interleaved.
  std::uint8_t* line = nullptr;

 private:
  struct Free {
    void operator()(void* block) const { std::free(block); }
  };
  std::unique_ptr<void, Free> block_;
  std::size_t bytes_ = 0;
};

}  // namespace vedette
