#include "core/camera_link.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/error.hpp"
#include "core/futex.hpp"

namespace vedette::link {

/// Counts only grow, and wrap around. Each side writes a line of its own; the bells are futexes, changed after what they
/// announce, and both sides may ring them.
struct Shared {
  struct Slot {
    Ticket ticket;
    Answer answer;
  };
  // Written by the agent.
  alignas(64) std::atomic<std::uint32_t> asked;
  std::atomic<std::uint32_t> heard;
  // Written by the camera process.
  alignas(64) std::atomic<std::uint32_t> answered;
  std::atomic<std::uint32_t> told;
  // Written by both.
  alignas(64) FutexWord ticketBell;
  alignas(64) FutexWord answerBell;
  alignas(64) FutexWord noticeBell;
  alignas(64) std::array<Slot, kTickets> slots;
  std::array<Notice, kNotices> notices;
};

static_assert(std::is_trivially_copyable_v<Shared::Slot> && std::is_trivially_copyable_v<Notice>);
static_assert(kAnswerNumbers == 10 && kNoticeNumbers == 92);

namespace {

/// A camera process may ring no bell; whoever waits looks again after so long.
constexpr std::chrono::milliseconds kLookAgain{500};

Shared& sharedIn(std::span<std::byte> memory) {
  const bool isAligned = reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(Shared) == 0;
  if (memory.size() < sizeof(Shared) || !isAligned) {
    throw Error(Code::Defect, {{"cause", "the memory of a camera link is too small or not aligned"}});
  }
  return *reinterpret_cast<Shared*>(memory.data());
}

void ring(FutexWord& bell) noexcept {
  bell.fetch_add(1, std::memory_order_release);
  futexWake(bell);
}

/// Four decimals, which is a fifth of a pixel: recordings keep these numbers as text.
double fraction(double value) noexcept { return std::round(value * 1e4) / 1e4; }

std::array<double, 4> boxOf(const Rectangle& from) noexcept {
  return {fraction(from.x), fraction(from.y), fraction(from.w), fraction(from.h)};
}

}  // namespace

std::size_t sharedBytes() noexcept { return sizeof(Shared); }

Answer Answer::refused(Outcome cause) noexcept {
  Answer answer;
  answer.outcome = static_cast<double>(cause);
  return answer;
}

bool Answer::isPrinted() const noexcept { return outcome == static_cast<double>(Outcome::Printed); }

void Notice::setMotion(const MotionReading& reading) noexcept {
  motion = fraction(static_cast<double>(reading.score));
  cameraShiftX = reading.cameraShiftX;
  cameraShiftY = reading.cameraShiftY;
  boxCount = changeCount = -1;
  if (!reading.isMeasured()) return;
  boxCount = static_cast<double>(reading.count);
  for (std::size_t i = 0; i < reading.count; ++i) boxes[i] = boxOf(reading.boxes[i]);
  changeCount = static_cast<double>(reading.changeCount);
  for (std::size_t i = 0; i < reading.changeCount; ++i) {
    const BackgroundChange& from = reading.changes[i];
    changes[i] = {boxOf(from.box), std::round(from.ageSeconds * 1e3), static_cast<double>(from.kind)};
  }
}

AgentEnd::AgentEnd(std::span<std::byte> memory, std::uint32_t first)
    : shared_(sharedIn(memory)), asked_(first), heard_(first) {
  isTaken_.fill(true);
  for (auto* count : {&shared_.asked, &shared_.heard, &shared_.answered, &shared_.told}) count->store(first);
}

std::optional<std::uint32_t> AgentEnd::ask(const Ticket& ticket) noexcept {
  const std::uint32_t number = asked_ + 1;
  bool& isTaken = isTaken_[number % kTickets];
  if (isClosed_ || !isTaken || waiting() == kTickets) return std::nullopt;
  isTaken = ticket.kind != Ticket::Kind::Print;
  shared_.slots[number % kTickets].ticket = ticket;
  asked_ = number;
  shared_.asked.store(number, std::memory_order_release);
  ring(shared_.ticketBell);
  return number;
}

/// Answers come in the order of the tickets.
bool AgentEnd::isAnswered(std::uint32_t ticket) const noexcept {
  return static_cast<std::int32_t>(shared_.answered.load(std::memory_order_acquire) - ticket) >= 0;
}

bool AgentEnd::wait(std::uint32_t ticket, std::chrono::nanoseconds limit) noexcept {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const std::uint32_t seen = shared_.answerBell.load(std::memory_order_acquire);
    if (isAnswered(ticket) || isClosed_) return true;
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= left.zero()) return false;
    futexWait(shared_.answerBell, seen, std::min<std::chrono::nanoseconds>(left, kLookAgain));
  }
}

bool AgentEnd::isPrinted(std::uint32_t ticket) const noexcept {
  return isAnswered(ticket) && shared_.slots[ticket % kTickets].answer.isPrinted();
}

Answer AgentEnd::take(std::uint32_t ticket) noexcept {
  isTaken_[ticket % kTickets] = true;
  return isAnswered(ticket) ? shared_.slots[ticket % kTickets].answer : Answer::refused(Outcome::FrameGone);
}

std::uint32_t AgentEnd::waiting() noexcept {
  const std::uint32_t waiting = asked_ - shared_.answered.load(std::memory_order_acquire);
  if (waiting > kTickets) distrust();
  return isBroken_ ? 0 : waiting;
}

std::optional<Notice> AgentEnd::takeNotice() noexcept {
  const std::uint32_t told = shared_.told.load(std::memory_order_acquire);
  if (told - heard_ > kNotices) distrust();
  if (told == heard_ || isBroken_) return std::nullopt;
  heard_ += 1;
  const Notice notice = shared_.notices[heard_ % kNotices];
  shared_.heard.store(heard_, std::memory_order_release);
  return notice;
}

bool AgentEnd::listen() noexcept {
  while (!isClosed_) {
    const std::uint32_t now = shared_.noticeBell.load(std::memory_order_acquire);
    if (now != std::exchange(rung_, now)) return true;
    futexWait(shared_.noticeBell, now, kLookAgain);
  }
  return false;
}

void AgentEnd::close() noexcept {
  isClosed_ = true;
  ring(shared_.answerBell);
  ring(shared_.noticeBell);
}

void AgentEnd::distrust() noexcept {
  if (!isBroken_.exchange(true)) ring(shared_.noticeBell);
}

CameraEnd::CameraEnd(std::span<std::byte> memory)
    : shared_(sharedIn(memory)), answered_(shared_.answered.load()), told_(shared_.told.load()) {}

bool CameraEnd::tell(const Notice& notice) noexcept {
  if (told_ - shared_.heard.load(std::memory_order_acquire) >= kNotices) return false;
  told_ += 1;
  shared_.notices[told_ % kNotices] = notice;
  shared_.told.store(told_, std::memory_order_release);
  ring(shared_.noticeBell);
  return true;
}

std::optional<Ticket> CameraEnd::take(std::chrono::nanoseconds limit) noexcept {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const std::uint32_t seen = shared_.ticketBell.load(std::memory_order_acquire);
    if (isStopped_) return std::nullopt;
    if (shared_.asked.load(std::memory_order_acquire) != answered_) break;
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= left.zero()) return std::nullopt;
    futexWait(shared_.ticketBell, seen, left);
  }
  return shared_.slots[(answered_ + 1) % kTickets].ticket;
}

void CameraEnd::answer(const Ticket& ticket, const Answer& answer) noexcept {
  answered_ += 1;
  shared_.slots[answered_ % kTickets].answer = answer;
  shared_.answered.store(answered_, std::memory_order_release);
  if (ticket.kind == Ticket::Kind::Print) ring(ticket.isHeard ? shared_.noticeBell : shared_.answerBell);
}

void CameraEnd::stop() noexcept {
  isStopped_ = true;
  ring(shared_.ticketBell);
}

bool Prints::wait(std::chrono::nanoseconds limit) const noexcept {
  const auto end = std::chrono::steady_clock::now() + limit;
  return std::all_of(tickets_.begin(), tickets_.end(), [&](const auto& one) {
    const auto left = std::max<std::chrono::nanoseconds>(end - std::chrono::steady_clock::now(), {});
    return one.first->wait(one.second, left);
  });
}

bool Prints::areWorthwhile() const noexcept {
  return tickets_.empty() || std::any_of(tickets_.begin(), tickets_.end(),
                                         [](const auto& one) { return one.first->isPrinted(one.second); });
}

}  // namespace vedette::link
