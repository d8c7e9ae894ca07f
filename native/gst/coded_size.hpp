// The size a decoder will allocate for, read from the parameter sets themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "gst/nal.hpp"

namespace vedette::gst {

struct CodedSize {
  std::uint64_t width;
  std::uint64_t height;
};

/// The largest coded picture that any sequence parameter set in `unit` announces; nothing when it holds none.
///
/// Caps cannot answer this: they give the size after cropping, so a stream of 16384x8192 may pass as one of 64x64. `unit`
/// is a byte stream with start codes, from a camera that may be hostile: every read is bounded, and a parameter set
/// that breaks off is left to the decoder, which refuses it too.
std::optional<CodedSize> codedSize(std::span<const std::uint8_t> unit, VideoCodec codec) noexcept;

}  // namespace vedette::gst
