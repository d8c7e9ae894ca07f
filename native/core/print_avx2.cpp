// The print for x86-64 with AVX2: 16 printed rows at a time. Compiled with -mavx2; reached only where the CPU has it.
#include <immintrin.h>

#include "core/print_lanes.hpp"

namespace vedette {

namespace {

/// For each 16 interleaved bytes and each channel: which of its 16 bytes go where; -1 leaves 0. Plain bytes, because
/// nothing compiled for AVX2 may run before the processor was asked.
struct InterleaveMasks {
  alignas(16) signed char bytes[3][3][16];
};

constexpr InterleaveMasks interleaveMasks() {
  InterleaveMasks masks{};
  for (int out = 0; out < 48; ++out) {
    for (int channel = 0; channel < 3; ++channel) {
      masks.bytes[out / 16][channel][out % 16] = static_cast<signed char>(out % 3 == channel ? out / 3 : -1);
    }
  }
  return masks;
}

constexpr InterleaveMasks kInterleave = interleaveMasks();

struct Avx2Lanes {
  static constexpr int kLanes = 16;
  using Vector = __m256i;

  static Vector spread(std::int16_t value) { return _mm256_set1_epi16(value); }
  static Vector load(const std::int16_t* at) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(at)); }
  static void store(std::int16_t* at, Vector value) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), value); }
  static Vector add(Vector a, Vector b) { return _mm256_add_epi16(a, b); }
  static Vector subtract(Vector a, Vector b) { return _mm256_sub_epi16(a, b); }
  static Vector product(Vector a, Vector b) { return _mm256_mulhrs_epi16(a, b); }

  /// 32 samples of a row; unpacking leaves columns 0…7 and 16…23 in `low`, 8…15 and 24…31 in `high`.
  struct Run {
    __m256i low;
    __m256i high;
  };
  static constexpr int kRun = 32;

  static __m256i bytes(const std::uint8_t* at) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)); }
  static Run emptyRun() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static void addRow(Run& total, const std::uint8_t* row) {
    const __m256i samples = bytes(row), zero = _mm256_setzero_si256();
    total.low = add(total.low, _mm256_unpacklo_epi8(samples, zero));
    total.high = add(total.high, _mm256_unpackhi_epi8(samples, zero));
  }
  static void addRows(Run& total, const std::uint8_t* one, const std::uint8_t* other) {
    const __m256i a = bytes(one), b = bytes(other), ones = _mm256_set1_epi8(1);
    total.low = add(total.low, _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), ones));
    total.high = add(total.high, _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), ones));
  }
  static void divide(Run& total, int shift, std::uint16_t factor) {
    const __m128i by = _mm_cvtsi32_si128(shift);
    const Vector times = spread(static_cast<std::int16_t>(factor));
    total.low = _mm256_mulhi_epu16(_mm256_sll_epi16(total.low, by), times);
    total.high = _mm256_mulhi_epu16(_mm256_sll_epi16(total.high, by), times);
  }
  static void addWeighted(Run& total, const std::uint8_t* row, std::int16_t weight) {
    const __m256i samples = bytes(row), zero = _mm256_setzero_si256();
    const Vector by = spread(weight);
    total.low = add(total.low, product(_mm256_srli_epi16(_mm256_unpacklo_epi8(zero, samples), 1), by));
    total.high = add(total.high, product(_mm256_srli_epi16(_mm256_unpackhi_epi8(zero, samples), 1), by));
  }
  static void store(std::int16_t* at, const Run& run) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm256_castsi256_si128(run.low));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at + 8), _mm256_castsi256_si128(run.high));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at + 16), _mm256_extracti128_si256(run.low, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at + 24), _mm256_extracti128_si256(run.high, 1));
  }

  template <int bits>
  static Vector rounded(Vector a) {
    return _mm256_srai_epi16(_mm256_add_epi16(a, spread(1 << (bits - 1))), bits);
  }

  /// Two 8 × 8 transpositions side by side: rows 0…7 in the low halves, 8…15 in the high ones.
  static void transposeHalf(const std::int16_t* rows, int stride, std::int16_t* columns) {
    __m256i r[8], pairs[8], quads[8];
    for (int y = 0; y < 8; ++y) {
      r[y] = _mm256_inserti128_si256(
          _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + y * stride))),
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + (y + 8) * stride)), 1);
    }
    for (int i = 0; i < 4; ++i) {
      pairs[i] = _mm256_unpacklo_epi16(r[2 * i], r[2 * i + 1]);
      pairs[i + 4] = _mm256_unpackhi_epi16(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 4; ++i) {
      quads[2 * i] = _mm256_unpacklo_epi32(pairs[2 * i], pairs[2 * i + 1]);
      quads[2 * i + 1] = _mm256_unpackhi_epi32(pairs[2 * i], pairs[2 * i + 1]);
    }
    // Columns 0, 1 lie in quads 0 and 2; 2, 3 in 1 and 3; 4, 5 in 4 and 6; 6, 7 in 5 and 7.
    for (int i = 0; i < 4; ++i) {
      const int low = (i & 1) + (i & 2) * 2;
      store(columns + 2 * i * kLanes, _mm256_unpacklo_epi64(quads[low], quads[low + 2]));
      store(columns + (2 * i + 1) * kLanes, _mm256_unpackhi_epi64(quads[low], quads[low + 2]));
    }
  }

  static void transpose(const std::int16_t* rows, int stride, std::int16_t* columns) {
    transposeHalf(rows, stride, columns);
    transposeHalf(rows + 8, stride, columns + 8 * kLanes);
  }

  /// 16 columns of 16 rows, saturated to bytes, row by row.
  static void transposeToBytes(const std::int16_t* columns, std::uint8_t* rows, int stride) {
    __m256i packed[8], pairs[8], quads[8];
    // Column i in the low 8 bytes of each half, column i + 8 in the high ones.
    for (int i = 0; i < 8; ++i) {
      packed[i] = _mm256_packus_epi16(load(columns + i * kLanes), load(columns + (i + 8) * kLanes));
    }
    for (int i = 0; i < 4; ++i) {
      pairs[i] = _mm256_unpacklo_epi8(packed[2 * i], packed[2 * i + 1]);
      pairs[i + 4] = _mm256_unpackhi_epi8(packed[2 * i], packed[2 * i + 1]);
    }
    for (int i = 0; i < 4; ++i) {
      quads[2 * i] = _mm256_unpacklo_epi16(pairs[2 * i], pairs[2 * i + 1]);
      quads[2 * i + 1] = _mm256_unpackhi_epi16(pairs[2 * i], pairs[2 * i + 1]);
    }
    // quads 0, 2: columns 0…3, 4…7 of rows 0…3; 1, 3: of rows 4…7; 4…7 likewise for columns 8…15.
    for (int i = 0; i < 2; ++i) {
      const __m256i left01 = _mm256_unpacklo_epi32(quads[i], quads[i + 2]);
      const __m256i left23 = _mm256_unpackhi_epi32(quads[i], quads[i + 2]);
      const __m256i right01 = _mm256_unpacklo_epi32(quads[i + 4], quads[i + 6]);
      const __m256i right23 = _mm256_unpackhi_epi32(quads[i + 4], quads[i + 6]);
      std::uint8_t* at = rows + 4 * i * stride;
      storeRows(at, stride, _mm256_unpacklo_epi64(left01, right01));
      storeRows(at + stride, stride, _mm256_unpackhi_epi64(left01, right01));
      storeRows(at + 2 * stride, stride, _mm256_unpacklo_epi64(left23, right23));
      storeRows(at + 3 * stride, stride, _mm256_unpackhi_epi64(left23, right23));
    }
  }

  static void storeRows(std::uint8_t* at, int stride, __m256i rows) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm256_castsi256_si128(rows));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at + 8 * stride), _mm256_extracti128_si256(rows, 1));
  }

  static void interleave(const std::uint8_t* const* channels, int count, std::uint8_t* out) {
    int i = 0;
    for (; i + 16 <= count; i += 16) {
      __m128i part[3];
      for (int c = 0; c < 3; ++c) part[c] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(channels[c] + i));
      for (int third = 0; third < 3; ++third) {
        __m128i mixed = _mm_setzero_si128();
        for (int c = 0; c < 3; ++c) {
          const auto* mask = reinterpret_cast<const __m128i*>(kInterleave.bytes[third][c]);
          mixed = _mm_or_si128(mixed, _mm_shuffle_epi8(part[c], _mm_load_si128(mask)));
        }
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 3 * i + 16 * third), mixed);
      }
    }
    interleaveScalar(channels, i, count, out);
  }

  static void normalise(const std::uint8_t* values, int count, const NormalPattern& pattern, float* out) {
    __m256 mean[3], scale[3];
    for (int i = 0; i < 3; ++i) {
      mean[i] = _mm256_loadu_ps(&pattern.mean[static_cast<std::size_t>(8 * i)]);
      scale[i] = _mm256_loadu_ps(&pattern.scale[static_cast<std::size_t>(8 * i)]);
    }
    int i = 0;
    for (; i + 24 <= count; i += 24) {
      for (int part = 0; part < 3; ++part) {
        const auto* at = reinterpret_cast<const __m128i*>(values + i + 8 * part);
        const __m256 value = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(at)));
        _mm256_storeu_ps(out + i + 8 * part, _mm256_mul_ps(_mm256_sub_ps(value, mean[part]), scale[part]));
      }
    }
    normaliseScalar(values, i, count, pattern, out);
  }

};

}  // namespace

void printAvx2(const PrintPlan& plan, const Picture& picture, Scratch& scratch, std::byte* out) noexcept {
  PrintJob<Avx2Lanes>(plan, picture, scratch, out).run();
}

}  // namespace vedette
