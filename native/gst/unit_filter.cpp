#include "gst/unit_filter.hpp"

#include <algorithm>

namespace vedette::gst {

namespace {

constexpr unsigned kFirstSliceH264 = 1;
constexpr unsigned kLastSliceH264 = 5;
/// Slices are types 0 to 31; up to here even ones are never referred to within their temporal layer (H.265 table 7-1).
constexpr unsigned kLastSliceH265 = 31;
constexpr unsigned kLastNonReferenceH265 = 14;

}  // namespace

Decode decodeNamed(std::string_view name) noexcept {
  if (name == "reference") return Decode::Reference;
  return name == "key" ? Decode::Key : Decode::All;
}

bool UnitFilter::leavesOut(std::span<const std::uint8_t> unit, VideoCodec codec, bool key) noexcept {
  if (key || decode_ == Decode::All) return false;
  return decode_ == Decode::Key || !isReference(unit, codec);
}

/// By its first slice: all slices of a picture agree.
bool UnitFilter::isReference(std::span<const std::uint8_t> unit, VideoCodec codec) noexcept {
  for (std::size_t start = nextStart(unit, 0); start + 5 <= unit.size(); start = nextStart(unit, start + 3)) {
    const unsigned header = unit[start + 3];
    if (codec == VideoCodec::H264) {
      const unsigned type = header & 0x1f;
      if (type >= kFirstSliceH264 && type <= kLastSliceH264) return (header >> 5 & 3) != 0;
      continue;
    }
    const unsigned type = header >> 1 & 0x3f;
    if (type > kLastSliceH265) continue;
    const unsigned layer = unit[start + 4] & 7;
    highestLayer_ = std::max(highestLayer_, layer);
    // Pictures of higher layers may refer to it.
    return type > kLastNonReferenceH265 || type % 2 != 0 || layer < highestLayer_;
  }
  return true;
}

}  // namespace vedette::gst
