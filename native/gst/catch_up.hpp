// When a decoder has fallen so far behind that it goes on with a newer picture.
#pragma once

#include <limits>

namespace vedette::gst {

/// Tells for each access unit, as it reaches the decoder, whether it is left out so that what comes out is not old.
///
/// A unit is late by how much longer ago it was due than the least late one. Beyond `mostMs` units are left out up to a key
/// frame that is late by less than half of that, because nothing in between can be decoded without what was left out.
/// Where leaving out makes nothing younger, the camera itself sends late: then, as where time stamps jump and where no key
/// frame comes for ten seconds, decoding goes on as it is.
///
/// Owns:    nothing.
/// Threads: the one that shows it the units.
/// Fails:   never.
/// Cost:    a few additions.
class CatchUp final {
 public:
  /// 0: nothing is ever left out.
  explicit CatchUp(double mostMs) noexcept : mostMs_(mostMs) {}

  /// `nowMs` of a monotonic clock, `stampMs` of the stream's.
  bool leavesOut(double nowMs, double stampMs, bool key) noexcept;

 private:
  void beginAt(double nowMs, double offsetMs) noexcept;

  double mostMs_;
  double leastMs_ = std::numeric_limits<double>::quiet_NaN();
  double seenMs_ = 0;
  // While units are left out.
  double leavingSinceMs_ = std::numeric_limits<double>::quiet_NaN();
  double youngestMs_ = 0;
  double youngerAtMs_ = 0;
};

}  // namespace vedette::gst
