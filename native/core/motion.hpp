// Motion: which parts of a camera's picture move, judged against a background that is learnt on the way.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/picture.hpp"
#include "core/print.hpp"

namespace vedette {

inline constexpr std::size_t kMostMotionBoxes = 8;
inline constexpr std::size_t kMostBackgroundChanges = 8;

struct MotionOptions {
  /// By how many grey levels of 255 a spot must become brighter or darker, at least; more where the picture is noisy.
  float threshold = 8;
  /// An object that stands still for so long is background from then on.
  double fadeSeconds = 20;
  struct Point {
    float x, y;
  };
  /// Polygons, in fractions of the picture. A cell that touches one is not looked at.
  std::vector<std::vector<Point>> masks;
};

enum class MotionVerdict : std::uint8_t {
  /// Nothing is known yet, or anymore: the score is 1.
  Learning,
  Measured,
  /// Measured after a change of the light, or a movement of the camera, was taken out.
  LightChanged,
  CameraShook,
};

/// A place where something else is background than before.
struct BackgroundChange {
  /// Whether an object was put down or taken away, as far as the picture tells.
  enum class Kind : std::uint8_t { Unknown, Came, Went };
  Rectangle box{};
  /// Since the oldest part of it came to rest.
  double ageSeconds = 0;
  Kind kind = Kind::Unknown;
};

struct MotionReading {
  MotionVerdict verdict = MotionVerdict::Learning;
  /// Share of the cells outside the masks that move.
  float score = 1;
  std::size_t count = 0;
  std::array<Rectangle, kMostMotionBoxes> boxes{};
  /// As of the last full second of the stream.
  std::size_t changeCount = 0;
  std::array<BackgroundChange, kMostBackgroundChanges> changes{};
  /// How far the picture moved right and down because the camera did, in pictures, since the meter was made. Only ever the
  /// difference of two readings means something; no frame between them needs to be known. Stays as it is, to the bit, while
  /// the camera stands still.
  double cameraShiftX = 0;
  double cameraShiftY = 0;

  bool isMeasured() const noexcept { return verdict != MotionVerdict::Learning; }
  std::span<const Rectangle> found() const noexcept { return {boxes.data(), count}; }
  std::span<const BackgroundChange> changed() const noexcept { return {changes.data(), changeCount}; }
};

/// Compares each picture with a running background on a coarse grid of brightness (luma_grid.hpp).
///
/// A cell moves when it differs from its background by more than `threshold`, and by more than five standard deviations
/// of its own noise, which is learnt with the background; single cells do not count. What the whole picture does at once is
/// no motion: brightness and contrast that changed everywhere, and a camera that shook, are estimated and taken out.
/// When most of the picture differs suddenly (infrared filter, another direction), the background is learnt anew,
/// which takes a second and at least five frames. All durations are in the stream's own time, so rates from 2 to 60 fps
/// give the same results; of more than 16 frames a second, those in between repeat the last reading.
///
/// A camera that turns is followed from frame to frame, by at most four cells between two measurements; slower than an
/// eighth of a cell is not noticed.
///
/// What became background and is not what was there in the first five seconds is told for an hour, from ten seconds after it
/// came to rest (background_changes.hpp).
///
/// Owns:    a dozen floats for each of at most 25 600 cells; anew when size or format change.
/// Threads: one.
/// Fails:   never.
/// Cost:    no allocation per frame.
class MotionMeter final {
 public:
  explicit MotionMeter(MotionOptions options);
  ~MotionMeter();
  MotionMeter(const MotionMeter&) = delete;

  /// The reading is valid until the next call. Time that runs backwards begins a new background.
  const MotionReading& measure(const Picture& picture, std::int64_t ptsNs);

 private:
  struct State;
  // Owned.
  std::unique_ptr<State> state_;
};

}  // namespace vedette
