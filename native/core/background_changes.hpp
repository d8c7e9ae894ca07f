// Where the background is no longer what it was: things that were put down, and gaps that others left.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/luma_grid.hpp"
#include "core/motion.hpp"
#include "core/motion_alignment.hpp"
#include "core/motion_regions.hpp"

namespace vedette {

/// What came while the background was younger than this belongs to it, and is no change.
inline constexpr double kFirstSeconds = 5;

/// Keeps what each cell looked like before it changed, and since when; once a second makes boxes of it.
///
/// A cell has changed when something else became its background. It has no longer when its former look comes back, at
/// once or slowly, and after an hour: that is what the place looks like then. What differs in more than a quarter of the picture is no
/// object but light or another view, and is forgotten. Only the caller writes `former` and `since`, cell by cell, while it
/// learns; for cells that did not change, `former` is the background.
///
/// Whether something came or went is seen at the edge of the changed cells, where an object stands out from what is around
/// it: in one of the two pictures neighbours must differ there twice as much as in the other one, and as they do around
/// the change. Unknown otherwise.
///
/// Owns:    two floats and a byte for each cell.
/// Threads: one.
/// Fails:   never.
/// Cost:    a pass over the cells once a second of the stream; no allocation but in `reserve`.
class BackgroundChanges final {
 public:
  void reserve(const GridShape& shape);
  /// Nothing has changed yet.
  void begin(std::span<const float> background);
  /// The light of the whole picture changed at once; `background` was already corrected.
  void relight(const Alignment& light);
  /// `now`: seconds that `background` has been learnt for. Does nothing until a second after the last review.
  void review(std::span<const float> background, std::span<const std::uint8_t> watched, double now);

  std::span<float> former() noexcept { return former_; }
  /// 0 where nothing changed, otherwise the second at which what is there now came to rest.
  std::span<float> since() noexcept { return since_; }
  /// Largest first.
  std::span<const BackgroundChange> found() const noexcept { return {changes_.data(), count_}; }

 private:
  struct Contrast {
    double edge, around;
  };

  void followLight(std::span<const float> background);
  bool age(std::span<const float> background, std::span<const std::uint8_t> watched, double now);
  Contrast contrastOf(const float* picture, const CellBox& box) const;
  BackgroundChange describe(const CellBox& box, std::span<const float> background, double now) const;

  GridShape shape_{};
  std::vector<float> former_, since_;
  std::vector<CellLevel> levels_;
  MotionRegions regions_;
  struct Probe {
    std::size_t cell;
    float before;
  };
  std::vector<Probe> probes_;
  std::vector<Probe> unchanged_;
  std::vector<float> differences_;
  double reviewed_ = 0;
  std::size_t count_ = 0;
  std::array<BackgroundChange, kMostBackgroundChanges> changes_{};
};

}  // namespace vedette
