// A video file as a list of encoded access units, ready to be sent over and over.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "gst-pointer.hpp"

namespace vedette {

/// The first video track of a file.
///
/// Owns:    every access unit, in memory: a clip costs as much as its compressed size.
/// Threads: built by one; afterwards only read.
/// Fails:   `read` throws std::runtime_error naming the file and what is wrong with it.
/// Cost:    H.264 and H.265 are copied as they are; JPEG is encoded anew and anything else to H.264, once, here.
struct Clip {
  struct AccessUnit {
    Owned<GstBuffer> data;
    /// From the start of the clip; decoding time rises from 0, presentation time may run ahead of it.
    GstClockTime pts;
    GstClockTime dts;
  };

  static Clip read(const std::string& file);
  /// The same pictures at another rate.
  void setFps(double fps);
  double fps() const noexcept;

  Owned<GstCaps> caps;
  /// The payloader's launch text for `caps`.
  const char* payloader = nullptr;
  std::vector<AccessUnit> units;
  /// Time from one start of the clip to the next.
  GstClockTime duration = 0;
  bool transcoded = false;
};

}  // namespace vedette
