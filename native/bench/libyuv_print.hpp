// The peer of the print bench: the same print in three passes of libyuv.
#pragma once

#include <vector>

#include "core/print.hpp"

namespace vedette {

enum class YuvFilter { Box, Bilinear };

/// Scale in YUV, convert to RGB, split (and normalise) into the planar tensor with its bars. I420 and NV12, whole frames.
class LibyuvPrinter {
 public:
  explicit LibyuvPrinter(YuvFilter filter) : filter_(filter) {}
  void print(const Picture& picture, const PrintFormat& format, std::byte* out);

 private:
  YuvFilter filter_;
  std::vector<std::uint8_t> scaled_;
  std::vector<std::uint8_t> argb_;
  std::vector<std::uint8_t> planes_;
};

}  // namespace vedette
