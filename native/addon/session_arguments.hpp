// What JavaScript gives a session to open and to run, and what it is told of a model.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "addon/arguments.hpp"
#include "addon/camera_link.hpp"
#include "ort/session.hpp"

namespace vedette::addon {

inline Napi::Object object(const Napi::Value& value, const char* what) {
  if (!value.IsObject()) badArgument(std::string(what) + " is no object");
  return value.As<Napi::Object>();
}

template <class Read>
auto list(const Napi::Value& value, const char* what, Read read) {
  if (!value.IsArray()) badArgument(std::string(what) + " is no array");
  const auto array = value.As<Napi::Array>();
  std::vector<decltype(read(Napi::Value()))> all;
  for (std::uint32_t i = 0; i < array.Length(); ++i) all.push_back(read(array.Get(i)));
  return all;
}

inline ort::SessionOptions readOptions(const Napi::Value& value) {
  const auto given = object(value, "options");
  ort::SessionOptions options;
  options.library = text(given.Get("library"), "library");
  options.model = bytes(given.Get("model"), "model");
  options.name = text(given.Get("name"), "name");
  options.provider = text(given.Get("provider"), "provider");
  options.threads = static_cast<int>(size(given.Get("threads"), "threads"));
  options.providerOptions = list(given.Get("providerOptions"), "providerOptions", [](const Napi::Value& entry) {
    const auto pair = object(entry, "option");
    return std::pair(text(pair.Get(0u), "key"), text(pair.Get(1u), "value"));
  });
  options.plugins = list(given.Get("plugins"), "plugins", [](const Napi::Value& entry) {
    const auto plugin = object(entry, "plugin");
    return ort::Plugin{text(plugin.Get("name"), "name"), text(plugin.Get("library"), "library")};
  });
  options.dimensions = list(given.Get("dimensions"), "dimensions", [](const Napi::Value& entry) {
    const auto pair = object(entry, "dimension");
    return std::pair(text(pair.Get(0u), "name"), static_cast<std::int64_t>(size(pair.Get(1u), "size")));
  });
  return options;
}

inline ort::Input readInput(const Napi::Value& value) {
  const auto given = object(value, "input");
  const auto dtype = text(given.Get("dtype"), "dtype");
  const auto type = ort::elementType(dtype);
  if (!type) badArgument("dtype " + dtype + " is unknown");
  return {text(given.Get("name"), "name"), *type,
          list(given.Get("shape"), "shape",
               [](const Napi::Value& dimension) { return static_cast<std::int64_t>(size(dimension, "dimension")); }),
          bytes(given.Get("bytes"), "bytes")};
}

/// One after the other: a CameraLink, and the number of one of its tickets.
inline link::Prints readPrints(const Napi::Value& value) {
  link::Prints prints;
  if (!value.IsArray()) badArgument("prints are no array");
  const auto pairs = value.As<Napi::Array>();
  for (std::uint32_t i = 0; i < pairs.Length(); i += 2) {
    const auto* const from = CameraLink::Unwrap(object(pairs.Get(i), "link"));
    prints.add(from->end(), static_cast<std::uint32_t>(size(pairs.Get(i + 1), "ticket")));
  }
  return prints;
}

inline Napi::Array describe(Napi::Env env, const std::vector<ort::TensorInfo>& tensors) {
  const auto all = Napi::Array::New(env, tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const ort::TensorInfo& info = tensors[i];
    const auto shape = Napi::Array::New(env, info.shape.size());
    for (std::size_t at = 0; at < info.shape.size(); ++at) {
      const auto& [fixed, symbol] = info.shape[at];
      if (fixed >= 0) {
        shape.Set(static_cast<std::uint32_t>(at), static_cast<double>(fixed));
      } else {
        shape.Set(static_cast<std::uint32_t>(at), symbol.empty() ? "?" : symbol);
      }
    }
    const auto tensor = Napi::Object::New(env);
    tensor.Set("name", info.name);
    tensor.Set("dtype", std::string(ort::name(info.type)));
    tensor.Set("shape", shape);
    all.Set(static_cast<std::uint32_t>(i), tensor);
  }
  return all;
}

inline Napi::Object describe(Napi::Env env, const ort::ModelDescription& model) {
  const auto metadata = Napi::Object::New(env);
  for (const auto& [key, value] : model.metadata) metadata.Set(key, value);
  const auto warnings = Napi::Array::New(env);
  for (const auto& line : model.warnings) warnings.Set(warnings.Length(), line);
  const auto result = Napi::Object::New(env);
  result.Set("inputs", describe(env, model.inputs));
  result.Set("outputs", describe(env, model.outputs));
  result.Set("metadata", metadata);
  result.Set("warnings", warnings);
  return result;
}

}  // namespace vedette::addon
