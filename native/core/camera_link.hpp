// What the agent and one camera process tell each other about frames, in memory that both map: tickets one way, answers and
// notices the other. No message, no JavaScript in the camera process.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/motion.hpp"
#include "core/print.hpp"

namespace vedette::link {

/// "Print frame `sequence`", or let it go: `Ticket` of src/contracts/ticket.ts.
struct Ticket {
  enum class Kind : std::uint8_t { Print, Pass };
  Kind kind = Kind::Print;
  bool orNewer = false;
  /// JavaScript of the agent wants to hear of the answer; else only a session waits for it.
  bool isHeard = false;
  std::uint64_t sequence = 0;
  /// No frame before this one will be asked for again; 0: any may be.
  std::uint64_t neededFrom = 0;
  Rectangle rectangle{};
  PrintFormat format{};
  std::uint64_t offset = 0;
};

enum class Outcome : std::uint8_t { Printed, FrameGone, BadTicket, MapFailed };

/// Numbers only, in the order in which src/native/camera-link.ts reads them.
struct Answer {
  double outcome = 0;
  double x = 0, y = 0, w = 0, h = 0;
  double tookUs = 0;
  double isNewer = 0;
  double sequence = 0, ptsNs = 0, captureMs = 0;

  static Answer refused(Outcome cause) noexcept;
  bool isPrinted() const noexcept;
};

/// A frame that can be printed. Numbers only, in the order in which src/native/camera-link.ts reads them.
struct Notice {
  struct Change {
    std::array<double, 4> box;
    double ageMs;
    double kind;
  };
  double sequence = 0, ptsNs = 0, captureMs = 0, isRtcp = 0;
  double widthPx = 0, heightPx = 0, skipped = 0;
  double motion = 1;
  /// -1: not measured.
  double boxCount = -1;
  std::array<std::array<double, 4>, kMostMotionBoxes> boxes{};
  double changeCount = -1;
  std::array<Change, kMostBackgroundChanges> changes{};
  /// As in MotionReading; also while nothing is measured.
  double cameraShiftX = 0, cameraShiftY = 0;

  void setMotion(const MotionReading& reading) noexcept;
};

inline constexpr std::size_t kAnswerNumbers = sizeof(Answer) / sizeof(double);
inline constexpr std::size_t kNoticeNumbers = sizeof(Notice) / sizeof(double);

/// More are not under way at once; what is beyond is refused, or told of later.
inline constexpr std::uint32_t kTickets = 128;
inline constexpr std::uint32_t kNotices = 16;

struct Shared;
std::size_t sharedBytes() noexcept;

/// The agent's end. Whatever the camera process writes, nothing here reads beyond the memory, waits for ever or believes a
/// count: a process whose counts are impossible is `broken`, and its numbers are for the caller to judge.
///
/// Owns:    nothing; the memory must outlive it.
/// Threads: `wait`, `isAnswered`, `isPrinted` and `close` from any, `listen` on one, the rest on another one.
/// Fails:   never.
/// Cost:    one system call per ticket, none per answer or notice.
class AgentEnd final {
 public:
  /// Fresh, zeroed memory. `first` is where the counts begin, which wrap around.
  explicit AgentEnd(std::span<std::byte> memory, std::uint32_t first = 0);

  /// The ticket's number; nothing when the link is closed or as many as fit wait for their answers to be taken.
  std::optional<std::uint32_t> ask(const Ticket& ticket) noexcept;
  bool isAnswered(std::uint32_t ticket) const noexcept;
  /// True when the ticket is answered or never will be; waits up to `limit` for that.
  bool wait(std::uint32_t ticket, std::chrono::nanoseconds limit) noexcept;
  bool isPrinted(std::uint32_t ticket) const noexcept;
  /// Once per ticket. Of one that is not answered: that the frame is gone.
  Answer take(std::uint32_t ticket) noexcept;
  /// How many were asked for and not answered.
  std::uint32_t waiting() noexcept;

  std::optional<Notice> takeNotice() noexcept;
  /// Waits until there may be a notice or an answer that is to be heard of; false when the link is closed.
  bool listen() noexcept;

  /// The process is gone: nothing more will be answered.
  void close() noexcept;
  bool isBroken() const noexcept { return isBroken_; }

 private:
  void distrust() noexcept;

  // Given.
  Shared& shared_;
  // State.
  std::uint32_t asked_;
  std::uint32_t heard_;
  std::uint32_t rung_ = 0;
  std::array<bool, kTickets> isTaken_{};
  std::atomic<bool> isClosed_{false};
  std::atomic<bool> isBroken_{false};
};

/// The camera process's end.
///
/// Owns:    nothing; the memory must outlive it.
/// Threads: `tell` on one thread at a time, `take` and `answer` on another one, `stop` from any.
/// Fails:   never.
/// Cost:    one system call per answer and per notice.
class CameraEnd final {
 public:
  explicit CameraEnd(std::span<std::byte> memory);

  /// False when the agent has not read the last `kNotices`.
  bool tell(const Notice& notice) noexcept;
  /// The oldest ticket that is not answered; nothing when there is none within `limit`, or after `stop`.
  std::optional<Ticket> take(std::chrono::nanoseconds limit) noexcept;
  /// To what `take` gave last.
  void answer(const Ticket& ticket, const Answer& answer) noexcept;
  void stop() noexcept;
  bool isStopped() const noexcept { return isStopped_; }

 private:
  // Given.
  Shared& shared_;
  // State.
  std::uint32_t answered_;
  std::uint32_t told_;
  std::atomic<bool> isStopped_{false};
};

/// The tickets that a run waits for.
class Prints final {
 public:
  void add(std::shared_ptr<AgentEnd> end, std::uint32_t ticket) { tickets_.emplace_back(std::move(end), ticket); }
  /// True when each is answered or never will be; waits up to `limit` for that.
  bool wait(std::chrono::nanoseconds limit) const noexcept;
  /// False when there were tickets and nothing was printed for any.
  bool areWorthwhile() const noexcept;

 private:
  std::vector<std::pair<std::shared_ptr<AgentEnd>, std::uint32_t>> tickets_;
};

}  // namespace vedette::link
