// The objects of src/contracts/ticket.ts, read and written. What is out of range is nothing, not an error: tickets come
// from another process.
#pragma once

#include <napi.h>

#include <cmath>
#include <optional>
#include <string>

#include "core/print.hpp"

namespace vedette::addon {

/// A Box: [x, y, w, h].
inline std::optional<Rectangle> rectangleOf(const Napi::Value& value) {
  if (!value.IsArray()) return std::nullopt;
  const auto box = value.As<Napi::Array>();
  double sides[4];
  for (std::uint32_t i = 0; i < 4; ++i) {
    const Napi::Value side = box[i];
    sides[i] = side.IsNumber() ? side.As<Napi::Number>().DoubleValue() : NAN;
    if (!std::isfinite(sides[i])) return std::nullopt;
  }
  return Rectangle{sides[0], sides[1], sides[2], sides[3]};
}

namespace print_detail {

inline bool whole(const Napi::Object& from, const char* field, int least, int most, int& out) {
  const Napi::Value value = from.Get(field);
  const double given = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (!(given >= least && given <= most) || given != std::floor(given)) return false;
  out = static_cast<int>(given);
  return true;
}

inline bool triple(const Napi::Object& from, const char* field, std::array<float, 3>& out) {
  const Napi::Value value = from.Get(field);
  if (!value.IsArray()) return false;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const Napi::Value item = value.As<Napi::Array>()[i];
    if (!item.IsNumber()) return false;
    out[i] = item.As<Napi::Number>().FloatValue();
  }
  return true;
}

/// The position of a string field's value among `names`.
template <std::size_t N>
bool choice(const Napi::Object& from, const char* field, const char* const (&names)[N], std::uint8_t& out) {
  const Napi::Value value = from.Get(field);
  if (!value.IsString()) return false;
  const std::string given = value.As<Napi::String>().Utf8Value();
  for (out = 0; out < N; ++out) {
    if (given == names[out]) return true;
  }
  return false;
}

}  // namespace print_detail

inline std::optional<PrintFormat> printFormatOf(const Napi::Value& value) {
  using namespace print_detail;
  if (!value.IsObject()) return std::nullopt;
  const auto from = value.As<Napi::Object>();
  PrintFormat format{};
  std::uint8_t layout, order, dtype, fit;
  int pad;
  const bool read = whole(from, "widthPx", 1, kMaxSide, format.width) &&
                    whole(from, "heightPx", 1, kMaxSide, format.height) &&
                    choice(from, "layout", {"planar", "interleaved"}, layout) &&
                    choice(from, "order", {"rgb", "bgr"}, order) &&
                    choice(from, "dtype", {"uint8", "float32"}, dtype) &&
                    choice(from, "fit", {"stretch", "corner", "centre"}, fit) && whole(from, "pad", 0, 255, pad) &&
                    triple(from, "mean", format.mean) && triple(from, "scale", format.scale);
  if (!read) return std::nullopt;
  format.layout = static_cast<TensorLayout>(layout);
  format.order = static_cast<ChannelOrder>(order);
  format.dtype = static_cast<DType>(dtype);
  format.fit = static_cast<Fit>(fit);
  format.pad = static_cast<std::uint8_t>(pad);
  return format;
}

inline Napi::Object placementObject(Napi::Env env, const Placement& placement) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("x", placement.x);
  result.Set("y", placement.y);
  result.Set("w", placement.w);
  result.Set("h", placement.h);
  return result;
}

}  // namespace vedette::addon
