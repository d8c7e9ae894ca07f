#include "core/frame_ring.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/error.hpp"

namespace vedette {

namespace {

/// Larger than the usual 64 KiB: a 1080p frame then takes 3 reads and wake-ups instead of 48. What is refused to users
/// (fs.pipe-max-size) does no harm.
constexpr int kPipeBytes = 1 << 20;

template <class Clock>
double millisecondsNow() {
  return std::chrono::duration<double, std::milli>(Clock::now().time_since_epoch()).count();
}

}  // namespace

FrameRing::FrameRing(int fd, const RawFormat& format, const Options& options, std::function<void()> wake)
    : format_(format), options_{std::max<std::size_t>(options.held, 1), options.patience, options.fps, options.motion}, wake_(std::move(wake)) {
  if (format.width < 1 || format.height < 1 || format.width > kMaxSide || format.height > kMaxSide) {
    throw Error(Code::Defect, "raw frames of " + std::to_string(format.width) + " x " + std::to_string(format.height));
  }
  fd_ = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (fd_ < 0) throw Error(Code::Defect, systemCause("taking over descriptor " + std::to_string(fd)));
  stop_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_ < 0) {
    const std::string cause = systemCause("eventfd");
    close(fd_);
    throw Error(Code::Defect, cause);
  }
  fcntl(fd_, F_SETPIPE_SZ, kPipeBytes);
  if (options_.motion) meter_ = std::make_unique<MotionMeter>(*options_.motion);
  thread_ = std::thread([this] { read(); });
}

FrameRing::~FrameRing() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  eventfd_write(stop_, 1);
  thread_.join();
  close(stop_);
  close(fd_);
}

void FrameRing::read() {
  for (;;) {
    auto frame = unused();
    if (auto end = readFrame(*frame)) return finish(std::move(*end));
    const std::uint64_t sequence = ++sequence_;
    frame->sequence = sequence;
    if (meter_) measureMotion(*frame);
    publish(std::move(frame));
    if (options_.patience.count() > 0) awaitTaken(sequence);
  }
}

void FrameRing::measureMotion(RawFrame& frame) {
  const auto picture = pictureIn(frame.bytes, format_.pixels, format_.width, format_.height);
  if (!picture) return;
  const double seconds =
      options_.fps > 0 ? static_cast<double>(frame.sequence) / options_.fps : frame.monotonicMs / 1e3;
  frame.motion = meter_->measure(*picture, static_cast<std::int64_t>(seconds * 1e9));
}

std::optional<FrameRing::End> FrameRing::readFrame(RawFrame& frame) {
  std::size_t have = 0;
  while (have < frame.bytes.size()) {
    pollfd waits[] = {{fd_, POLLIN, 0}, {stop_, POLLIN, 0}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) return End{have, systemCause("poll")};
    if (waits[1].revents) return End{have, "closed"};
    if (!waits[0].revents) continue;
    const ssize_t got = ::read(fd_, frame.bytes.data() + have, frame.bytes.size() - have);
    if (got == 0) return End{have, ""};
    if (got < 0 && errno != EAGAIN && errno != EINTR) return End{have, systemCause("read")};
    if (got <= 0) continue;
    if (have == 0) {
      frame.unixMs = millisecondsNow<std::chrono::system_clock>();
      frame.monotonicMs = millisecondsNow<std::chrono::steady_clock>();
    }
    have += static_cast<std::size_t>(got);
  }
  return std::nullopt;
}

std::shared_ptr<RawFrame> FrameRing::unused() {
  const std::lock_guard lock(mutex_);
  for (const auto& frame : all_) {
    if (frame.use_count() == 1) return frame;
  }
  auto frame = std::make_shared<RawFrame>();
  frame->bytes.resize(pictureBytes(format_.pixels, format_.width, format_.height));
  return all_.emplace_back(std::move(frame));
}

void FrameRing::publish(std::shared_ptr<RawFrame> frame) {
  bool silent;
  {
    const std::lock_guard lock(mutex_);
    silent = notice_ == nullptr;
    notice_ = frame;
    newest_.push_back(std::move(frame));
    if (newest_.size() > options_.held) newest_.pop_front();
  }
  if (silent) wake_();
}

void FrameRing::awaitTaken(std::uint64_t sequence) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, options_.patience, [&] { return stopping_ || takenUpTo_ >= sequence; });
}

void FrameRing::finish(End end) {
  {
    const std::lock_guard lock(mutex_);
    end_ = std::move(end);
  }
  wake_();
}

std::shared_ptr<const RawFrame> FrameRing::takeNotice() {
  const std::lock_guard lock(mutex_);
  return std::exchange(notice_, nullptr);
}

std::optional<FrameRing::End> FrameRing::takeEnd() {
  const std::lock_guard lock(mutex_);
  return std::exchange(end_, std::nullopt);
}

std::shared_ptr<const RawFrame> FrameRing::find(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  for (const Frames* frames : {&newest_, &printed_}) {
    for (const auto& frame : *frames) {
      if (frame->sequence == sequence) return frame;
    }
  }
  return nullptr;
}

void FrameRing::pass(std::uint64_t sequence) {
  {
    const std::lock_guard lock(mutex_);
    takenUpTo_ = std::max(takenUpTo_, sequence);
  }
  changed_.notify_all();
}

void FrameRing::taken(const std::shared_ptr<const RawFrame>& frame, std::uint64_t neededFrom) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(printed_, [&](const auto& other) { return other == frame || other->sequence < neededFrom; });
    printed_.push_back(std::const_pointer_cast<RawFrame>(frame));
    if (printed_.size() > options_.held) printed_.pop_front();
    takenUpTo_ = std::max(takenUpTo_, frame->sequence);
  }
  changed_.notify_all();
}

}  // namespace vedette
