// Orders as another process might send them, down to the bits of every number: refused or printed, never out of bounds,
// and the same by every kernel.
#include <cstring>
#include <vector>

#include "core/print.hpp"

using namespace vedette;

namespace {

/// Takes values off the front of the fuzzer's bytes; zeros when they are used up.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

  template <class Value>
  Value take() {
    Value value{};
    const std::size_t length = std::min(sizeof(Value), left_.size());
    std::memcpy(&value, left_.data(), length);
    left_ = left_.subspan(length);
    return value;
  }

  /// Mostly small, so that prints are quick, but now and then anything.
  int side() {
    const int value = take<std::int16_t>();
    return value % 16 == 0 ? value : value & 127;
  }

 private:
  std::span<const std::uint8_t> left_;
};

PrintFormat formatFrom(Input& input) {
  PrintFormat format{};
  format.width = input.side();
  format.height = input.side();
  const auto bits = input.take<std::uint8_t>();
  format.layout = static_cast<TensorLayout>(bits & 1);
  format.order = static_cast<ChannelOrder>(bits >> 1 & 1);
  format.dtype = static_cast<DType>(bits >> 2 & 1);
  format.fit = static_cast<Fit>((bits >> 3) % 3);
  format.pad = input.take<std::uint8_t>();
  format.scale = {1, 1, 1};
  return format;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const auto pixels = static_cast<PixelFormat>(input.take<std::uint8_t>() % 10);
  const int width = input.side(), height = input.side();
  BlockLayout where;
  for (std::size_t plane = 0; plane < 3; ++plane) {
    where.strides[plane] = input.take<std::uint8_t>() ? input.take<std::uint16_t>() : input.take<std::uint64_t>();
    where.offsets[plane] = input.take<std::uint8_t>() ? input.take<std::uint16_t>() : input.take<std::uint64_t>();
  }
  const auto rectangle = input.take<Rectangle>();
  const PrintFormat format = formatFrom(input);
  std::vector<std::byte> block(input.take<std::uint16_t>());
  for (auto& value : block) value = static_cast<std::byte>(input.take<std::uint8_t>());
  const auto picture = pictureIn(block, pixels, width, height, where);
  if (!picture || format.width < 1 || format.height < 1 || format.width > 4096 || format.height > 512) return 0;

  std::vector<std::byte> first;
  for (const Kernel kernel : kernels()) {
    if (kernel == Kernel::Reference) continue;
    std::vector<std::byte> out(printedBytes(format));
    Printer(kernel).print(*picture, rectangle, format, out);
    if (first.empty()) first = out;
    if (first != out) __builtin_trap();
  }
  return 0;
}
