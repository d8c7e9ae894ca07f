// The print for processors without AVX2 or NEON: 8 lanes that the compiler turns into whatever vectors there are.
#include "core/print_lanes.hpp"

namespace vedette {

namespace {

struct PortableLanes {
  static constexpr int kLanes = 8;
  struct Vector {
    std::int16_t lane[kLanes];
  };

  template <class Function>
  static Vector each(Function function) {
    Vector result;
    for (int i = 0; i < kLanes; ++i) result.lane[i] = static_cast<std::int16_t>(function(i));
    return result;
  }

  static Vector spread(std::int16_t value) {
    return each([=](int) { return value; });
  }
  static Vector load(const std::int16_t* at) {
    return each([=](int i) { return at[i]; });
  }
  static void store(std::int16_t* at, const Vector& value) { std::memcpy(at, value.lane, sizeof(value.lane)); }
  static Vector add(const Vector& a, const Vector& b) {
    return each([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  static Vector subtract(const Vector& a, const Vector& b) {
    return each([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  static Vector product(const Vector& a, const Vector& b) {
    return each([&](int i) { return roundedProduct(a.lane[i], b.lane[i]); });
  }

  static constexpr int kRun = kLanes;
  using Run = Vector;
  static Run emptyRun() { return spread(0); }
  static void addRow(Run& total, const std::uint8_t* row) {
    total = each([&](int i) { return total.lane[i] + row[i]; });
  }
  static void addRows(Run& total, const std::uint8_t* one, const std::uint8_t* other) {
    total = each([&](int i) { return total.lane[i] + one[i] + other[i]; });
  }
  static void divide(Run& total, int shift, std::uint16_t factor) {
    total = each([&](int i) { return ((static_cast<std::uint32_t>(total.lane[i]) << shift) * factor) >> 16; });
  }
  static void addWeighted(Run& total, const std::uint8_t* row, std::int16_t weight) {
    total = each([&](int i) { return total.lane[i] + roundedProduct(static_cast<std::int16_t>(row[i] << 7), weight); });
  }

  template <int bits>
  static Vector rounded(const Vector& a) {
    return each([&](int i) { return (a.lane[i] + (1 << (bits - 1))) >> bits; });
  }

  static void transpose(const std::int16_t* rows, int stride, std::int16_t* columns) {
    for (int x = 0; x < kLanes; ++x) {
      for (int y = 0; y < kLanes; ++y) columns[x * kLanes + y] = rows[y * stride + x];
    }
  }
  static void transposeToBytes(const std::int16_t* columns, std::uint8_t* rows, int stride) {
    for (int y = 0; y < kLanes; ++y) {
      for (int x = 0; x < kLanes; ++x) {
        rows[y * stride + x] = static_cast<std::uint8_t>(std::clamp<int>(columns[x * kLanes + y], 0, 255));
      }
    }
  }
  static void interleave(const std::uint8_t* const* channels, int count, std::uint8_t* out) {
    interleaveScalar(channels, 0, count, out);
  }
  static void normalise(const std::uint8_t* values, int count, const NormalPattern& pattern, float* out) {
    normaliseScalar(values, 0, count, pattern, out);
  }
};

}  // namespace

void printPortable(const PrintPlan& plan, const Picture& picture, Scratch& scratch, std::byte* out) noexcept {
  PrintJob<PortableLanes>(plan, picture, scratch, out).run();
}

}  // namespace vedette
