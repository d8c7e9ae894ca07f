// The print in 16-bit fixed point, written once for every instruction set.
//
// `Lanes` works on a strip of as many printed rows as one vector has 16-bit lanes: filter down into rows of that strip,
// transpose so that a vector holds one column, filter across (a weighted sum of columns, so no gather is needed), convert
// colours, transpose back as bytes, write. Samples are 9.7 fixed point, weights Q15; every instruction set computes the
// same, bit for bit. Strips are as wide as the print: narrower tiles stay in a nearer cache, but the short runs of source
// bytes that they read made them slower.
#pragma once

#include <algorithm>
#include <cstring>

#include "core/print_kernels.hpp"

// Each kernel's own copy: compiled for its instruction set, it must not be the one that the linker keeps for the others.
namespace vedette {
namespace {

/// (a * b + 2^14) >> 15, which pmulhrsw and sqrdmulh compute too.
std::int16_t roundedProduct(std::int16_t a, std::int16_t b) {
  return static_cast<std::int16_t>((a * b + (1 << 14)) >> 15);
}

/// Prefetches blocks of source bytes, a few lines at a time while other work goes on. A frame seldom is in the cache when
/// it is printed; fetched all at once, its lines would hold up the arithmetic that they are meant to hide behind.
class FetchAhead {
 public:
  struct Block {
    const std::uint8_t* first;
    std::ptrdiff_t stride;
    int bytes;
    int rows;
  };

  void clear() { *this = {}; }
  void add(const Block& block) { blocks_[count_++] = block; }

  void fetch(int lines) {
    for (int i = 0; i < lines; ++i, at_ += kLine) {
      if (at_ >= end_ && !nextRow()) return;
      __builtin_prefetch(at_);
    }
  }

 private:
  static constexpr int kLine = 64;

  bool nextRow() {
    while (next_ < count_ && blocks_[next_].rows == 0) ++next_;
    if (next_ == count_) return false;
    Block& block = blocks_[next_];
    at_ = block.first;
    end_ = block.first + block.bytes;
    block.first += block.stride;
    block.rows -= 1;
    return true;
  }

  std::array<Block, 3> blocks_{};
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
};

template <class Lanes>
class PrintJob {
 public:
  PrintJob(const PrintPlan& plan, const Picture& picture, Scratch& scratch, std::byte* out)
      : plan_(plan), picture_(picture), layout_(layoutOf(picture.format)), scratch_(scratch), out_(out) {}

  void run() {
    for (int y = 0; y < plan_.placement.h; y += kLanes) {
      const Strip strip = stripAt(y);
      fetchFor(stripAt(y + kLanes));
      filter(strip);
      convert();
      write(strip);
    }
  }

 private:
  using Vector = typename Lanes::Vector;
  using Run = typename Lanes::Run;
  static constexpr int kLanes = Lanes::kLanes;

  struct Strip {
    int y;
    int height;
  };

  Strip stripAt(int y) const { return {y, std::clamp(plan_.placement.h - y, 0, kLanes)}; }

  /// From here on `ahead_` fetches what `strip` will be made from.
  void fetchFor(const Strip& strip) {
    ahead_.clear();
    if (strip.height == 0) return;
    for (int plane = 0; plane < layout_.planes; ++plane) {
      const auto p = static_cast<std::size_t>(plane);
      const RowMean* means = &plan_.downOf(plane).means[static_cast<std::size_t>(strip.y)];
      const RowMean& last = means[strip.height - 1];
      const std::uint8_t* first = picture_.planes[p] + picture_.strides[p] * means->first + plan_.bytes[p].from;
      ahead_.add({first, picture_.strides[p], plan_.bytes[p].size(), last.first + last.rows() - means->first});
    }
  }

  void filter(const Strip& strip) {
    for (int plane = 0; plane < layout_.planes; ++plane) {
      const ByteRange& range = plan_.bytes[static_cast<std::size_t>(plane)];
      filterDown(strip, plane);
      for (int at = 0; at < range.padded(); at += kLanes) {
        Lanes::transpose(scratch_.rows + at, range.padded(), scratch_.columns + at * kLanes);
      }
      for (int c = 0; c < layout_.channels; ++c) {
        const Channel& channel = layout_.channel[static_cast<std::size_t>(c)];
        if (channel.plane != plane) continue;
        const std::int16_t* columns = scratch_.columns + (channel.offset - range.from) * kLanes;
        filterAcross(plan_.acrossOf(channel), columns, channel.step * kLanes, filtered(c));
      }
    }
  }

  /// Rows of bytes, and how they are summed.
  struct Rows {
    const std::uint8_t* first;
    std::ptrdiff_t stride;
    RowMean mean;
  };

  void filterDown(const Strip& strip, int plane) {
    const auto p = static_cast<std::size_t>(plane);
    const ByteRange& range = plan_.bytes[p];
    for (int y = 0; y < strip.height; ++y) {
      const RowMean& mean = plan_.downOf(plane).means[static_cast<std::size_t>(strip.y + y)];
      const std::uint8_t* first = picture_.planes[p] + picture_.strides[p] * mean.first + range.from;
      sumRows({first, picture_.strides[p], mean}, range.size(), scratch_.rows + y * range.padded());
    }
  }

  void sumRows(const Rows& rows, int bytes, std::int16_t* out) {
    if (bytes < Lanes::kRun) return sumShortRows(rows, bytes, out);
    switch (rows.mean.middle) {
      case 0: return sumRuns<0>(rows, bytes, out);
      case 1: return sumRuns<1>(rows, bytes, out);
      case 2: return sumRuns<2>(rows, bytes, out);
      case 3: return sumRuns<3>(rows, bytes, out);
      case 4: return sumRuns<4>(rows, bytes, out);
      case 5: return sumRuns<5>(rows, bytes, out);
      case 6: return sumRuns<6>(rows, bytes, out);
      default: return sumRuns<-1>(rows, bytes, out);
    }
  }

  /// Never reads beside [0, bytes): the last run overlaps the one before. `kMiddle` -1: as many as `rows` says.
  template <int kMiddle>
  void sumRuns(const Rows rows, int bytes, std::int16_t* out) {
    const int middle = kMiddle >= 0 ? kMiddle : rows.mean.middle;
    const std::ptrdiff_t stride = rows.stride;
    const std::uint8_t* whole = rows.first + (rows.mean.head ? stride : 0);
    const std::uint8_t* tail = rows.first + (rows.mean.rows() - 1) * stride;
    for (int next = 0; next < bytes; next += Lanes::kRun) {
      if (next % 64 == 0) ahead_.fetch(middle / 2 + 1);
      const int at = std::min(next, bytes - Lanes::kRun);
      Run total = Lanes::emptyRun();
      for (int row = 0; row + 1 < middle; row += 2) {
        Lanes::addRows(total, whole + row * stride + at, whole + (row + 1) * stride + at);
      }
      if (middle % 2) Lanes::addRow(total, whole + (middle - 1) * stride + at);
      if (middle) Lanes::divide(total, rows.mean.shift, rows.mean.factor);
      if (rows.mean.head) Lanes::addWeighted(total, rows.first + at, rows.mean.head);
      if (rows.mean.tail) Lanes::addWeighted(total, tail + at, rows.mean.tail);
      Lanes::store(out + at, total);
    }
  }

  static void sumShortRows(const Rows& rows, int bytes, std::int16_t* out) {
    const RowMean& mean = rows.mean;
    for (int i = 0; i < bytes; ++i) {
      const auto weighted = [&](int row, std::int16_t weight) {
        return roundedProduct(static_cast<std::int16_t>(rows.first[row * rows.stride + i] << 7), weight);
      };
      unsigned middle = 0;
      for (int row = 0; row < mean.middle; ++row) middle += rows.first[(row + (mean.head ? 1 : 0)) * rows.stride + i];
      int total = static_cast<int>(((middle << mean.shift) * mean.factor) >> 16);
      if (mean.head) total += weighted(0, mean.head);
      if (mean.tail) total += weighted(mean.rows() - 1, mean.tail);
      out[i] = static_cast<std::int16_t>(total);
    }
  }

  void filterAcross(const AcrossAxis& axis, const std::int16_t* columns, int step, std::int16_t* out) {
    switch (axis.taps) {
      case 1: return sumColumns<1>(axis, columns, step, out);
      case 2: return sumColumns<2>(axis, columns, step, out);
      case 3: return sumColumns<3>(axis, columns, step, out);
      case 4: return sumColumns<4>(axis, columns, step, out);
      case 5: return sumColumns<5>(axis, columns, step, out);
      case 6: return sumColumns<6>(axis, columns, step, out);
      default: return sumColumns<0>(axis, columns, step, out);
    }
  }

  /// `kTaps` 0: as many as `axis` says.
  template <int kTaps>
  void sumColumns(const AcrossAxis& axis, const std::int16_t* columns, int step, std::int16_t* out) {
    const int taps = kTaps ? kTaps : axis.taps;
    const std::int16_t* weights = axis.weights.data();
    for (const std::int32_t first : axis.first) {
      ahead_.fetch(1);
      const std::int16_t* column = columns + first * step;
      Vector total = Lanes::product(Lanes::load(column), Lanes::spread(weights[0]));
      for (int tap = 1; tap < taps; ++tap) {
        total = Lanes::add(total, Lanes::product(Lanes::load(column + tap * step), Lanes::spread(weights[tap])));
      }
      Lanes::store(out, total);
      weights += taps;
      out += kLanes;
    }
  }

  /// From 9.7 samples to whole R, G, B, which may still lie outside 0…255.
  void convert() {
    const int end = plan_.placement.w * kLanes;
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

  void write(const Strip& strip) {
    for (int c = 0; c < 3; ++c) {
      const int channel = plan_.key.format.order == ChannelOrder::Bgr ? 2 - c : c;
      for (int x = 0; x < plan_.placement.w; x += kLanes) {
        Lanes::transposeToBytes(filtered(channel) + x * kLanes, row(c, 0) + x, plan_.columns);
      }
    }
    plan_.key.format.layout == TensorLayout::Planar ? writePlanes(strip) : writeInterleaved(strip);
  }

  /// Plane by plane, so that whole stretches of memory are written in order.
  void writePlanes(const Strip& strip) {
    const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(plan_.key.format.width) * plan_.key.format.height;
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < strip.height; ++y) {
        writeValues(row(c, y), plan_.normal[static_cast<std::size_t>(c)], c * plane + pixelAt(strip.y + y),
                    plan_.placement.w);
      }
    }
  }

  void writeInterleaved(const Strip& strip) {
    const int count = plan_.placement.w;
    for (int y = 0; y < strip.height; ++y) {
      const std::uint8_t* channels[] = {row(0, y), row(1, y), row(2, y)};
      const std::ptrdiff_t index = 3 * pixelAt(strip.y + y);
      if (plan_.key.format.dtype == DType::Uint8) {
        Lanes::interleave(channels, count, reinterpret_cast<std::uint8_t*>(out_) + index);
        continue;
      }
      Lanes::interleave(channels, count, scratch_.line);
      writeValues(scratch_.line, plan_.normal[0], index, 3 * count);
    }
  }

  /// Of the print: where row `y` of the placement begins.
  std::ptrdiff_t pixelAt(int y) const {
    return static_cast<std::ptrdiff_t>(plan_.placement.y + y) * plan_.key.format.width + plan_.placement.x;
  }

  void writeValues(const std::uint8_t* values, const NormalPattern& pattern, std::ptrdiff_t index, int count) {
    if (plan_.key.format.dtype == DType::Uint8) {
      std::memcpy(out_ + index, values, static_cast<std::size_t>(count));
      return;
    }
    Lanes::normalise(values, count, pattern, reinterpret_cast<float*>(out_) + index);
  }

  std::uint8_t* row(int channel, int y) const {
    return scratch_.pixels + static_cast<std::ptrdiff_t>(channel * kLanes + y) * plan_.columns;
  }

  std::int16_t* filtered(int channel) const {
    return scratch_.filtered + static_cast<std::ptrdiff_t>(channel) * plan_.columns * kLanes;
  }

  // Given.
  const PrintPlan& plan_;
  const Picture& picture_;
  const PixelLayout& layout_;
  Scratch& scratch_;
  std::byte* out_;

  // State.
  FetchAhead ahead_;
};

/// The end of a row that fills no vector, and every row of the portable kernel.
void normaliseScalar(const std::uint8_t* values, int from, int count, const NormalPattern& pattern, float* out) {
  for (int i = from; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i % 24);
    out[i] = (static_cast<float>(values[i]) - pattern.mean[at]) * pattern.scale[at];
  }
}

void interleaveScalar(const std::uint8_t* const* channels, int from, int count, std::uint8_t* out) {
  for (int i = from; i < count; ++i) {
    for (int c = 0; c < 3; ++c) out[3 * i + c] = channels[c][i];
  }
}

}  // namespace
}  // namespace vedette
