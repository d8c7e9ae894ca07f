// Reads what the TypeScript facades pass; a wrong argument is a DEFECT, because the facades' types forbid it.
#pragma once

#include <napi.h>

#include <cstddef>
#include <span>
#include <string>

#include "core/error.hpp"

namespace vedette::addon {

[[noreturn]] inline void badArgument(const std::string& what) {
  throw Error(Code::Defect, "native call: " + what);
}

inline double number(const Napi::Value& value, const char* what) {
  if (!value.IsNumber()) badArgument(std::string(what) + " is no number");
  return value.As<Napi::Number>().DoubleValue();
}

/// A whole number in 0 … 2^53.
inline std::size_t size(const Napi::Value& value, const char* what) {
  const double given = number(value, what);
  if (!(given >= 0 && given <= 9007199254740992.0) || given != static_cast<double>(static_cast<std::size_t>(given))) {
    badArgument(std::string(what) + " is no size");
  }
  return static_cast<std::size_t>(given);
}

inline std::string text(const Napi::Value& value, const char* what) {
  if (!value.IsString()) badArgument(std::string(what) + " is no string");
  return value.As<Napi::String>().Utf8Value();
}

/// The bytes of a Uint8Array, not copied; valid while JavaScript holds it.
inline std::span<std::byte> bytes(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    badArgument(std::string(what) + " is no Uint8Array");
  }
  auto array = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<std::byte*>(array.Data()), array.ByteLength()};
}

/// `length` bytes from `offset` on, or DEFECT when they do not all lie inside `memory`.
inline std::span<std::byte> within(std::span<std::byte> memory, std::size_t offset, std::size_t length) {
  if (offset > memory.size() || length > memory.size() - offset) {
    badArgument(std::to_string(length) + " bytes at " + std::to_string(offset) + " lie outside " +
                std::to_string(memory.size()));
  }
  return memory.subspan(offset, length);
}

}  // namespace vedette::addon
