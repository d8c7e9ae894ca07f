#include "gst/frame_store.hpp"

#include <map>
#include <utility>

namespace vedette::gst {

namespace {

/// Spacing that is assumed of a stream which does not tell its rate.
constexpr double kUnknownFps = 25;
/// Where not every frame is told of, tickets take the newest.
constexpr std::size_t kHeldWhenThinned = 1;

}  // namespace

std::shared_ptr<FrameStore> FrameStore::named(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<FrameStore>> stores;
  const std::lock_guard lock(mutex);
  auto& store = stores[name];
  if (!store) store = std::make_shared<FrameStore>();
  return store;
}

void FrameStore::setCapacity(std::size_t frames) {
  const std::lock_guard lock(mutex_);
  capacity_ = frames < 1 ? 1 : frames;
}

void FrameStore::setTell(std::function<bool(const Notice&)> tell) {
  const std::lock_guard lock(mutex_);
  tell_ = std::move(tell);
}

void FrameStore::setNoticeEvery(std::chrono::nanoseconds interval, std::optional<std::chrono::nanoseconds> at) {
  const std::lock_guard lock(mutex_);
  pace_.setEvery(interval.count());
  if (at) pace_.moveTo(at->count());
}

void FrameStore::setMotion(std::optional<MotionOptions> options) {
  const std::lock_guard lock(mutex_);
  motion_ = std::move(options);
}

std::optional<MotionOptions> FrameStore::motion() {
  const std::lock_guard lock(mutex_);
  return motion_;
}

std::uint64_t FrameStore::push(GstBuffer* buffer, const GstVideoInfo& info, GstClockTime runningTime, Capture capture,
                               const MotionReading& motion) {
  const std::lock_guard lock(mutex_);
  const double fps = info.fps_n > 0 && info.fps_d > 0 ? static_cast<double>(info.fps_n) / info.fps_d : 0;
  const std::int64_t ptsNs =
      GST_CLOCK_TIME_IS_VALID(runningTime) ? offsetNs_ + static_cast<std::int64_t>(runningTime) : endNs_;
  endNs_ = std::max(endNs_, ptsNs + static_cast<std::int64_t>(GST_SECOND / (fps > 0 ? fps : kUnknownFps)));
  sequence_ += 1;
  newest_.emplace_back(sequence_, ptsNs, capture.unixMs, buffer, info);
  const bool isPicked = pace_.picks(ptsNs);
  const bool isThinned = !(std::exchange(wasPicked_, isPicked) && isPicked);
  while (newest_.size() > (isThinned ? std::min(capacity_, kHeldWhenThinned) : capacity_)) newest_.pop_front();
  const bool hasMissed = motion.score == 0 && notice_ && notice_->motion.score > 0;
  notice_ = Notice{sequence_,
                   ptsNs,
                   capture,
                   GST_VIDEO_INFO_WIDTH(&info),
                   GST_VIDEO_INFO_HEIGHT(&info),
                   fps,
                   gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&info)),
                   skipped_,
                   hasMissed ? notice_->motion : motion};
  if (isPicked && tell_ && tell_(*notice_)) {
    told_ = newest_.back();
    notice_.reset();
  }
  return sequence_;
}

void FrameStore::leaveOut() {
  const std::lock_guard lock(mutex_);
  sequence_ += 1;
  skipped_ += 1;
}

std::uint64_t FrameStore::sequence() {
  const std::lock_guard lock(mutex_);
  return sequence_;
}

std::optional<HeldFrame> FrameStore::find(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  if (told_ && told_->sequence() == sequence) return told_;
  for (const auto* frames : {&newest_, &printed_}) {
    for (const HeldFrame& frame : *frames) {
      if (frame.sequence() == sequence) return frame;
    }
  }
  return std::nullopt;
}

std::optional<HeldFrame> FrameStore::findNewest(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  if (newest_.empty() || newest_.back().sequence() < sequence || newest_.back().sequence() <= givenUpTo_) return std::nullopt;
  givenUpTo_ = newest_.back().sequence();
  return newest_.back();
}

void FrameStore::taken(const HeldFrame& frame, std::uint64_t neededFrom) {
  const std::lock_guard lock(mutex_);
  std::erase_if(printed_, [&](const HeldFrame& other) { return other.sequence() == frame.sequence() || other.sequence() < neededFrom; });
  printed_.push_back(frame);
  while (printed_.size() > capacity_) printed_.pop_front();
  takenUpTo_ = std::max(takenUpTo_, frame.sequence());
  changed_.notify_all();
}

void FrameStore::pass(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  takenUpTo_ = std::max(takenUpTo_, sequence);
  changed_.notify_all();
}

void FrameStore::awaitTaken(std::uint64_t sequence, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] { return takenUpTo_ >= sequence || interrupted_; });
}

void FrameStore::interrupt(bool on) {
  const std::lock_guard lock(mutex_);
  interrupted_ = on;
  changed_.notify_all();
}

void FrameStore::continueTimeline() {
  const std::lock_guard lock(mutex_);
  offsetNs_ = endNs_;
}

std::int64_t FrameStore::timelineOffsetNs() {
  const std::lock_guard lock(mutex_);
  return offsetNs_;
}

double FrameStore::startedMs() {
  const std::lock_guard lock(mutex_);
  if (startedMs_ == 0) startedMs_ = static_cast<double>(g_get_real_time()) / 1000;
  return startedMs_;
}

void FrameStore::clear() {
  const std::lock_guard lock(mutex_);
  newest_.clear();
  printed_.clear();
  told_.reset();
}

}  // namespace vedette::gst
