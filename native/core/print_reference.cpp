// The reference kernel: the definition of a print in plain double arithmetic. Slow; it also prints what shrinks so much
// that the 16-bit kernels would lose precision.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/colour.hpp"
#include "core/print_kernels.hpp"

namespace vedette {

namespace {

/// The mean of one channel over the area of one printed pixel.
class AreaMean {
 public:
  AreaMean(const Picture& picture, const PrintPlan& plan) : picture_(picture), plan_(plan) {}

  double operator()(const Channel& channel, int printedX, int printedY) const {
    const bool halvedRows = layoutOf(picture_.format).halvedRows[static_cast<std::size_t>(channel.plane)];
    const Span across = span(plan_.source.x, plan_.source.w, plan_.placement.w, printedX, channel.halved);
    const Span down = span(plan_.source.y, plan_.source.h, plan_.placement.h, printedY, halvedRows);
    double sum = 0;
    for (int y = static_cast<int>(std::floor(down.low)); y < down.high; ++y) {
      for (int x = static_cast<int>(std::floor(across.low)); x < across.high; ++x) {
        sum += overlap(across, x) * overlap(down, y) * sample(channel, halvedRows, x, y);
      }
    }
    return sum / ((across.high - across.low) * (down.high - down.low));
  }

 private:
  struct Span {
    double low;
    double high;
  };

  static Span span(double start, double length, int count, int printed, bool halved) {
    const double scale = length / count / (halved ? 2 : 1);
    const double centre = start / (halved ? 2 : 1) + (printed + 0.5) * scale;
    const double reach = std::max(scale, 1.0) / 2;
    return {centre - reach, centre + reach};
  }

  static double overlap(const Span& span, int sample) {
    return std::max(0.0, std::min(span.high, sample + 1.0) - std::max<double>(span.low, sample));
  }

  double sample(const Channel& channel, bool halvedRows, int x, int y) const {
    const int columns = channel.halved ? (picture_.width + 1) / 2 : picture_.width;
    const int rows = halvedRows ? (picture_.height + 1) / 2 : picture_.height;
    const auto plane = static_cast<std::size_t>(channel.plane);
    const std::uint8_t* row = picture_.planes[plane] + picture_.strides[plane] * std::clamp(y, 0, rows - 1);
    return row[std::clamp(x, 0, columns - 1) * channel.step + channel.offset];
  }

  const Picture& picture_;
  const PrintPlan& plan_;
};

std::uint8_t whole(double value) { return static_cast<std::uint8_t>(std::clamp(std::floor(value + 0.5), 0.0, 255.0)); }

std::array<std::uint8_t, 3> colourAt(const Picture& picture, const AreaMean& mean, int x, int y) {
  const PixelLayout& layout = layoutOf(picture.format);
  const double first = mean(layout.channel[0], x, y);
  if (layout.model == ColourModel::Rgb) {
    return {whole(first), whole(mean(layout.channel[1], x, y)), whole(mean(layout.channel[2], x, y))};
  }
  const ColourMatrix matrix = colourMatrix(picture.matrix, picture.fullRange);
  const double luma = matrix.luma * (first - matrix.black);
  if (layout.model == ColourModel::Grey) return {whole(luma), whole(luma), whole(luma)};
  const double u = mean(layout.channel[1], x, y) - 128;
  const double v = mean(layout.channel[2], x, y) - 128;
  return {whole(luma + matrix.redV * v), whole(luma - matrix.greenU * u - matrix.greenV * v),
          whole(luma + matrix.blueU * u)};
}

void store(const PrintFormat& format, int x, int y, std::size_t channel, std::uint8_t value, std::byte* out) {
  const auto width = static_cast<std::size_t>(format.width);
  const std::size_t pixel = static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x);
  const std::size_t index = format.layout == TensorLayout::Planar
                                ? channel * width * static_cast<std::size_t>(format.height) + pixel
                                : pixel * 3 + channel;
  if (format.dtype == DType::Uint8) {
    out[index] = std::byte{value};
    return;
  }
  const float normalised = (static_cast<float>(value) - format.mean[channel]) * format.scale[channel];
  std::memcpy(out + index * sizeof(float), &normalised, sizeof(float));
}

}  // namespace

void printReference(const PrintPlan& plan, const Picture& picture, Scratch&, std::byte* out) noexcept {
  const PrintFormat& format = plan.key.format;
  const AreaMean mean(picture, plan);
  for (int y = 0; y < plan.placement.h; ++y) {
    for (int x = 0; x < plan.placement.w; ++x) {
      auto pixel = colourAt(picture, mean, x, y);
      if (format.order == ChannelOrder::Bgr) std::swap(pixel[0], pixel[2]);
      for (std::size_t c = 0; c < 3; ++c) {
        store(format, x + plan.placement.x, y + plan.placement.y, c, pixel[c], out);
      }
    }
  }
}

}  // namespace vedette
