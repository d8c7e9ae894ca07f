#include "ort/exit.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace vedette::ort {

namespace {

std::atomic<int> inside = 0;
std::atomic<int> opening = 0;
std::atomic<bool> isExiting = false;

/// Either this sees the thread that is inside, or that thread sees the flag and stays outside.
void leave(int status, void*) {
  isExiting = true;
  if (inside == 0) return;
  std::fflush(nullptr);
  _exit(status);
}

}  // namespace

Inside::Inside(Work work) noexcept : work_(work) {
  if (work_ == Work::Opening) ++opening;
  ++inside;
  while (isExiting) pause();
}

Inside::~Inside() {
  --inside;
  if (work_ == Work::Opening) --opening;
}

void prepareExit() noexcept {
  // The first session makes statics of ONNX Runtime, whose destructors would come before ours if they were registered
  // after it: exit() goes from the newest to the oldest.
  for (int waitedMs = 0; opening > 0 && waitedMs < 1000; ++waitedMs) usleep(1000);
  on_exit(leave, nullptr);
}

}  // namespace vedette::ort
