// Where the NAL units of a byte stream begin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vedette::gst {

enum class VideoCodec : std::uint8_t { H264, H265 };

/// Where the next start code 00 00 01 begins, or the end.
inline std::size_t nextStart(std::span<const std::uint8_t> unit, std::size_t from) noexcept {
  for (std::size_t at = from; at + 3 <= unit.size(); ++at) {
    if (unit[at + 2] > 1) {
      at += 2;
    } else if (unit[at] == 0 && unit[at + 1] == 0 && unit[at + 2] == 1) {
      return at;
    }
  }
  return unit.size();
}

}  // namespace vedette::gst
