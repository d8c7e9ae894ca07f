// Printing: the one pass from decoder memory into a tensor.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/picture.hpp"

namespace vedette {

/// Fractions of the picture, top-left origin.
struct Rectangle {
  double x, y, w, h;
  bool operator==(const Rectangle&) const = default;
};

enum class TensorLayout : std::uint8_t { Planar, Interleaved };
enum class ChannelOrder : std::uint8_t { Rgb, Bgr };
enum class DType : std::uint8_t { Uint8, Float32 };
/// `Stretch` ignores the aspect; the others keep it and fill the rest with `pad`.
enum class Fit : std::uint8_t { Stretch, Corner, Centre };

/// How the printed pixels lie in memory: `PrintFormat` of src/contracts/ticket.ts.
struct PrintFormat {
  int width;
  int height;
  TensorLayout layout;
  ChannelOrder order;
  DType dtype;
  Fit fit;
  std::uint8_t pad;
  /// Float32 only: (value - mean[c]) * scale[c], c in `order`, value a whole number 0…255.
  std::array<float, 3> mean;
  std::array<float, 3> scale;
  bool operator==(const PrintFormat&) const = default;
};

/// Where the picture lies in the print, in printed pixels; the rest is pad.
struct Placement {
  int x, y, w, h;
  bool operator==(const Placement&) const = default;
};

std::size_t printedBytes(const PrintFormat& format) noexcept;

/// The placement of a part of `width` × `height` pixels.
Placement place(double width, double height, const PrintFormat& format) noexcept;

enum class Kernel : std::uint8_t { Reference, Portable, Avx2, Neon };

std::string_view name(Kernel kernel) noexcept;
/// What this processor runs, slowest first.
const std::vector<Kernel>& kernels();

/// Prints rectangles of pictures.
///
/// A printed pixel is the mean of the picture over the area that it covers, and never over less than one source pixel:
/// an area filter when shrinking, bilinear when enlarging. Beyond the frame its edge is repeated. Luma and chroma are
/// filtered in their own resolutions, then converted. Every kernel gives the same bytes except `Reference`, from which
/// the others are at most 1 of 255 away.
///
/// Owns:    the plans of the shapes printed lately, and scratch memory.
/// Threads: one at a time.
/// Fails:   print() gives nothing when the rectangle or a size is out of range, or `out` is too small.
/// Cost:    no allocation once a shape was printed; a new rectangle costs tens of microseconds for its plan.
class Printer final {
 public:
  explicit Printer(Kernel kernel = kernels().back());
  ~Printer();
  Printer(const Printer&) = delete;
  Printer& operator=(const Printer&) = delete;

  std::optional<Placement> print(const Picture& picture, const Rectangle& rectangle, const PrintFormat& format,
                                 std::span<std::byte> out) noexcept;

 private:
  struct State;
  // Owned.
  std::unique_ptr<State> state_;
};

}  // namespace vedette
