#include "bench/libyuv_print.hpp"

#include <libyuv.h>

#include <cstring>

namespace vedette {

namespace {

void normalise(const std::uint8_t* values, std::size_t count, float mean, float scale, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = (static_cast<float>(values[i]) - mean) * scale;
}

}  // namespace

void LibyuvPrinter::print(const Picture& picture, const PrintFormat& format, std::byte* out) {
  const Placement at = place(picture.width, picture.height, format);
  const int halfW = (at.w + 1) / 2, halfH = (at.h + 1) / 2;
  const auto pixels = static_cast<std::size_t>(at.w) * static_cast<std::size_t>(at.h);
  const auto quarter = static_cast<std::size_t>(halfW) * static_cast<std::size_t>(halfH);
  scaled_.resize(pixels + 2 * quarter);
  argb_.resize(pixels * 4);
  std::uint8_t* y = scaled_.data();
  std::uint8_t* u = y + pixels;
  std::uint8_t* v = u + quarter;
  const auto filter = filter_ == YuvFilter::Box ? libyuv::kFilterBox : libyuv::kFilterBilinear;
  const auto stride = [&](std::size_t plane) { return static_cast<int>(picture.strides[plane]); };
  const auto& constants = picture.matrix == Matrix::Bt709 ? libyuv::kYuvH709Constants : libyuv::kYuvI601Constants;
  if (picture.format == PixelFormat::I420) {
    libyuv::I420Scale(picture.planes[0], stride(0), picture.planes[1], stride(1), picture.planes[2], stride(2),
                      picture.width, picture.height, y, at.w, u, halfW, v, halfW, at.w, at.h, filter);
    libyuv::I420ToARGBMatrix(y, at.w, u, halfW, v, halfW, argb_.data(), at.w * 4, &constants, at.w, at.h);
  } else {
    libyuv::NV12Scale(picture.planes[0], stride(0), picture.planes[1], stride(1), picture.width, picture.height, y,
                      at.w, u, halfW * 2, at.w, at.h, filter);
    libyuv::NV12ToARGBMatrix(y, at.w, u, halfW * 2, argb_.data(), at.w * 4, &constants, at.w, at.h);
  }

  const auto width = static_cast<std::size_t>(format.width);
  const std::size_t plane = width * static_cast<std::size_t>(format.height);
  const std::size_t corner = static_cast<std::size_t>(at.y) * width + static_cast<std::size_t>(at.x);
  const std::size_t top = static_cast<std::size_t>(at.y) * width;
  const std::size_t bottom = plane - top - static_cast<std::size_t>(at.h) * width;
  if (format.dtype == DType::Uint8) {
    auto* tensor = reinterpret_cast<std::uint8_t*>(out);
    for (int c = 0; c < 3; ++c) {
      std::memset(tensor + static_cast<std::size_t>(c) * plane, format.pad, top);
      std::memset(tensor + static_cast<std::size_t>(c + 1) * plane - bottom, format.pad, bottom);
    }
    libyuv::SplitARGBPlane(argb_.data(), at.w * 4, tensor + corner, format.width, tensor + corner + plane, format.width,
                           tensor + corner + 2 * plane, format.width, nullptr, 0, at.w, at.h);
    return;
  }
  planes_.resize(pixels * 3);
  libyuv::SplitARGBPlane(argb_.data(), at.w * 4, planes_.data(), at.w, planes_.data() + pixels, at.w,
                         planes_.data() + 2 * pixels, at.w, nullptr, 0, at.w, at.h);
  auto* tensor = reinterpret_cast<float*>(out);
  for (std::size_t c = 0; c < 3; ++c) {
    const float pad = (static_cast<float>(format.pad) - format.mean[c]) * format.scale[c];
    std::fill_n(tensor + c * plane, top, pad);
    std::fill_n(tensor + (c + 1) * plane - bottom, bottom, pad);
    for (int row = 0; row < at.h; ++row) {
      normalise(planes_.data() + c * pixels + static_cast<std::size_t>(row * at.w), static_cast<std::size_t>(at.w),
                format.mean[c], format.scale[c], tensor + c * plane + corner + static_cast<std::size_t>(row) * width);
    }
  }
}

}  // namespace vedette
