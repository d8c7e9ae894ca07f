// Every kernel against the reference, over random formats, sizes, strides, rectangles and tensor kinds; every picture and
// print ends right before an unreadable page.
#include "core/print.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <random>
#include <string>

#include "test/check.hpp"

using namespace vedette;

namespace {

int allocations = 0;

/// Memory whose last byte lies right before a page that must not be touched.
class Guarded {
 public:
  explicit Guarded(std::size_t bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    mapped_ = (bytes + page - 1) / page * page + page;
    base_ = static_cast<std::byte*>(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base_ + mapped_ - page, page, PROT_NONE);
    memory_ = {base_ + mapped_ - page - bytes, bytes};
  }
  Guarded(const Guarded&) = delete;
  ~Guarded() { munmap(base_, mapped_); }
  std::span<std::byte> memory() const { return memory_; }

 private:
  std::byte* base_;
  std::size_t mapped_;
  std::span<std::byte> memory_;
};

std::mt19937 random_{20'260'131};

int between(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }
double fraction() { return std::uniform_real_distribution(0.0, 1.0)(random_); }
template <class Value>
Value oneOf(std::initializer_list<Value> values) {
  return values.begin()[between(0, static_cast<int>(values.size()) - 1)];
}

struct Sample {
  PixelFormat pixels;
  int width;
  int height;
  BlockLayout where;
  std::size_t bytes;
  Rectangle rectangle;
  PrintFormat format;
};

Sample randomSample() {
  Sample sample{};
  sample.pixels = static_cast<PixelFormat>(between(0, 9));
  sample.width = oneOf({between(1, 40), between(1, 40), between(41, 300), between(500, 900)});
  sample.height = oneOf({between(1, 40), between(41, 200)});
  const bool padded = between(0, 1) == 1;
  for (int plane = 0; plane < layoutOf(sample.pixels).planes; ++plane) {
    const auto p = static_cast<std::size_t>(plane);
    const std::size_t row = rowBytes(sample.pixels, sample.width, plane);
    const auto rows = static_cast<std::size_t>(rowCount(sample.pixels, sample.height, plane));
    sample.where.strides[p] = row + static_cast<std::size_t>(padded ? between(0, 70) : 0);
    sample.where.offsets[p] = sample.bytes;
    sample.bytes += sample.where.strides[p] * (rows - 1) + row;
  }
  sample.rectangle = {0, 0, 1, 1};
  if (between(0, 2) > 0) {
    const double x = fraction(), y = fraction();
    sample.rectangle = {x, y, std::max(1e-4, (1 - x) * fraction()), std::max(1e-4, (1 - y) * fraction())};
    if (between(0, 3) == 0) sample.rectangle.w = 1 - x;
    sample.rectangle.w = std::min(sample.rectangle.w, 1 - x);
    sample.rectangle.h = std::min(sample.rectangle.h, 1 - y);
    if (sample.rectangle.w <= 0 || sample.rectangle.h <= 0) sample.rectangle = {0, 0, 1, 1};
  }
  PrintFormat& format = sample.format;
  format.width = oneOf({between(1, 20), between(21, 100), between(101, 200)});
  format.height = oneOf({between(1, 20), between(21, 80)});
  format.layout = oneOf({TensorLayout::Planar, TensorLayout::Interleaved});
  format.order = oneOf({ChannelOrder::Rgb, ChannelOrder::Bgr});
  format.dtype = oneOf({DType::Uint8, DType::Float32});
  format.fit = oneOf({Fit::Stretch, Fit::Corner, Fit::Centre});
  format.pad = static_cast<std::uint8_t>(between(0, 255));
  format.mean = {123.675f, 116.28f, 103.53f};
  format.scale = {1 / 58.395f, 1 / 57.12f, -1 / 57.375f};
  return sample;
}

/// Noise, extremes or a ramp: what wraps, saturates or hides an offset.
void paint(std::span<std::byte> memory) {
  const int kind = between(0, 2);
  for (std::size_t i = 0; i < memory.size(); ++i) {
    const int value = kind == 0 ? between(0, 255) : kind == 1 ? 255 * between(0, 1) : static_cast<int>(i * 3 % 256);
    memory[i] = static_cast<std::byte>(value);
  }
}

/// How far apart two prints are, in steps of 1 of 255.
double distance(const PrintFormat& format, std::span<const std::byte> a, std::span<const std::byte> b) {
  double most = 0;
  const bool floats = format.dtype == DType::Float32;
  const std::size_t count = a.size() / (floats ? sizeof(float) : 1);
  const std::size_t plane = static_cast<std::size_t>(format.width) * static_cast<std::size_t>(format.height);
  for (std::size_t i = 0; i < count; ++i) {
    if (!floats) {
      most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
      continue;
    }
    float left, right;
    std::memcpy(&left, &a[i * 4], 4);
    std::memcpy(&right, &b[i * 4], 4);
    const std::size_t channel = format.layout == TensorLayout::Planar ? i / plane : i % 3;
    most = std::max(most, std::abs(static_cast<double>(left - right) / static_cast<double>(format.scale[channel])));
  }
  return most;
}

std::string describe(const Sample& sample, Kernel kernel) {
  char text[400];
  const PrintFormat& f = sample.format;
  const Rectangle& r = sample.rectangle;
  std::snprintf(text, sizeof text, "%s: format %d, %dx%d strides %zu %zu, [%.17g %.17g %.17g %.17g] -> %dx%d l%d o%d d%d f%d",
                name(kernel).data(), static_cast<int>(sample.pixels), sample.width, sample.height,
                sample.where.strides[0], sample.where.strides[1], r.x, r.y, r.w, r.h, f.width, f.height,
                static_cast<int>(f.layout), static_cast<int>(f.order), static_cast<int>(f.dtype),
                static_cast<int>(f.fit));
  return text;
}

void kernelsMatchTheReference() {
  std::vector<std::unique_ptr<Printer>> printers;
  for (const Kernel kernel : kernels()) printers.push_back(std::make_unique<Printer>(kernel));
  double sum = 0;
  const int rounds = std::getenv("VEDETTE_ROUNDS") ? std::atoi(std::getenv("VEDETTE_ROUNDS")) : 1500;
  for (int round = 0; round < rounds; ++round) {
    const Sample sample = randomSample();
    Guarded block(sample.bytes);
    paint(block.memory());
    auto picture = pictureIn(block.memory(), sample.pixels, sample.width, sample.height, sample.where);
    CHECK(picture.has_value());
    if (!picture) return;
    picture->fullRange = between(0, 1) == 1;
    picture->matrix = oneOf({Matrix::Bt601, Matrix::Bt709});

    Guarded expected(printedBytes(sample.format));
    const auto placement = printers[0]->print(*picture, sample.rectangle, sample.format, expected.memory());
    Guarded portable(printedBytes(sample.format));
    for (std::size_t k = 1; k < printers.size(); ++k) {
      Guarded own(printedBytes(sample.format));
      Guarded& printed = k == 1 ? portable : own;
      std::memset(printed.memory().data(), 0xa5, printed.memory().size());
      CHECK(printers[k]->print(*picture, sample.rectangle, sample.format, printed.memory()) == placement);
      const double apart = distance(sample.format, expected.memory(), printed.memory());
      const bool same = std::memcmp(printed.memory().data(), portable.memory().data(), printed.memory().size()) == 0;
      sum += apart;
      if (apart > 1.001 || !same) {
        std::fprintf(stderr, "%s: %g apart%s\n", describe(sample, kernels()[k]).c_str(), apart,
                     same ? "" : ", not the portable kernel's bytes");
        CHECK(apart <= 1.001);
        CHECK(same);
        if (vedette::test::failures > 10) return;
      }
    }
  }
  std::printf("     %d samples, largest difference per print on average %.3f of 255\n", rounds,
              sum / rounds / static_cast<double>(printers.size() - 1));
}

/// A printer that prints one shape after another gives what a new one gives, and allocates nothing for a known shape.
void shapesDoNotDisturbEachOther() {
  for (const Kernel kernel : kernels()) {
    Printer lasting(kernel);
    std::vector<Sample> samples;
    for (int i = 0; i < 5; ++i) samples.push_back(randomSample());
    for (int round = 0; round < 40; ++round) {
      const Sample& sample = samples[static_cast<std::size_t>(between(0, 4))];
      std::vector<std::byte> block(sample.bytes), expected(printedBytes(sample.format)), printed(expected.size());
      paint(block);
      const auto picture = pictureIn(block, sample.pixels, sample.width, sample.height, sample.where);
      CHECK(picture.has_value());
      Printer fresh(kernel);
      fresh.print(*picture, sample.rectangle, sample.format, expected);
      lasting.print(*picture, sample.rectangle, sample.format, printed);
      CHECK(printed == expected);
      const int before = allocations;
      lasting.print(*picture, sample.rectangle, sample.format, printed);
      CHECK(allocations == before);
    }
  }
}

void badOrdersAreRefused() {
  std::vector<std::byte> block(100 * 100), out(3 * 50 * 50);
  const auto picture = pictureIn(block, PixelFormat::GRAY8, 100, 100);
  const PrintFormat good{50, 50, {}, {}, DType::Uint8, Fit::Stretch, 0, {}, {}};
  Printer printer;
  CHECK(printer.print(*picture, {0, 0, 1, 1}, good, out).has_value());
  for (const Rectangle& bad : {Rectangle{-0.1, 0, 1, 1}, Rectangle{0, 0, 1.1, 1}, Rectangle{0.5, 0.5, 0.6, 0.1},
                               Rectangle{0, 0, 0, 1}, Rectangle{0, 0, 1, -1}, Rectangle{NAN, 0, 1, 1},
                               Rectangle{0, 0, 1, INFINITY}}) {
    CHECK(!printer.print(*picture, bad, good, out));
  }
  PrintFormat format = good;
  format.height = 51;
  CHECK(!printer.print(*picture, {0, 0, 1, 1}, format, out));
  for (const int side : {0, -1, kMaxSide + 1}) {
    format.height = side;
    CHECK(!printer.print(*picture, {0, 0, 1, 1}, format, out));
  }
  format = good;
  format.dtype = DType::Float32;
  std::vector<std::byte> floats(printedBytes(format) + 1);
  CHECK(!printer.print(*picture, {0, 0, 1, 1}, format, std::span(floats).subspan(1)));
}

void picturesMustFitTheirBlock() {
  std::vector<std::byte> block(pictureBytes(PixelFormat::I420, 31, 21));
  CHECK(block.size() == 31 * 21 + 2 * 16 * 11);
  CHECK(pictureIn(block, PixelFormat::I420, 31, 21).has_value());
  CHECK(!pictureIn(std::span(block).subspan(1), PixelFormat::I420, 31, 21));
  CHECK(!pictureIn(block, PixelFormat::I420, 0, 21));
  CHECK(!pictureIn(block, PixelFormat::I420, 31, kMaxSide + 1));
  CHECK(pictureIn(block, PixelFormat::GRAY8, 31, 1, {{}, {SIZE_MAX / 2, 0, 0}})->strides[0] == 31);
  for (const BlockLayout& where :
       {BlockLayout{{}, {30, 0, 0}}, BlockLayout{{1, 0, 0}, {}}, BlockLayout{{0, SIZE_MAX, 0}, {}},
        BlockLayout{{}, {SIZE_MAX, 0, 0}}, BlockLayout{{}, {0, SIZE_MAX / 2, 0}}, BlockLayout{{0, 0, 900}, {}}}) {
    CHECK(!pictureIn(block, PixelFormat::I420, 31, 21, where));
  }
}

}  // namespace

void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* at = std::malloc(bytes)) return at;
  throw std::bad_alloc();
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }

int main() {
  return vedette::test::run({
      {"kernels match the reference", kernelsMatchTheReference},
      {"shapes do not disturb each other", shapesDoNotDisturbEachOther},
      {"bad orders are refused", badOrdersAreRefused},
      {"pictures must fit their block", picturesMustFitTheirBlock},
  });
}
