// Which access units a decoder may go without: the pictures of the others come out the same.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "gst/nal.hpp"

namespace vedette::gst {

/// What of a stream is decoded: all, the pictures that others refer to, or those that refer to none.
enum class Decode : std::uint8_t { All, Reference, Key };

/// `All` for a word that is none of `all`, `reference`, `key`.
Decode decodeNamed(std::string_view name) noexcept;

/// Tells for each unit of one stream, in decoding order, whether it is left out.
///
/// Owns:    nothing but the highest temporal layer seen.
/// Threads: the one that shows it the units.
/// Fails:   never; what it cannot read is decoded.
/// Cost:    reads to the first slice, with `Reference` only.
class UnitFilter final {
 public:
  explicit UnitFilter(Decode decode) noexcept : decode_(decode) {}

  bool leavesOut(std::span<const std::uint8_t> unit, VideoCodec codec, bool key) noexcept;

 private:
  bool isReference(std::span<const std::uint8_t> unit, VideoCodec codec) noexcept;

  Decode decode_;
  unsigned highestLayer_ = 0;
};

}  // namespace vedette::gst
