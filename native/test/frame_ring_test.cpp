// The frame ring: what a pipe brings arrives whole, the newest win, and frames in use are left alone.
#include "core/frame_ring.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "core/error.hpp"
#include "test/check.hpp"

using namespace vedette;
using namespace std::chrono_literals;

namespace {

constexpr RawFormat kFormat{PixelFormat::I420, 33, 17};
const std::size_t kBytes = pictureBytes(kFormat.pixels, kFormat.width, kFormat.height);

/// Counts the wakes and lets the test wait for them.
class Bell {
 public:
  void ring() {
    const std::lock_guard lock(mutex_);
    rung_ += 1;
    changed_.notify_all();
  }
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
      if (changed_.wait_until(lock, std::min(deadline, std::chrono::steady_clock::now() + 5ms)) ==
              std::cv_status::timeout &&
          std::chrono::steady_clock::now() > deadline) {
        return false;
      }
    }
    return true;
  }
  int rung() {
    const std::lock_guard lock(mutex_);
    return rung_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int rung_ = 0;
};

struct Pipe {
  Pipe() { CHECK(pipe2(ends, O_CLOEXEC) == 0); }
  ~Pipe() {
    close(ends[0]);
    closeWriter();
  }
  void write(const std::vector<std::byte>& bytes) const {
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t sent = ::write(ends[1], bytes.data() + at, bytes.size() - at);
      CHECK(sent > 0);
      if (sent <= 0) return;
      at += static_cast<std::size_t>(sent);
    }
  }
  void closeWriter() {
    if (ends[1] >= 0) close(ends[1]);
    ends[1] = -1;
  }
  int ends[2];
};

std::vector<std::byte> frameOf(int value) { return std::vector<std::byte>(kBytes, static_cast<std::byte>(value)); }

bool consistsOf(const RawFrame& frame, int value) {
  return frame.bytes == frameOf(value);
}

void framesArriveWholeWhateverTheChunks() {
  Pipe pipe;
  Bell bell;
  FrameRing ring(pipe.ends[0], kFormat, {2, 0ms}, [&] { bell.ring(); });
  std::mt19937 random(7);
  for (int i = 1; i <= 50; ++i) {
    const auto frame = frameOf(i);
    for (std::size_t at = 0; at < frame.size();) {
      const std::size_t length = std::min<std::size_t>(1 + random() % 400, frame.size() - at);
      pipe.write({frame.begin() + static_cast<std::ptrdiff_t>(at),
                  frame.begin() + static_cast<std::ptrdiff_t>(at + length)});
      at += length;
    }
    std::shared_ptr<const RawFrame> notice;
    CHECK(bell.wait([&] { return (notice = ring.takeNotice()) != nullptr; }));
    if (!notice) return;
    CHECK(notice->sequence == static_cast<std::uint64_t>(i));
    CHECK(consistsOf(*notice, i));
    CHECK(notice->unixMs > 1.6e12);
  }
}

void theNewestWinAndNoticesCoalesce() {
  Pipe pipe;
  Bell bell;
  FrameRing ring(pipe.ends[0], kFormat, {3, 0ms}, [&] { bell.ring(); });
  for (int i = 1; i <= 20; ++i) pipe.write(frameOf(i));
  CHECK(bell.wait([&] { return ring.find(20) != nullptr; }));
  CHECK(bell.rung() == 1);
  const auto newest = ring.takeNotice();
  CHECK(newest && newest->sequence == 20);
  CHECK(ring.takeNotice() == nullptr);
  CHECK(ring.find(18) && consistsOf(*ring.find(18), 18));
  CHECK(ring.find(17) == nullptr);
  CHECK(ring.find(0) == nullptr && ring.find(21) == nullptr);
}

void framesInUseAreLeftAlone() {
  Pipe pipe;
  Bell bell;
  FrameRing ring(pipe.ends[0], kFormat, {1, 0ms}, [&] { bell.ring(); });
  pipe.write(frameOf(1));
  CHECK(bell.wait([&] { return ring.find(1) != nullptr; }));
  const auto printed = ring.find(1);
  ring.taken(printed, 0);
  const auto leased = [&] {
    pipe.write(frameOf(2));
    CHECK(bell.wait([&] { return ring.find(2) != nullptr; }));
    return ring.find(2);
  }();
  for (int i = 3; i <= 30; ++i) pipe.write(frameOf(i));
  CHECK(bell.wait([&] { return ring.find(30) != nullptr; }));
  CHECK(leased && consistsOf(*leased, 2));
  CHECK(ring.find(1) == printed && consistsOf(*printed, 1));
  CHECK(ring.find(2) == nullptr);
  ring.taken(ring.find(30), 0);
  CHECK(ring.find(1) == nullptr);
  CHECK(ring.find(30) != nullptr);
}

void printedFramesAreHeldWhileTheyAreNeeded() {
  Pipe pipe;
  Bell bell;
  FrameRing ring(pipe.ends[0], kFormat, {3, 0ms}, [&] { bell.ring(); });
  for (int i = 1; i <= 6; ++i) {
    pipe.write(frameOf(i));
    CHECK(bell.wait([&] { return ring.find(static_cast<std::uint64_t>(i)) != nullptr; }));
    if (i != 3 && i != 5) ring.taken(ring.find(static_cast<std::uint64_t>(i)), i == 6 ? 4 : 0);
  }
  for (int i = 7; i <= 9; ++i) pipe.write(frameOf(i));
  CHECK(bell.wait([&] { return ring.find(9) != nullptr; }));
  CHECK(ring.find(2) == nullptr && ring.find(4) != nullptr && ring.find(6) != nullptr);
}

void theEndIsToldOnceWithItsLeftovers() {
  Pipe pipe;
  Bell bell;
  FrameRing ring(pipe.ends[0], kFormat, {1, 0ms}, [&] { bell.ring(); });
  pipe.write(frameOf(1));
  pipe.write(std::vector<std::byte>(100));
  pipe.closeWriter();
  std::optional<FrameRing::End> end;
  CHECK(bell.wait([&] { return (end = ring.takeEnd()).has_value(); }));
  CHECK(end && end->leftoverBytes == 100 && end->cause.empty());
  CHECK(!ring.takeEnd());
  CHECK(ring.find(1) != nullptr);
}

void aPatientRingKeepsTheWriterWaiting() {
  Pipe pipe;
  Bell bell;
  FrameRing ring(pipe.ends[0], kFormat, {1, 20s}, [&] { bell.ring(); });
  std::thread writer([&] {
    for (int i = 1; i <= 10; ++i) pipe.write(frameOf(i));
    pipe.closeWriter();
  });
  for (std::uint64_t i = 1; i <= 10; ++i) {
    std::shared_ptr<const RawFrame> notice;
    CHECK(bell.wait([&] { return (notice = ring.takeNotice()) != nullptr; }));
    if (!notice) break;
    CHECK(notice->sequence == i);
    ring.taken(notice, 0);
  }
  writer.join();
}

void closingNeverWaitsForTheWriter() {
  for (int i = 0; i < 50; ++i) {
    Pipe pipe;
    FrameRing ring(pipe.ends[0], kFormat, {1, i % 2 ? 20s : 0ms}, [] {});
    if (i % 3) pipe.write(frameOf(1));
    pipe.write(std::vector<std::byte>(10));
  }
}

void badArgumentsAreRefused() {
  Pipe pipe;
  CHECK_THROWS(FrameRing(-1, kFormat, {}, [] {}), Code::Defect);
  CHECK_THROWS(FrameRing(pipe.ends[0], {PixelFormat::RGB, 0, 4}, {}, [] {}), Code::Defect);
  CHECK_THROWS(FrameRing(pipe.ends[0], {PixelFormat::RGB, 4, kMaxSide + 1}, {}, [] {}), Code::Defect);
}

}  // namespace

int main() {
  return vedette::test::run({
      {"frames arrive whole whatever the chunks", framesArriveWholeWhateverTheChunks},
      {"the newest win and notices coalesce", theNewestWinAndNoticesCoalesce},
      {"frames in use are left alone", framesInUseAreLeftAlone},
      {"printed frames are held while they are needed", printedFramesAreHeldWhileTheyAreNeeded},
      {"the end is told once with its leftovers", theEndIsToldOnceWithItsLeftovers},
      {"a patient ring keeps the writer waiting", aPatientRingKeepsTheWriterWaiting},
      {"closing never waits for the writer", closingNeverWaitsForTheWriter},
      {"bad arguments are refused", badArgumentsAreRefused},
  });
}
