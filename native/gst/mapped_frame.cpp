#include "gst/mapped_frame.hpp"

namespace vedette::gst {

MappedFrame::MappedFrame(const HeldFrame& frame) noexcept
    : mapped_(gst_video_frame_map(&frame_, const_cast<GstVideoInfo*>(&frame.info()), frame.buffer(), GST_MAP_READ)) {}

MappedFrame::~MappedFrame() {
  if (mapped_) gst_video_frame_unmap(&frame_);
}

std::optional<Picture> MappedFrame::picture() const noexcept {
  if (!mapped_) return std::nullopt;
  const GstVideoInfo& info = frame_.info;
  const auto format = pixelFormat(gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&info)));
  if (!format) return std::nullopt;
  Picture picture{};
  picture.format = *format;
  picture.width = GST_VIDEO_INFO_WIDTH(&info);
  picture.height = GST_VIDEO_INFO_HEIGHT(&info);
  for (guint plane = 0; plane < GST_VIDEO_INFO_N_PLANES(&info) && plane < picture.planes.size(); ++plane) {
    picture.planes[plane] = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame_, plane));
    picture.strides[plane] = GST_VIDEO_FRAME_PLANE_STRIDE(&frame_, plane);
  }
  picture.fullRange = info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
  switch (info.colorimetry.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT601: picture.matrix = Matrix::Bt601; break;
    case GST_VIDEO_COLOR_MATRIX_BT709: picture.matrix = Matrix::Bt709; break;
    default: picture.matrix = usualMatrix(picture.height);
  }
  return picture;
}

}  // namespace vedette::gst
