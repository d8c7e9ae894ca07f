// The print in 16-bit fixed point, written once for every instruction set.
//
// `Lanes` works on as many printed rows at a time as one vector has 16-bit lanes. Per tile of such a strip: filter down
// each needed row of bytes, transpose so that a vector holds one column, filter across (a weighted sum of columns, so no
// gather is needed), convert colours, transpose back as bytes, write. Samples are 9.7 fixed point, weights Q15; every
// product is rounded, so that all instruction sets give the same bytes.
#pragma once

#include <algorithm>
#include <cstring>

#include "core/print_kernels.hpp"

namespace vedette {

/// (a * b + 2^14) >> 15, which pmulhrsw and sqrdmulh compute too.
inline std::int16_t roundedProduct(std::int16_t a, std::int16_t b) {
  return static_cast<std::int16_t>((a * b + (1 << 14)) >> 15);
}

template <class Lanes>
class PrintJob {
 public:
  PrintJob(const PrintPlan& plan, const Picture& picture, Scratch& scratch, std::byte* out)
      : plan_(plan), picture_(picture), layout_(layoutOf(picture.format)), scratch_(scratch), out_(out) {}

  void run() {
    for (int y = 0; y < plan_.placement.h; y += kLanes) {
      for (int x = 0; x < plan_.placement.w; x += plan_.tile) {
        const Tile tile{x, std::min(plan_.tile, plan_.placement.w - x), y, std::min(kLanes, plan_.placement.h - y)};
        filter(tile);
        convert(tile);
        write(tile);
      }
    }
  }

 private:
  using Vector = typename Lanes::Vector;
  static constexpr int kLanes = Lanes::kLanes;

  struct Tile {
    int x;
    int width;
    int y;
    int height;
  };

  void filter(const Tile& tile) {
    std::ptrdiff_t done = 0;
    for (int plane = 0; plane < layout_.planes; ++plane) {
      const ByteRange range = plan_.bytesOf(plane, tile.x, tile.x + tile.width);
      const int padded = (range.to - range.from + 15) / 16 * 16;
      std::int16_t* rows = scratch_.rows + done * kLanes;
      std::int16_t* columns = scratch_.columns + done * kLanes;
      filterDown(tile, plane, range, rows, padded);
      for (int at = 0; at < padded; at += kLanes) Lanes::transpose(rows + at, padded, columns + at * kLanes);
      for (int c = 0; c < layout_.channels; ++c) {
        const Channel& channel = layout_.channel[static_cast<std::size_t>(c)];
        if (channel.plane != plane) continue;
        const Axis& axis = plan_.acrossOf(channel);
        filterAcross(tile, axis, columns + (channel.offset - range.from) * kLanes, channel.step * kLanes, filtered(c));
      }
      done += padded;
    }
  }

  void filterDown(const Tile& tile, int plane, const ByteRange& range, std::int16_t* out, int stride) const {
    const auto p = static_cast<std::size_t>(plane);
    const Axis& axis = plan_.down[layout_.halvedRows[p]];
    const std::ptrdiff_t ahead = distanceAhead(tile, plane, range);
    for (int y = 0; y < tile.height; ++y) {
      const int printed = tile.y + y;
      const std::uint8_t* first =
          picture_.planes[p] + picture_.strides[p] * axis.first[static_cast<std::size_t>(printed)] + range.from;
      const Sum sum{first, picture_.strides[p], axis.weightsOf(printed), axis.taps, ahead};
      sumRows(sum, range.to - range.from, out + y * stride);
    }
  }

  /// How far behind the bytes of this tile those of the next one lie. They are prefetched while this one is worked on:
  /// a frame seldom is in the cache, and most passes do not touch it.
  std::ptrdiff_t distanceAhead(const Tile& tile, int plane, const ByteRange& range) const {
    if (tile.x + tile.width < plan_.placement.w) return range.to - range.from;
    if (tile.y + kLanes >= plan_.placement.h) return 0;
    const auto p = static_cast<std::size_t>(plane);
    const std::vector<std::int32_t>& first = plan_.down[layout_.halvedRows[p]].first;
    const auto y = static_cast<std::size_t>(tile.y);
    return picture_.strides[p] * (first[y + kLanes] - first[y]) + plan_.bytesOf(plane, 0, std::min(plan_.tile, plan_.placement.w)).from - range.from;
  }

  /// A weighted sum of samples that lie `step` apart.
  struct Sum {
    const std::uint8_t* first;
    std::ptrdiff_t step;
    const std::int16_t* weights;
    int taps;
    std::ptrdiff_t ahead;
  };

  static void sumRows(const Sum& sum, int bytes, std::int16_t* out) {
    if (bytes < kLanes) return sumShortRows(sum, bytes, out);
    switch (sum.taps) {
      case 1: return sumRows<1>(sum, bytes, out);
      case 2: return sumRows<2>(sum, bytes, out);
      case 3: return sumRows<3>(sum, bytes, out);
      case 4: return sumRows<4>(sum, bytes, out);
      case 5: return sumRows<5>(sum, bytes, out);
      case 6: return sumRows<6>(sum, bytes, out);
      default: return sumRows<0>(sum, bytes, out);
    }
  }

  /// `kTaps` 0: as many as `sum` says. Never reads beside [0, bytes): the last vector overlaps the one before.
  template <int kTaps>
  static void sumRows(const Sum& sum, int bytes, std::int16_t* out) {
    const int taps = kTaps ? kTaps : sum.taps;
    for (int next = 0; next < bytes; next += kLanes) {
      const int at = std::min(next, bytes - kLanes);
      if (next % 64 == 0) {
        for (int tap = 0; tap < taps; ++tap) __builtin_prefetch(sum.first + tap * sum.step + next + sum.ahead);
      }
      Vector total = Lanes::product(Lanes::samples(sum.first + at), Lanes::spread(sum.weights[0]));
      for (int tap = 1; tap < taps; ++tap) {
        const Vector samples = Lanes::samples(sum.first + tap * sum.step + at);
        total = Lanes::add(total, Lanes::product(samples, Lanes::spread(sum.weights[tap])));
      }
      Lanes::store(out + at, total);
    }
  }

  static void sumShortRows(const Sum& sum, int bytes, std::int16_t* out) {
    for (int at = 0; at < bytes; ++at) {
      std::int16_t total = 0;
      for (int tap = 0; tap < sum.taps; ++tap) {
        const auto sample = static_cast<std::int16_t>(sum.first[tap * sum.step + at] << 7);
        total = static_cast<std::int16_t>(total + roundedProduct(sample, sum.weights[tap]));
      }
      out[at] = total;
    }
  }

  void filterAcross(const Tile& tile, const Axis& axis, const std::int16_t* columns, int step, std::int16_t* out) const {
    switch (axis.taps) {
      case 1: return sumColumns<1>(tile, axis, columns, step, out);
      case 2: return sumColumns<2>(tile, axis, columns, step, out);
      case 3: return sumColumns<3>(tile, axis, columns, step, out);
      case 4: return sumColumns<4>(tile, axis, columns, step, out);
      case 5: return sumColumns<5>(tile, axis, columns, step, out);
      case 6: return sumColumns<6>(tile, axis, columns, step, out);
      default: return sumColumns<0>(tile, axis, columns, step, out);
    }
  }

  template <int kTaps>
  static void sumColumns(const Tile& tile, const Axis& axis, const std::int16_t* columns, int step, std::int16_t* out) {
    const int taps = kTaps ? kTaps : axis.taps;
    const std::int32_t* first = axis.first.data() + tile.x;
    const std::int16_t* weights = axis.weightsOf(tile.x);
    for (int x = 0; x < tile.width; ++x, weights += taps, out += kLanes) {
      const std::int16_t* column = columns + first[x] * step;
      Vector total = Lanes::product(Lanes::load(column), Lanes::spread(weights[0]));
      for (int tap = 1; tap < taps; ++tap) {
        total = Lanes::add(total, Lanes::product(Lanes::load(column + tap * step), Lanes::spread(weights[tap])));
      }
      Lanes::store(out, total);
    }
  }

  /// From 9.7 samples to whole R, G, B, which may still lie outside 0…255.
  void convert(const Tile& tile) {
    const int end = tile.width * kLanes;
    std::int16_t* a = filtered(0);
    std::int16_t* b = filtered(1);
    std::int16_t* c = filtered(2);
    switch (layout_.model) {
      case ColourModel::Rgb:
        for (int at = 0; at < end; at += kLanes) {
          for (std::int16_t* channel : {a, b, c}) {
            Lanes::store(channel + at, Lanes::template rounded<7>(Lanes::load(channel + at)));
          }
        }
        return;
      case ColourModel::Grey:
        for (int at = 0; at < end; at += kLanes) {
          const Vector grey = Lanes::template rounded<5>(luma(Lanes::load(a + at)));
          for (std::int16_t* channel : {a, b, c}) Lanes::store(channel + at, grey);
        }
        return;
      case ColourModel::Yuv: return convertYuv(end, a, b, c);
    }
  }

  Vector luma(Vector samples) const {
    return Lanes::product(Lanes::subtract(samples, Lanes::spread(plan_.colour.black)), Lanes::spread(plan_.colour.luma));
  }

  void convertYuv(int end, std::int16_t* a, std::int16_t* b, std::int16_t* c) const {
    const Vector zero = Lanes::spread(128 << 7);
    const Vector redV = Lanes::spread(plan_.colour.redV);
    const Vector greenU = Lanes::spread(plan_.colour.greenU);
    const Vector greenV = Lanes::spread(plan_.colour.greenV);
    const Vector blueU = Lanes::spread(plan_.colour.blueU);
    for (int at = 0; at < end; at += kLanes) {
      const Vector y = luma(Lanes::load(a + at));
      const Vector u = Lanes::subtract(Lanes::load(b + at), zero);
      const Vector v = Lanes::subtract(Lanes::load(c + at), zero);
      const Vector chroma = Lanes::add(Lanes::product(u, greenU), Lanes::product(v, greenV));
      Lanes::store(a + at, Lanes::template rounded<5>(Lanes::add(y, Lanes::product(v, redV))));
      Lanes::store(b + at, Lanes::template rounded<5>(Lanes::subtract(y, chroma)));
      Lanes::store(c + at, Lanes::template rounded<5>(Lanes::add(y, Lanes::product(u, blueU))));
    }
  }

  void write(const Tile& tile) {
    const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(plan_.tile) * kLanes;
    for (int c = 0; c < 3; ++c) {
      const int channel = plan_.key.format.order == ChannelOrder::Bgr ? 2 - c : c;
      for (int x = 0; x < tile.width; x += kLanes) {
        Lanes::transposeToBytes(filtered(channel) + x * kLanes, scratch_.pixels + c * plane + x, plan_.tile);
      }
    }
    for (int y = 0; y < tile.height; ++y) {
      const std::uint8_t* row = scratch_.pixels + y * plan_.tile;
      const std::uint8_t* channels[] = {row, row + plane, row + 2 * plane};
      writeRow(channels, tile.x + plan_.placement.x, tile.y + y + plan_.placement.y, tile.width);
    }
  }

  void writeRow(const std::uint8_t* const* channels, int x, int y, int count) {
    const PrintFormat& format = plan_.key.format;
    const std::ptrdiff_t pixel = static_cast<std::ptrdiff_t>(y) * format.width + x;
    if (format.layout == TensorLayout::Planar) {
      const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(format.width) * format.height;
      for (int c = 0; c < 3; ++c) {
        writeValues(channels[c], plan_.normal[static_cast<std::size_t>(c)], c * plane + pixel, count);
      }
      return;
    }
    if (format.dtype == DType::Uint8) {
      Lanes::interleave(channels, count, reinterpret_cast<std::uint8_t*>(out_) + pixel * 3);
      return;
    }
    Lanes::interleave(channels, count, scratch_.line);
    writeValues(scratch_.line, plan_.normal[0], pixel * 3, count * 3);
  }

  void writeValues(const std::uint8_t* values, const NormalPattern& pattern, std::ptrdiff_t index, int count) {
    if (plan_.key.format.dtype == DType::Uint8) {
      std::memcpy(out_ + index, values, static_cast<std::size_t>(count));
      return;
    }
    Lanes::normalise(values, count, pattern, reinterpret_cast<float*>(out_) + index);
  }

  std::int16_t* filtered(int channel) const {
    return scratch_.filtered + static_cast<std::ptrdiff_t>(channel) * plan_.tile * kLanes;
  }

  // Given.
  const PrintPlan& plan_;
  const Picture& picture_;
  const PixelLayout& layout_;
  Scratch& scratch_;
  std::byte* out_;
};

/// The end of a row that fills no vector, and every row of the portable kernel.
inline void normaliseScalar(const std::uint8_t* values, int from, int count, const NormalPattern& pattern, float* out) {
  for (int i = from; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i % 24);
    out[i] = (static_cast<float>(values[i]) - pattern.mean[at]) * pattern.scale[at];
  }
}

inline void interleaveScalar(const std::uint8_t* const* channels, int from, int count, std::uint8_t* out) {
  for (int i = from; i < count; ++i) {
    for (int c = 0; c < 3; ++c) out[3 * i + c] = channels[c][i];
  }
}

}  // namespace vedette
