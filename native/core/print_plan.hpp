// Everything about a print that does not depend on the pixels: weights, tiles, colour.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core/print.hpp"

namespace vedette {

/// Printed index i along one direction is the sum of `taps` samples from `first[i]` on, by `weights[i * taps]` on.
/// Weights are Q15 and add up to 1; all samples lie inside the plane.
struct Axis {
  int taps = 0;
  std::vector<std::int32_t> first;
  std::vector<std::int16_t> weights;

  const std::int16_t* weightsOf(int printed) const { return &weights[static_cast<std::size_t>(printed * taps)]; }

  /// `printed` indices that divide `length` samples from `start` on, of a row or column of `samples`.
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
  Axis across[2];
  Axis down[2];
  /// Printed columns that are worked on at a time, a multiple of 16.
  int tile;
  /// The most bytes of one row that a tile needs, over all planes together.
  int tileBytes;
  bool fits16Bits;

  /// Reuses the memory of the former plan.
  void build(const PrintKey& wanted);

  const Axis& acrossOf(const Channel& channel) const { return across[channel.halved]; }
  /// The bytes of a row of `plane` that the printed columns [x, end) are made from.
  ByteRange bytesOf(int plane, int x, int end) const;
};

/// Memory between the passes; sized for one tile, so that it stays in the first-level cache.
class Scratch {
 public:
  /// `lanes` rows at a time; grows only.
  void fit(const PrintPlan& plan, int lanes);

  /// Rows after the vertical filter, then the same transposed.
  std::int16_t* rows = nullptr;
  std::int16_t* columns = nullptr;
  /// Three channels of a tile, each printed column `lanes` rows high.
  std::int16_t* filtered = nullptr;
  /// Three channels of a tile as bytes, row by row.
  std::uint8_t* pixels = nullptr;
  /// One printed row of a tile, channels interleaved.
  std::uint8_t* line = nullptr;

 private:
  struct Free {
    void operator()(void* block) const { std::free(block); }
  };
  std::unique_ptr<void, Free> block_;
  std::size_t bytes_ = 0;
};

}  // namespace vedette
