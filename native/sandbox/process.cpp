#include "sandbox/process.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

namespace vedette::sandbox {

void dieWithParent(pid_t parent) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) raise(SIGKILL);
}

void setName(const std::string& name) noexcept { prctl(PR_SET_NAME, name.c_str()); }

}  // namespace vedette::sandbox
