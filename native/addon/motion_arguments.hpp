// `MotionOrder` of src/contracts/ticket.ts, read, and what a notice tells of motion, written.
#pragma once

#include <napi.h>

#include <cmath>
#include <optional>

#include "addon/arguments.hpp"
#include "core/motion.hpp"

namespace vedette::addon {

/// Empty for `undefined`: nobody wants to know.
inline std::optional<MotionOptions> motionOptionsOf(const Napi::Value& value) {
  if (!value.IsObject()) return std::nullopt;
  const auto from = value.As<Napi::Object>();
  MotionOptions options;
  options.threshold = static_cast<float>(number(from.Get("threshold"), "threshold"));
  options.fadeSeconds = number(from.Get("fadeSeconds"), "fadeSeconds");
  const auto masks = from.Get("masks").As<Napi::Array>();
  for (std::uint32_t i = 0; i < masks.Length(); ++i) {
    const auto polygon = masks.Get(i).As<Napi::Array>();
    auto& mask = options.masks.emplace_back();
    for (std::uint32_t j = 0; j < polygon.Length(); ++j) {
      const auto point = polygon.Get(j).As<Napi::Array>();
      mask.push_back({static_cast<float>(number(point.Get(0u), "x")), static_cast<float>(number(point.Get(1u), "y"))});
    }
  }
  return options;
}

/// Four decimals, which is a fifth of a pixel: each number crosses to the agent as text.
inline double fraction(double value) { return std::round(value * 1e4) / 1e4; }

/// Sets `motion`, and `motionBoxes` where it was measured.
inline void setMotion(Napi::Object notice, const MotionReading& reading) {
  notice.Set("motion", fraction(static_cast<double>(reading.score)));
  if (!reading.isMeasured()) return;
  const auto found = reading.found();
  Napi::Array boxes = Napi::Array::New(notice.Env(), found.size());
  for (std::uint32_t i = 0; i < found.size(); ++i) {
    Napi::Array box = Napi::Array::New(notice.Env(), 4);
    box.Set(0u, fraction(found[i].x));
    box.Set(1u, fraction(found[i].y));
    box.Set(2u, fraction(found[i].w));
    box.Set(3u, fraction(found[i].h));
    boxes.Set(i, box);
  }
  notice.Set("motionBoxes", boxes);
}

}  // namespace vedette::addon
