// "This rectangle, in this format, at this offset of the arena", checked.
#pragma once

#include <napi.h>

#include <optional>
#include <span>

#include "addon/arguments.hpp"
#include "addon/print_arguments.hpp"
#include "core/print.hpp"

namespace vedette::addon {

/// Model runtimes read the slots with vector loads.
inline constexpr std::size_t kSlotAlignment = 64;

struct PrintOrder {
  Rectangle rectangle;
  PrintFormat format;
  std::span<std::byte> out;
};

/// From four consecutive arguments: rectangle, format, memory, offset. Empty when the ticket is bad.
inline std::optional<PrintOrder> printOrderOf(const Napi::CallbackInfo& info, std::size_t first) {
  const auto rectangle = rectangleOf(info[first]);
  const auto format = printFormatOf(info[first + 1]);
  const auto memory = bytes(info[first + 2], "memory");
  const double offset = number(info[first + 3], "offset");
  if (!rectangle || !format || !(offset >= 0 && offset <= static_cast<double>(memory.size()))) return std::nullopt;
  const auto start = static_cast<std::size_t>(offset);
  const std::size_t wanted = printedBytes(*format);
  if (static_cast<double>(start) != offset || start % kSlotAlignment != 0 || wanted > memory.size() - start) {
    return std::nullopt;
  }
  return PrintOrder{*rectangle, *format, memory.subspan(start, wanted)};
}

}  // namespace vedette::addon
