#include "gst/coded_size.hpp"

#include <algorithm>

namespace vedette::gst {

namespace {

constexpr std::uint8_t kSpsH264 = 7;
constexpr std::uint8_t kSpsH265 = 33;
constexpr unsigned kMacroblock = 16;

/// Bits of a NAL unit, most significant first, without emulation prevention bytes; zeros and `ended` behind the end.
class Bits {
 public:
  explicit Bits(std::span<const std::uint8_t> nal) noexcept : nal_(nal) {}

  bool ended() const noexcept { return ended_; }

  std::uint32_t read(unsigned count) noexcept {
    std::uint32_t value = 0;
    while (count-- > 0) value = value << 1 | bit();
    return value;
  }

  void skip(unsigned count) noexcept {
    while (count-- > 0) bit();
  }

  /// Exp-Golomb, unsigned: ue(v).
  std::uint32_t unsignedCode() noexcept {
    unsigned zeros = 0;
    while (bit() == 0) {
      if (++zeros > 31 || ended_) {
        ended_ = true;
        return 0;
      }
    }
    return (1u << zeros) - 1 + read(zeros);
  }

  /// Exp-Golomb, signed: se(v).
  std::int64_t signedCode() noexcept {
    const std::int64_t code = unsignedCode();
    return code % 2 == 0 ? -(code / 2) : (code + 1) / 2;
  }

 private:
  std::uint32_t bit() noexcept {
    if (left_ == 0 && !nextByte()) return 0;
    --left_;
    return byte_ >> left_ & 1u;
  }

  bool nextByte() noexcept {
    if (at_ < nal_.size() && zeros_ >= 2 && nal_[at_] == 3) {
      ++at_;
      zeros_ = 0;
    }
    if (at_ >= nal_.size()) {
      ended_ = true;
      return false;
    }
    byte_ = nal_[at_++];
    zeros_ = byte_ == 0 ? zeros_ + 1 : 0;
    left_ = 8;
    return true;
  }

  std::span<const std::uint8_t> nal_;
  std::size_t at_ = 0;
  std::uint32_t byte_ = 0;
  unsigned left_ = 0;
  unsigned zeros_ = 0;
  bool ended_ = false;
};

/// ITU-T H.264 7.3.2.1.1.1.
void skipScalingList(Bits& bits, unsigned size) noexcept {
  std::int64_t last = 8;
  std::int64_t next = 8;
  for (unsigned i = 0; i < size && !bits.ended(); ++i) {
    if (next != 0) next = (last + bits.signedCode() + 256) % 256;
    if (next != 0) last = next;
  }
}

bool hasChromaFormat(std::uint32_t profile) noexcept {
  constexpr std::uint32_t kHigh[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
  return std::find(std::begin(kHigh), std::end(kHigh), profile) != std::end(kHigh);
}

/// ITU-T H.264 7.3.2.1.1, up to frame_mbs_only_flag.
std::optional<CodedSize> sizeOfH264(Bits bits) noexcept {
  const std::uint32_t profile = bits.read(8);
  bits.skip(16);
  bits.unsignedCode();
  if (hasChromaFormat(profile)) {
    const std::uint32_t chroma = bits.unsignedCode();
    if (chroma == 3) bits.skip(1);
    bits.unsignedCode();
    bits.unsignedCode();
    bits.skip(1);
    if (bits.read(1) != 0) {
      const unsigned lists = chroma == 3 ? 12 : 8;
      for (unsigned i = 0; i < lists; ++i) {
        if (bits.read(1) != 0) skipScalingList(bits, i < 6 ? 16 : 64);
      }
    }
  }
  bits.unsignedCode();
  const std::uint32_t orderCount = bits.unsignedCode();
  if (orderCount == 0) {
    bits.unsignedCode();
  } else if (orderCount == 1) {
    bits.skip(1);
    bits.signedCode();
    bits.signedCode();
    for (std::uint32_t cycle = bits.unsignedCode(); cycle > 0 && !bits.ended(); --cycle) bits.signedCode();
  }
  bits.unsignedCode();
  bits.skip(1);
  const std::uint64_t columns = std::uint64_t{bits.unsignedCode()} + 1;
  const std::uint64_t rows = std::uint64_t{bits.unsignedCode()} + 1;
  const std::uint64_t fields = 2 - bits.read(1);
  if (bits.ended()) return std::nullopt;
  return CodedSize{columns * kMacroblock, rows * kMacroblock * fields};
}

/// ITU-T H.265 7.3.2.2.1, up to pic_height_in_luma_samples.
std::optional<CodedSize> sizeOfH265(Bits bits) noexcept {
  bits.skip(8);  // The second byte of the NAL header.
  bits.skip(4);
  const std::uint32_t subLayers = bits.read(3);
  bits.skip(1);
  constexpr unsigned kProfileBits = 88;
  constexpr unsigned kLevelBits = 8;
  bits.skip(kProfileBits + kLevelBits);
  unsigned more = 0;
  for (std::uint32_t i = 0; i < subLayers; ++i) {
    if (bits.read(1) != 0) more += kProfileBits;
    if (bits.read(1) != 0) more += kLevelBits;
  }
  if (subLayers > 0) bits.skip(2 * (8 - subLayers));
  bits.skip(more);
  bits.unsignedCode();
  if (bits.unsignedCode() == 3) bits.skip(1);
  const std::uint64_t width = bits.unsignedCode();
  const std::uint64_t height = bits.unsignedCode();
  if (bits.ended()) return std::nullopt;
  return CodedSize{width, height};
}

}  // namespace

std::optional<CodedSize> codedSize(std::span<const std::uint8_t> unit, VideoCodec codec) noexcept {
  std::optional<CodedSize> largest;
  for (std::size_t start = nextStart(unit, 0); start + 4 <= unit.size();) {
    const std::size_t end = nextStart(unit, start + 3);
    const std::uint8_t header = unit[start + 3];
    const Bits body(unit.subspan(start + 4, end - start - 4));
    std::optional<CodedSize> size;
    if (codec == VideoCodec::H264 && (header & 0x1f) == kSpsH264) size = sizeOfH264(body);
    if (codec == VideoCodec::H265 && (header >> 1 & 0x3f) == kSpsH265) size = sizeOfH265(body);
    if (size) {
      if (!largest) largest = CodedSize{0, 0};
      largest = CodedSize{std::max(largest->width, size->width), std::max(largest->height, size->height)};
    }
    start = end;
  }
  return largest;
}

}  // namespace vedette::gst
