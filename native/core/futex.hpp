// Waiting for a word of shared memory to change: the kernel finds the waiters by the page, so they may live in other processes.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>

namespace vedette {

using FutexWord = std::atomic<std::uint32_t>;
static_assert(FutexWord::is_always_lock_free && sizeof(FutexWord) == 4);

/// Returns when somebody wakes, when `word` is not `seen` any more, after `limit`, or for no reason.
inline void futexWait(FutexWord& word, std::uint32_t seen, std::chrono::nanoseconds limit) noexcept {
  constexpr long kNsPerSecond = 1'000'000'000;
  const timespec time{static_cast<std::time_t>(limit.count() / kNsPerSecond), limit.count() % kNsPerSecond};
  syscall(SYS_futex, &word, FUTEX_WAIT, seen, &time, nullptr, 0);
}

inline void futexWake(FutexWord& word) noexcept { syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

}  // namespace vedette
