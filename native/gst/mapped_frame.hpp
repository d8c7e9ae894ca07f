// A held frame, mapped for reading, as the print kernel wants it.
#pragma once

#include <optional>

#include "core/picture.hpp"
#include "gst/frame_store.hpp"

namespace vedette::gst {

/// Keeps a frame's memory mapped while it lives.
///
/// Owns:    the mapping, not the frame, which must outlive it.
/// Threads: one.
/// Fails:   `picture()` is empty when the memory cannot be mapped or the kernel has no such pixel format.
/// Cost:    none for system memory; a decoder's own memory may be synchronised or copied by the driver.
class MappedFrame final {
 public:
  explicit MappedFrame(const HeldFrame& frame) noexcept;
  MappedFrame(const MappedFrame&) = delete;
  MappedFrame& operator=(const MappedFrame&) = delete;
  ~MappedFrame();

  std::optional<Picture> picture() const noexcept;

 private:
  GstVideoFrame frame_;
  bool mapped_;
};

}  // namespace vedette::gst
