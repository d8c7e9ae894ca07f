#include "core/motion.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/background_changes.hpp"
#include "core/camera_drift.hpp"
#include "core/cell_kernels.hpp"
#include "core/luma_grid.hpp"
#include "core/motion_alignment.hpp"
#include "core/motion_regions.hpp"

namespace vedette {

namespace {

/// Frames closer than this to the one before are not measured. A little less than 1/16 s, for jitter.
constexpr double kLeastSpacing = 0.06;
/// A pause counts as no more: what happened meanwhile nobody saw.
constexpr double kLongestStep = 2;
/// Background is learnt for so long, and from so many frames at least, before anything is judged.
constexpr double kLearnSeconds = 1;
constexpr int kLearnFrames = 5;
/// Time constants: background where nothing moves; a cell's own noise; noise of the whole picture.
constexpr double kBackgroundSeconds = 5;
constexpr double kNoiseSeconds = 10;
constexpr double kCommonNoiseSeconds = 0.5;
/// Five standard deviations, from a mean absolute deviation (1.25) and from the median difference of two frames (1.05).
constexpr float kDeviations = 6.25f;
constexpr float kCommonDeviations = 5.25f;
/// While the background is learnt, a deviation beyond so many times the noise is an object that passes.
constexpr float kWildest = 3;
/// Grey levels that are believed to be noise of a cell. Where more varies, the camera itself is on the move.
constexpr float kLoudest = 6;
/// Beyond its limit by this factor a cell moves surely.
constexpr float kSurely = 1.5f;
/// Moving share from which the whole picture is suspected.
constexpr float kSuspicious = 0.015f;
/// How much it must rise before it is suspected again, and how soon the last suspicion is forgotten.
constexpr float kRisen = 1.5f;
constexpr double kDoubtSeconds = 1;
/// What is explained must leave at most this share of the cells that moved before.
constexpr float kExplained = 0.5f;
/// Trust in an alignment: how far a cell may be from it, for each grey level of light that was taken out, and of the
/// difference to its neighbours where the camera shook.
constexpr float kLightTolerance = 0.2f;
constexpr float kShakeTolerance = 0.6f;
/// Cells; less is the noise of the estimate.
constexpr float kLeastShift = 0.06f;
/// From this share on, whole cells of shift are tried.
constexpr float kDisplaced = 0.15f;
/// A picture that differs this much, and did not before, is another picture.
constexpr float kReplaced = 0.7f;
constexpr float kUsual = 0.3f;
/// Neither is one that differs this much and has come to rest.
constexpr float kStrange = 0.5f;
constexpr double kRestSeconds = 1;
/// Frame-to-frame differences are looked at in so many cells.
constexpr std::size_t kProbes = 512;
/// After so long, what is seen again as it was before an object covered it is background.
constexpr float kUncoverSeconds = 1;
/// Cells around the found ones that belong to the object's edge.
constexpr int kMargin = 1;

/// Of an exponential mean after `seconds`.
float weightOf(double seconds, double constant) { return static_cast<float>(1 - std::exp(-seconds / constant)); }

bool isInside(const std::vector<MotionOptions::Point>& polygon, float x, float y) {
  bool inside = false;
  for (std::size_t i = 0, j = polygon.size() - 1; i < polygon.size(); j = i++) {
    const auto &a = polygon[i], &b = polygon[j];
    if ((a.y > y) != (b.y > y) && x < (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}

}  // namespace

struct MotionMeter::State {
  const MotionOptions options;
  MotionReading reading;
  LumaGrid grid;
  AlignmentFit alignment;
  CameraDrift drift;
  MotionRegions regions;
  BackgroundChanges changes;
  // Per cell, in grey levels but for the last three.
  std::vector<float> frame, previous, background, deviation, candidate, expected, limit, restSeconds;
  std::vector<std::uint8_t> watched;
  std::vector<CellLevel> levels;
  std::size_t watchedCells = 0;
  std::vector<float> probes;
  // Of the whole picture.
  std::int64_t ptsNs = 0;
  int frames = 0;
  double learntSeconds = 0;
  float commonNoise = 0;
  float differing = 0;
  float inexplicable = 0;
  double restingSeconds = 0;
  bool isResting = false;
  /// By how many grey levels the picture became brighter since the frame before, and the share of it that differs otherwise.
  float common = 0;
  float restless = 0;

  explicit State(MotionOptions given) : options(std::move(given)) {}

  void begin(const Picture& picture);
  void rasteriseMasks(int width, int height);
  void forget();
  void compareWithPrevious(double step);
  float typicalDeviation();
  float judge(bool isAligned);
  void expect(const Alignment& aligned);
  bool isSuspicious(float share, double step);
  MotionVerdict explain(float& share);
  bool isReplaced(float share, double step);
  void learn(double step);
  void update(double step, MotionVerdict verdict, const Alignment& aligned);
  void report(MotionVerdict verdict);
  Alignment aligned;
};

/// Everything for pictures of this shape; the only place that allocates.
void MotionMeter::State::begin(const Picture& picture) {
  grid = LumaGrid(picture.format, picture.width, picture.height);
  const std::size_t cells = grid.shape().cells();
  for (auto* values : {&frame, &previous, &background, &deviation, &candidate, &expected, &limit, &restSeconds}) {
    values->assign(cells, 0);
  }
  levels.assign(cells, 0);
  probes.reserve(2 * kProbes);
  alignment.reserve(grid.shape());
  drift.reserve(grid.shape(), picture.width, picture.height);
  regions.reserve(grid.shape());
  changes.reserve(grid.shape());
  rasteriseMasks(picture.width, picture.height);
  forget();
}

void MotionMeter::State::rasteriseMasks(int width, int height) {
  const GridShape& shape = grid.shape();
  watched.assign(shape.cells(), 1);
  std::size_t at = 0;
  for (int row = 0; row < shape.rows; ++row) {
    for (int column = 0; column < shape.columns; ++column, ++at) {
      for (int point = 0; point < 9 && watched[at] != 0; ++point) {
        const int x = column * shape.cell * 2 + point % 3 * shape.cell, y = row * shape.cell * 2 + point / 3 * shape.cell;
        const float fx = static_cast<float>(x) / static_cast<float>(2 * width);
        const float fy = static_cast<float>(y) / static_cast<float>(2 * height);
        const auto covers = [&](const auto& polygon) { return !polygon.empty() && isInside(polygon, fx, fy); };
        if (std::ranges::any_of(options.masks, covers)) watched[at] = 0;
      }
    }
  }
  watchedCells = static_cast<std::size_t>(std::ranges::count(watched, 1));
}

void MotionMeter::State::forget() {
  frames = 0;
  learntSeconds = 0;
  restingSeconds = 0;
  differing = 0;
  inexplicable = 0;
}

/// How much noise two consecutive frames show, and whether the picture rests: from the same few cells.
void MotionMeter::State::compareWithPrevious(double step) {
  const std::size_t stride = std::max<std::size_t>(1, frame.size() / kProbes) | 1;
  probes.clear();
  for (std::size_t cell = stride / 2; cell < frame.size(); cell += stride) {
    if (watched[cell] != 0) probes.push_back(frame[cell] - previous[cell]);
  }
  if (probes.empty()) return;
  const auto middle = probes.begin() + static_cast<std::ptrdiff_t>(probes.size() / 2);
  std::nth_element(probes.begin(), middle, probes.end());
  common = *middle;
  std::size_t moved = 0;
  for (float& difference : probes) {
    difference = std::fabs(difference - common);
    if (difference > options.threshold) ++moved;
  }
  isResting = moved * 20 < probes.size();
  restless = static_cast<float>(moved) / static_cast<float>(probes.size());
  std::nth_element(probes.begin(), middle, probes.end());
  commonNoise += (std::min(*middle, kLoudest) - commonNoise) * (frames < kLearnFrames ? 0.5f : weightOf(step, kCommonNoiseSeconds));
}

float MotionMeter::State::typicalDeviation() {
  const std::size_t stride = std::max<std::size_t>(1, frame.size() / kProbes) | 1;
  probes.clear();
  for (std::size_t cell = stride / 2; cell < frame.size(); cell += stride) probes.push_back(deviation[cell]);
  const auto middle = probes.begin() + static_cast<std::ptrdiff_t>(probes.size() / 2);
  std::nth_element(probes.begin(), middle, probes.end());
  return *middle;
}

/// Fills `levels` and returns the share of cells beyond their limit. Against the aligned background when `isAligned`, whose
/// tolerance is in `limit` then.
float MotionMeter::State::judge(bool isAligned) {
  const float least = std::max({options.threshold, kCommonDeviations * commonNoise, kDeviations * typicalDeviation()});
  const JudgedCells cells{frame, isAligned ? expected : background, deviation, watched, limit, levels};
  const int moving = cellKernels().judge(cells, least, kDeviations, kSurely, isAligned ? 1.0f : 0.0f);
  return watchedCells == 0 ? 0 : static_cast<float>(moving) / static_cast<float>(watchedCells);
}

/// What the aligned background says of each cell, and in `limit` how far it can be wrong about it.
void MotionMeter::State::expect(const Alignment& found) {
  const GridShape& shape = grid.shape();
  const bool isShifted = found.shift() >= kLeastShift;
  const float shift = std::min(1.0f, found.shift());
  std::size_t at = 0;
  for (int y = 0; y < shape.rows; ++y) {
    const auto row = [&](int wanted) {
      return background.data() + std::clamp(wanted - found.wholeY, 0, shape.rows - 1) * shape.columns;
    };
    const float *here = row(y), *above = row(y - 1), *below = row(y + 1);
    for (int x = 0; x < shape.columns; ++x, ++at) {
      const int middle = std::clamp(x - found.wholeX, 0, shape.columns - 1);
      const int left = std::max(middle - 1, 0), right = std::min(middle + 1, shape.columns - 1);
      const float value = here[middle];
      const float lit = found.lit(value);
      expected[at] = lit;
      limit[at] = kLightTolerance * std::fabs(lit - value);
      if (!isShifted) continue;
      expected[at] -= found.shiftX * (here[right] - here[left]) / 2 + found.shiftY * (below[middle] - above[middle]) / 2;
      const float edge = std::max({std::fabs(here[right] - value), std::fabs(value - here[left]),
                                   std::fabs(below[middle] - value), std::fabs(value - above[middle])});
      limit[at] += kShakeTolerance * shift * edge;
    }
  }
}

/// Whether looking for a common cause is worth its time. What had none is not asked again until it has grown by half; it is
/// forgotten within a second.
bool MotionMeter::State::isSuspicious(float share, double step) {
  inexplicable -= inexplicable * weightOf(step, kDoubtSeconds);
  return share > std::max(kSuspicious, kRisen * inexplicable);
}

/// Looks for a common cause of many differing cells; `share` and `levels` are then what it leaves.
MotionVerdict MotionMeter::State::explain(float& share) {
  const float before = share;
  for (const bool whole : {false, true}) {
    if (whole && before < kDisplaced) break;
    aligned = alignment.fit(frame, background, watched, whole);
    expect(aligned);
    share = judge(true);
    if (share > before * kExplained) continue;
    return aligned.shift() >= kLeastShift ? MotionVerdict::CameraShook : MotionVerdict::LightChanged;
  }
  inexplicable = before;
  share = judge(false);
  return MotionVerdict::Measured;
}

/// Whether the background has nothing to do with this picture any more.
bool MotionMeter::State::isReplaced(float share, double step) {
  const bool isSudden = share >= kReplaced && differing < kUsual;
  differing = share;
  restingSeconds = share >= kStrange && isResting ? restingSeconds + step : 0;
  return isSudden || restingSeconds >= kRestSeconds;
}

/// The plain means of the first frames.
void MotionMeter::State::learn(double step) {
  frames += 1;
  if (frames == 1) {
    background = frame;
    std::ranges::fill(deviation, 0.0f);
    std::ranges::fill(restSeconds, 0.0f);
    return;
  }
  learntSeconds += step;
  const auto count = static_cast<float>(frames);
  const float unbiased = std::sqrt((count - 1) / count);
  const float most = 1 + kWildest * commonNoise;
  for (std::size_t i = 0; i < frame.size(); ++i) {
    const float difference = frame[i] - background[i];
    background[i] += difference / count;
    deviation[i] += (std::min(std::fabs(difference) * unbiased, most) - deviation[i]) / (count - 1);
  }
  changes.begin(background);
}

/// Cells at rest go on learning. A cell that differs, and stays as it is for long enough, is background from then on; when
/// what stood there goes away, what was behind it is soon known again.
void MotionMeter::State::update(double step, MotionVerdict verdict, const Alignment& found) {
  frames += 1;
  const float youth = 1 / static_cast<float>(frames);
  const float towards = std::max(weightOf(step, kBackgroundSeconds), youth);
  const float noisier = std::max(weightOf(step, kNoiseSeconds), youth);
  learntSeconds += step;
  const auto fade = static_cast<float>(std::min(options.fadeSeconds, std::max(kLearnSeconds, learntSeconds / 2)));
  if (verdict == MotionVerdict::LightChanged) {
    for (float& value : background) value = found.lit(value);
    changes.relight(found);
  }
  const std::span<const float> against = verdict == MotionVerdict::Measured ? std::span<const float>{} : expected;
  cellKernels().learn({frame, against, limit, background, deviation, candidate, changes.former(), changes.since(), restSeconds},
                      {.towards = towards,
                       .noisier = noisier,
                       .seconds = static_cast<float>(step),
                       .fade = fade,
                       .uncover = std::min(fade, kUncoverSeconds),
                       .first = static_cast<float>(kFirstSeconds),
                       .now = static_cast<float>(learntSeconds),
                       .loudest = kLoudest});
}

void MotionMeter::State::report(MotionVerdict verdict) {
  const GridShape& shape = grid.shape();
  const auto found = regions.find(levels, kMostMotionBoxes);
  reading.verdict = verdict;
  reading.cameraShiftX = drift.shiftX();
  reading.cameraShiftY = drift.shiftY();
  reading.score = watchedCells == 0 ? 0 : static_cast<float>(regions.cells()) / static_cast<float>(watchedCells);
  reading.count = found.size();
  const double width = static_cast<double>(shape.columns), height = static_cast<double>(shape.rows);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double left = std::max(found[i].left - kMargin, 0), top = std::max(found[i].top - kMargin, 0);
    const double right = std::min(found[i].right + kMargin, shape.columns);
    const double bottom = std::min(found[i].bottom + kMargin, shape.rows);
    reading.boxes[i] = {left / width, top / height, (right - left) / width, (bottom - top) / height};
  }
  const auto changed = changes.found();
  reading.changeCount = changed.size();
  std::ranges::copy(changed, reading.changes.begin());
}

MotionMeter::MotionMeter(MotionOptions options) : state_(std::make_unique<State>(std::move(options))) {}
MotionMeter::~MotionMeter() = default;

const MotionReading& MotionMeter::measure(const Picture& picture, std::int64_t ptsNs) {
  State& state = *state_;
  if (!state.grid.fits(picture)) state.begin(picture);
  double step = static_cast<double>(ptsNs - state.ptsNs) / 1e9;
  if (step < 0) state.forget();
  if (state.frames > 0 && step < kLeastSpacing) return state.reading;
  state.ptsNs = ptsNs;
  step = std::min(step, kLongestStep);
  std::swap(state.frame, state.previous);
  state.grid.sample(picture, state.frame);
  if (state.frames > 0) {
    state.compareWithPrevious(step);
    if (!state.isResting) state.drift.follow(state.frame, state.previous, state.watched, state.common, state.restless, step);
  }
  if (state.frames < kLearnFrames || state.learntSeconds < kLearnSeconds) {
    state.learn(step);
    return state.reading = {.cameraShiftX = state.drift.shiftX(), .cameraShiftY = state.drift.shiftY()};
  }
  float share = state.judge(false);
  MotionVerdict verdict = MotionVerdict::Measured;
  state.aligned = {};
  if (state.isSuspicious(share, step)) verdict = state.explain(share);
  if (state.isReplaced(share, step)) {
    state.forget();
    state.learn(step);
    return state.reading = {.cameraShiftX = state.drift.shiftX(), .cameraShiftY = state.drift.shiftY()};
  }
  state.update(step, verdict, state.aligned);
  state.changes.review(state.background, state.watched, state.learntSeconds);
  state.report(verdict);
  return state.reading;
}

}  // namespace vedette
