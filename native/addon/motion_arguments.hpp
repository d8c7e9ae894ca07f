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

inline Napi::Array boxArray(Napi::Env env, const Rectangle& from) {
  Napi::Array box = Napi::Array::New(env, 4);
  box.Set(0u, fraction(from.x));
  box.Set(1u, fraction(from.y));
  box.Set(2u, fraction(from.w));
  box.Set(3u, fraction(from.h));
  return box;
}

/// `BackgroundChange` of src/contracts/frame.ts.
inline Napi::Object changeObject(Napi::Env env, const BackgroundChange& from) {
  Napi::Object change = Napi::Object::New(env);
  change.Set("box", boxArray(env, from.box));
  change.Set("ageMs", std::round(from.ageSeconds * 1e3));
  if (from.kind == BackgroundChange::Kind::Came) change.Set("kind", "came");
  if (from.kind == BackgroundChange::Kind::Went) change.Set("kind", "went");
  return change;
}

/// Sets `motion`, and where it was measured `motionBoxes` and `backgroundChanges`.
inline void setMotion(Napi::Object notice, const MotionReading& reading) {
  const Napi::Env env = notice.Env();
  notice.Set("motion", fraction(static_cast<double>(reading.score)));
  if (!reading.isMeasured()) return;
  Napi::Array boxes = Napi::Array::New(env, reading.count);
  for (std::uint32_t i = 0; i < reading.count; ++i) boxes.Set(i, boxArray(env, reading.boxes[i]));
  notice.Set("motionBoxes", boxes);
  Napi::Array changes = Napi::Array::New(env, reading.changeCount);
  for (std::uint32_t i = 0; i < reading.changeCount; ++i) changes.Set(i, changeObject(env, reading.changes[i]));
  notice.Set("backgroundChanges", changes);
}

}  // namespace vedette::addon
