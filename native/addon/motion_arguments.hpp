// `MotionOrder` of src/contracts/ticket.ts, read.
#pragma once

#include <napi.h>

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

}  // namespace vedette::addon
