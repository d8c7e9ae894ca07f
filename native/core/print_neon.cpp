// The print for 64-bit ARM: 8 printed rows at a time.
#include <arm_neon.h>

#include "core/print_lanes.hpp"

namespace vedette {

namespace {

struct NeonLanes {
  static constexpr int kLanes = 8;
  using Vector = int16x8_t;

  static Vector spread(std::int16_t value) { return vdupq_n_s16(value); }
  static Vector load(const std::int16_t* at) { return vld1q_s16(at); }
  static void store(std::int16_t* at, Vector value) { vst1q_s16(at, value); }
  static Vector add(Vector a, Vector b) { return vaddq_s16(a, b); }
  static Vector subtract(Vector a, Vector b) { return vsubq_s16(a, b); }
  static Vector product(Vector a, Vector b) { return vqrdmulhq_s16(a, b); }

  struct Run {
    uint16x8_t low;
    uint16x8_t high;
  };
  static constexpr int kRun = 16;

  static Run emptyRun() { return {vdupq_n_u16(0), vdupq_n_u16(0)}; }
  static void addRow(Run& total, const std::uint8_t* row) {
    const uint8x16_t samples = vld1q_u8(row);
    total.low = vaddw_u8(total.low, vget_low_u8(samples));
    total.high = vaddw_high_u8(total.high, samples);
  }
  static void addRows(Run& total, const std::uint8_t* one, const std::uint8_t* other) {
    addRow(total, one);
    addRow(total, other);
  }
  static uint16x8_t divided(uint16x8_t sum, int16x8_t shift, std::uint16_t factor) {
    const uint16x8_t shifted = vshlq_u16(sum, shift);
    const uint32x4_t low = vmull_n_u16(vget_low_u16(shifted), factor);
    const uint32x4_t high = vmull_high_n_u16(shifted, factor);
    return vuzp2q_u16(vreinterpretq_u16_u32(low), vreinterpretq_u16_u32(high));
  }
  static void divide(Run& total, int shift, std::uint16_t factor) {
    const int16x8_t by = spread(static_cast<std::int16_t>(shift));
    total.low = divided(total.low, by, factor);
    total.high = divided(total.high, by, factor);
  }
  static void addWeighted(Run& total, const std::uint8_t* row, std::int16_t weight) {
    const uint8x16_t samples = vld1q_u8(row);
    const int16x8_t by = spread(weight);
    const int16x8_t low = vreinterpretq_s16_u16(vshll_n_u8(vget_low_u8(samples), 7));
    const int16x8_t high = vreinterpretq_s16_u16(vshll_high_n_u8(samples, 7));
    total.low = vaddq_u16(total.low, vreinterpretq_u16_s16(product(low, by)));
    total.high = vaddq_u16(total.high, vreinterpretq_u16_s16(product(high, by)));
  }
  static void store(std::int16_t* at, const Run& run) {
    store(at, vreinterpretq_s16_u16(run.low));
    store(at + 8, vreinterpretq_s16_u16(run.high));
  }

  template <int bits>
  static Vector rounded(Vector a) {
    return vrshrq_n_s16(a, bits);
  }

  /// 8 × 8, by ever larger squares.
  static void transpose(const std::int16_t* rows, int stride, std::int16_t* columns) {
    int16x8_t r[8], pairs[8];
    int32x4_t quads[8];
    for (int y = 0; y < 8; ++y) r[y] = load(rows + y * stride);
    for (int i = 0; i < 8; i += 2) {
      pairs[i] = vtrn1q_s16(r[i], r[i + 1]);
      pairs[i + 1] = vtrn2q_s16(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
      for (int odd = 0; odd < 2; ++odd) {
        const int32x4_t upper = vreinterpretq_s32_s16(pairs[i + odd]), lower = vreinterpretq_s32_s16(pairs[i + odd + 2]);
        quads[i + odd] = vtrn1q_s32(upper, lower);
        quads[i + odd + 2] = vtrn2q_s32(upper, lower);
      }
    }
    for (int i = 0; i < 4; ++i) {
      const int64x2_t upper = vreinterpretq_s64_s32(quads[i]), lower = vreinterpretq_s64_s32(quads[i + 4]);
      store(columns + i * kLanes, vreinterpretq_s16_s64(vtrn1q_s64(upper, lower)));
      store(columns + (i + 4) * kLanes, vreinterpretq_s16_s64(vtrn2q_s64(upper, lower)));
    }
  }

  /// 8 columns of 8 rows, saturated to bytes, row by row.
  static void transposeToBytes(const std::int16_t* columns, std::uint8_t* rows, int stride) {
    std::int16_t turned[8 * kLanes];
    transpose(columns, kLanes, turned);
    for (int y = 0; y < 8; ++y) vst1_u8(rows + y * stride, vqmovun_s16(load(turned + y * kLanes)));
  }

  static void interleave(const std::uint8_t* const* channels, int count, std::uint8_t* out) {
    int i = 0;
    for (; i + 16 <= count; i += 16) {
      vst3q_u8(out + 3 * i, {{vld1q_u8(channels[0] + i), vld1q_u8(channels[1] + i), vld1q_u8(channels[2] + i)}});
    }
    interleaveScalar(channels, i, count, out);
  }

  static void normalise(const std::uint8_t* values, int count, const NormalPattern& pattern, float* out) {
    int i = 0;
    for (; i + 24 <= count; i += 24) {
      for (int part = 0; part < 24; part += 8) {
        const uint16x8_t wide = vmovl_u8(vld1_u8(values + i + part));
        const float32x4_t low = vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide)));
        const float32x4_t high = vcvtq_f32_u32(vmovl_high_u16(wide));
        const float* mean = &pattern.mean[static_cast<std::size_t>(part)];
        const float* scale = &pattern.scale[static_cast<std::size_t>(part)];
        vst1q_f32(out + i + part, vmulq_f32(vsubq_f32(low, vld1q_f32(mean)), vld1q_f32(scale)));
        vst1q_f32(out + i + part + 4, vmulq_f32(vsubq_f32(high, vld1q_f32(mean + 4)), vld1q_f32(scale + 4)));
      }
    }
    normaliseScalar(values, i, count, pattern, out);
  }
};

}  // namespace

void printNeon(const PrintPlan& plan, const Picture& picture, Scratch& scratch, std::byte* out) noexcept {
  PrintJob<NeonLanes>(plan, picture, scratch, out).run();
}

}  // namespace vedette
