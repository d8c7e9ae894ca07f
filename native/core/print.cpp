#include "core/print.hpp"

#include <algorithm>
#include <cmath>

#include "core/print_kernels.hpp"

namespace vedette {

namespace {

/// Rectangles come from JSON: an edge may be off by the rounding of a few operations.
constexpr double kSlack = 1e-6;

bool sideInRange(int side) { return side >= 1 && side <= kMaxSide; }

/// The rectangle with its edges inside the frame; empty when it is not a part of the frame at all.
std::optional<Rectangle> inFrame(const Rectangle& given) {
  const double right = given.x + given.w;
  const double bottom = given.y + given.h;
  // Negated, so that NaN is refused too.
  if (!(given.x >= -kSlack && given.y >= -kSlack && right <= 1 + kSlack && bottom <= 1 + kSlack)) return std::nullopt;
  const double x = std::max(given.x, 0.0);
  const double y = std::max(given.y, 0.0);
  const Rectangle inside{x, y, std::min(right, 1.0) - x, std::min(bottom, 1.0) - y};
  if (!(inside.w > 0 && inside.h > 0)) return std::nullopt;
  return inside;
}

template <class Value>
void fill(Value* at, std::size_t pixels, std::span<const Value> pixel) {
  if (pixel.size() == 1) {
    std::fill_n(at, pixels, pixel[0]);
    return;
  }
  for (std::size_t i = 0; i < pixels; ++i) at = std::copy(pixel.begin(), pixel.end(), at);
}

/// The bars around the placement, in one plane whose pixels look like `pixel`.
template <class Value>
void fillBars(Value* plane, const PrintFormat& format, const Placement& placement, std::span<const Value> pixel) {
  const auto width = static_cast<std::size_t>(format.width);
  const auto left = static_cast<std::size_t>(placement.x);
  const auto right = left + static_cast<std::size_t>(placement.w);
  const auto top = static_cast<std::size_t>(placement.y);
  const auto bottom = top + static_cast<std::size_t>(placement.h);
  fill(plane, top * width, pixel);
  fill(plane + bottom * width * pixel.size(), (static_cast<std::size_t>(format.height) - bottom) * width, pixel);
  for (std::size_t y = top; y < bottom; ++y) {
    Value* row = plane + y * width * pixel.size();
    fill(row, left, pixel);
    fill(row + right * pixel.size(), width - right, pixel);
  }
}

template <class Value>
void fillBars(std::byte* out, const PrintFormat& format, const Placement& placement,
              const std::array<Value, 3>& pixel) {
  auto* values = reinterpret_cast<Value*>(out);
  if (format.layout == TensorLayout::Interleaved) {
    fillBars<Value>(values, format, placement, pixel);
    return;
  }
  const std::size_t plane = static_cast<std::size_t>(format.width) * static_cast<std::size_t>(format.height);
  for (std::size_t c = 0; c < 3; ++c) {
    fillBars<Value>(values + c * plane, format, placement, std::span(&pixel[c], 1));
  }
}

void fillBars(std::byte* out, const PrintFormat& format, const Placement& placement) {
  if (placement.w == format.width && placement.h == format.height) return;
  if (format.dtype == DType::Uint8) {
    fillBars<std::uint8_t>(out, format, placement, {format.pad, format.pad, format.pad});
    return;
  }
  std::array<float, 3> pixel;
  for (std::size_t c = 0; c < 3; ++c) {
    pixel[c] = (static_cast<float>(format.pad) - format.mean[c]) * format.scale[c];
  }
  fillBars<float>(out, format, placement, pixel);
}

PrintFunction functionOf(Kernel kernel) {
  switch (kernel) {
#if defined(__x86_64__)
    case Kernel::Avx2: return printAvx2;
#endif
#if defined(__aarch64__)
    case Kernel::Neon: return printNeon;
#endif
    case Kernel::Reference: return printReference;
    default: return printPortable;
  }
}

}  // namespace

std::string_view name(Kernel kernel) noexcept {
  constexpr std::string_view names[] = {"reference", "portable", "avx2", "neon"};
  return names[static_cast<int>(kernel)];
}

const std::vector<Kernel>& kernels() {
  static const std::vector<Kernel> runnable = [] {
    std::vector<Kernel> found{Kernel::Reference, Kernel::Portable};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) found.push_back(Kernel::Avx2);
#endif
#if defined(__aarch64__)
    found.push_back(Kernel::Neon);
#endif
    return found;
  }();
  return runnable;
}

std::size_t printedBytes(const PrintFormat& format) noexcept {
  return static_cast<std::size_t>(format.width) * static_cast<std::size_t>(format.height) * 3 *
         (format.dtype == DType::Float32 ? sizeof(float) : 1);
}

Placement place(double width, double height, const PrintFormat& format) noexcept {
  if (format.fit == Fit::Stretch) return {0, 0, format.width, format.height};
  const double scale = std::min(format.width / width, format.height / height);
  const int w = std::clamp(static_cast<int>(std::lround(width * scale)), 1, format.width);
  const int h = std::clamp(static_cast<int>(std::lround(height * scale)), 1, format.height);
  if (format.fit == Fit::Corner) return {0, 0, w, h};
  return {(format.width - w) / 2, (format.height - h) / 2, w, h};
}

/// A camera prints one or two fixed shapes all the time, and motion regions that hardly ever repeat.
constexpr std::size_t kPlans = 8;
constexpr int kMostLanes = 16;

struct Printer::State {
  // Given.
  PrintFunction function;

  // Owned.
  std::vector<std::unique_ptr<PrintPlan>> plans;  // Latest first.
  Scratch scratch;

  const PrintPlan& planFor(const PrintKey& key) {
    auto found = std::find_if(plans.begin(), plans.end(), [&](const auto& plan) { return plan->key == key; });
    const bool known = found != plans.end();
    if (!known && plans.size() < kPlans) {
      plans.push_back(std::make_unique<PrintPlan>());
    }
    if (!known) found = plans.end() - 1;
    std::rotate(plans.begin(), found, found + 1);
    if (!known) plans.front()->build(key);
    return *plans.front();
  }
};

Printer::Printer(Kernel kernel) : state_(std::make_unique<State>()) {
  state_->function = functionOf(kernel);
  state_->plans.reserve(kPlans);
}

Printer::~Printer() = default;

std::optional<Placement> Printer::print(const Picture& picture, const Rectangle& rectangle, const PrintFormat& format,
                                        std::span<std::byte> out) noexcept {
  const auto inside = inFrame(rectangle);
  const bool sizes = sideInRange(format.width) && sideInRange(format.height) && sideInRange(picture.width) &&
                     sideInRange(picture.height);
  if (!inside || !sizes || out.size() < printedBytes(format)) return std::nullopt;
  // Float tensors are written as floats; the arena's slots are aligned to 64.
  if (reinterpret_cast<std::uintptr_t>(out.data()) % alignof(float) != 0 && format.dtype == DType::Float32) {
    return std::nullopt;
  }
  const PrintPlan& plan = state_->planFor(
      {picture.format, picture.width, picture.height, picture.fullRange, picture.matrix, *inside, format});
  state_->scratch.fit(plan, kMostLanes);
  fillBars(out.data(), format, plan.placement);
  (plan.fits16Bits ? state_->function : printReference)(plan, picture, state_->scratch, out.data());
  return plan.placement;
}

}  // namespace vedette
