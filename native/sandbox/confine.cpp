#include "sandbox/confine.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "core/error.hpp"
#include "sandbox/landlock.hpp"
#include "sandbox/seccomp.hpp"

namespace vedette::sandbox {

namespace {

Measure measure(const char* name, const std::string& problem) { return {name, problem.empty(), problem}; }

std::string noNewPrivileges() {
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? "" : systemCause("PR_SET_NO_NEW_PRIVS");
}

std::string limit(decltype(RLIMIT_CORE) resource, rlim_t most, const char* name) {
  rlimit now{};
  if (getrlimit(resource, &now) != 0) return systemCause(name);
  const rlim_t value = now.rlim_max == RLIM_INFINITY || now.rlim_max > most ? most : now.rlim_max;
  const rlimit next{value, value};
  return setrlimit(resource, &next) == 0 ? "" : systemCause(name);
}

}  // namespace

std::vector<Measure> confine(const Confinement& confinement) {
  std::vector<Measure> measures;
  measures.push_back(measure("no_new_privileges", noNewPrivileges()));
  // A core file would hold frames and credentials; locked memory and message queues are kernel memory of others.
  measures.push_back(measure("limit_core", limit(RLIMIT_CORE, 0, "RLIMIT_CORE")));
  measures.push_back(measure("limit_memlock", limit(RLIMIT_MEMLOCK, 64 * 1024, "RLIMIT_MEMLOCK")));
  measures.push_back(measure("limit_msgqueue", limit(RLIMIT_MSGQUEUE, 0, "RLIMIT_MSGQUEUE")));
  if (confinement.dataBytes) {
    measures.push_back(measure("limit_data", limit(RLIMIT_DATA, *confinement.dataBytes, "RLIMIT_DATA")));
  }
  measures.push_back(applyLandlock(confinement));
  // Last: it takes away calls that the ones before it need.
  measures.push_back(measure("seccomp", applySeccomp(!confinement.executable.empty())));
  return measures;
}

}  // namespace vedette::sandbox
