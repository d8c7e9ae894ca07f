// A decoded frame in somebody's memory, and where in it each channel lies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace vedette {

/// Named as GStreamer names them; `x` is a byte without meaning.
enum class PixelFormat : std::uint8_t { I420, NV12, YUY2, RGB, RGBA, RGBx, BGR, BGRA, BGRx, GRAY8 };

std::optional<PixelFormat> pixelFormat(std::string_view name) noexcept;

enum class Matrix : std::uint8_t { Bt601, Bt709 };

enum class ColourModel : std::uint8_t { Yuv, Rgb, Grey };

/// Sample i of a channel's row is byte `i * step + offset` of its plane's row.
struct Channel {
  std::int8_t plane;
  std::int8_t step;
  std::int8_t offset;
  /// Halved across: one sample for two pixels. Samples are taken to sit in the middle of what they stand for.
  bool halved;
};

struct PixelLayout {
  ColourModel model;
  std::int8_t planes;
  std::int8_t channels;
  /// Y U V, or R G B, or grey.
  std::array<Channel, 3> channel;
  /// Of each plane: one row for two rows of pixels.
  std::array<bool, 3> halvedRows;
};

const PixelLayout& layoutOf(PixelFormat format) noexcept;

/// Borrowed memory: whoever prints from it keeps it mapped meanwhile.
struct Picture {
  PixelFormat format;
  int width;
  int height;
  std::array<const std::uint8_t*, 3> planes;
  /// Bytes from a row to the next one, per plane.
  std::array<std::ptrdiff_t, 3> strides;
  /// YUV and grey: 0…255 rather than 16…235.
  bool fullRange;
  Matrix matrix;
};

/// What a decoder means that does not say: BT.709 from 720 rows on.
constexpr Matrix usualMatrix(int height) { return height >= 720 ? Matrix::Bt709 : Matrix::Bt601; }

/// The largest side of a picture or of a print.
inline constexpr int kMaxSide = 16384;

/// Bytes that one row of plane `plane` holds, without padding; rows in that plane.
std::size_t rowBytes(PixelFormat format, int width, int plane) noexcept;
int rowCount(PixelFormat format, int height, int plane) noexcept;

/// Where the planes of a picture lie in one block. An offset or stride of 0 means "right behind the former plane" and
/// "no padding"; plane 0 always begins at `offsets[0]`.
struct BlockLayout {
  std::array<std::size_t, 3> offsets{};
  std::array<std::size_t, 3> strides{};
};

/// The picture that lies in `block`; empty when a size is out of range or a plane does not fit into the block.
std::optional<Picture> pictureIn(std::span<const std::byte> block, PixelFormat format, int width, int height,
                                 const BlockLayout& where = {}) noexcept;

/// Bytes of an unpadded picture.
std::size_t pictureBytes(PixelFormat format, int width, int height) noexcept;

}  // namespace vedette
