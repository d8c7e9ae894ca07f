#include "core/picture.hpp"

#include <utility>

namespace vedette {

namespace {

constexpr PixelLayout packed(std::int8_t step, std::int8_t red, std::int8_t green, std::int8_t blue) {
  return {ColourModel::Rgb, 1, 3, {{{0, step, red, false}, {0, step, green, false}, {0, step, blue, false}}}, {}};
}

constexpr std::array kNames{
    std::pair{std::string_view{"I420"}, PixelFormat::I420}, std::pair{std::string_view{"NV12"}, PixelFormat::NV12},
    std::pair{std::string_view{"YUY2"}, PixelFormat::YUY2}, std::pair{std::string_view{"RGB"}, PixelFormat::RGB},
    std::pair{std::string_view{"RGBA"}, PixelFormat::RGBA}, std::pair{std::string_view{"RGBx"}, PixelFormat::RGBx},
    std::pair{std::string_view{"BGR"}, PixelFormat::BGR},   std::pair{std::string_view{"BGRA"}, PixelFormat::BGRA},
    std::pair{std::string_view{"BGRx"}, PixelFormat::BGRx}, std::pair{std::string_view{"GRAY8"}, PixelFormat::GRAY8},
};

constexpr PixelLayout kLayouts[] = {
    {ColourModel::Yuv, 3, 3, {{{0, 1, 0, false}, {1, 1, 0, true}, {2, 1, 0, true}}}, {false, true, true}},  // I420
    {ColourModel::Yuv, 2, 3, {{{0, 1, 0, false}, {1, 2, 0, true}, {1, 2, 1, true}}}, {false, true, false}},  // NV12
    {ColourModel::Yuv, 1, 3, {{{0, 2, 0, false}, {0, 4, 1, true}, {0, 4, 3, true}}}, {}},                    // YUY2
    packed(3, 0, 1, 2),                                                                                      // RGB
    packed(4, 0, 1, 2),                                                                                      // RGBA
    packed(4, 0, 1, 2),                                                                                      // RGBx
    packed(3, 2, 1, 0),                                                                                      // BGR
    packed(4, 2, 1, 0),                                                                                      // BGRA
    packed(4, 2, 1, 0),                                                                                      // BGRx
    {ColourModel::Grey, 1, 1, {{{0, 1, 0, false}}}, {}},                                                     // GRAY8
};

constexpr int half(int side) { return (side + 1) / 2; }

}  // namespace

std::optional<PixelFormat> pixelFormat(std::string_view name) noexcept {
  for (const auto& [known, format] : kNames) {
    if (known == name) return format;
  }
  return std::nullopt;
}

const PixelLayout& layoutOf(PixelFormat format) noexcept { return kLayouts[static_cast<int>(format)]; }

std::size_t rowBytes(PixelFormat format, int width, int plane) noexcept {
  std::size_t bytes = 0;
  for (const Channel& channel : layoutOf(format).channel) {
    if (channel.plane != plane || channel.step == 0) continue;
    const int samples = channel.halved ? half(width) : width;
    bytes = std::max(bytes, static_cast<std::size_t>(samples) * static_cast<std::size_t>(channel.step));
  }
  return bytes;
}

int rowCount(PixelFormat format, int height, int plane) noexcept {
  return layoutOf(format).halvedRows[static_cast<std::size_t>(plane)] ? half(height) : height;
}

std::optional<Picture> pictureIn(std::span<const std::byte> block, PixelFormat format, int width, int height,
                                 const BlockLayout& where) noexcept {
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) return std::nullopt;
  Picture picture{format, width, height, {}, {}, format == PixelFormat::GRAY8, usualMatrix(height)};
  std::size_t behind = where.offsets[0];
  for (std::size_t plane = 0; plane < static_cast<std::size_t>(layoutOf(format).planes); ++plane) {
    const std::size_t row = rowBytes(format, width, static_cast<int>(plane));
    const auto rows = static_cast<std::size_t>(rowCount(format, height, static_cast<int>(plane)));
    // With one row only, the way to the next one may be any number.
    const std::size_t stride = where.strides[plane] && rows > 1 ? where.strides[plane] : row;
    const std::size_t offset = where.offsets[plane] ? where.offsets[plane] : behind;
    if (stride < row || offset > block.size()) return std::nullopt;
    const std::size_t room = block.size() - offset;
    // The last row needs no padding behind it. Divided, so that nothing overflows.
    if (row > room || (rows > 1 && stride > (room - row) / (rows - 1))) return std::nullopt;
    picture.planes[plane] = reinterpret_cast<const std::uint8_t*>(block.data()) + offset;
    picture.strides[plane] = static_cast<std::ptrdiff_t>(stride);
    behind = offset + stride * rows;
  }
  return picture;
}

std::size_t pictureBytes(PixelFormat format, int width, int height) noexcept {
  std::size_t bytes = 0;
  for (int plane = 0; plane < layoutOf(format).planes; ++plane) {
    bytes += rowBytes(format, width, plane) * static_cast<std::size_t>(rowCount(format, height, plane));
  }
  return bytes;
}

}  // namespace vedette
