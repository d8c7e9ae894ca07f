#include "sandbox/process.hpp"

#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

namespace vedette::sandbox {

namespace {

constexpr int kMallocArenas = 2;
constexpr int kLargeBlock = 256 * 1024;

}  // namespace

void dieWithParent(pid_t parent) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) raise(SIGKILL);
}

void keepLittle() noexcept {
  mallopt(M_ARENA_MAX, kMallocArenas);
  mallopt(M_MMAP_THRESHOLD, kLargeBlock);
}

void setName(const std::string& name) noexcept { prctl(PR_SET_NAME, name.c_str()); }

}  // namespace vedette::sandbox
