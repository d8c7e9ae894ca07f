#include "sandbox/landlock.hpp"

#include <elf.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/error.hpp"
#include "sandbox/file_descriptor.hpp"

namespace vedette::sandbox {

namespace {

// The kernel's numbers (linux/landlock.h), declared here because Debian 12's header ends with ABI 2.
namespace abi {
constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr unsigned kVersionFlag = 1;
constexpr int kPathBeneath = 1;
constexpr int kNetPort = 2;

constexpr std::uint64_t kExecute = 1 << 0;
constexpr std::uint64_t kWriteFile = 1 << 1;
constexpr std::uint64_t kReadFile = 1 << 2;
constexpr std::uint64_t kReadFolder = 1 << 3;
constexpr std::uint64_t kUpToMakeSymlink = (1 << 13) - 1;  // ABI 1
constexpr std::uint64_t kRefer = 1 << 13;                  // ABI 2
constexpr std::uint64_t kTruncate = 1 << 14;               // ABI 3
constexpr std::uint64_t kDeviceControl = 1 << 15;          // ABI 5
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceControl;

constexpr std::uint64_t kBind = 1 << 0;  // ABI 4
constexpr std::uint64_t kConnect = 1 << 1;
constexpr std::uint64_t kAbstractSocketsAndSignals = 3;  // ABI 6

struct Ruleset {
  std::uint64_t files;
  std::uint64_t network;
  std::uint64_t scoped;
};
struct PathRule {
  std::uint64_t allowed;
  std::int32_t parent;
} __attribute__((packed));
struct PortRule {
  std::uint64_t allowed;
  std::uint64_t port;
};
}  // namespace abi

constexpr int kSignal = 60;  // a real-time signal that neither Node nor the C library uses
constexpr int kOfLibrary = 33;  // SIGSETXID of glibc

abi::Ruleset handledBy(int version, bool ports) {
  abi::Ruleset handled{abi::kUpToMakeSymlink, 0, 0};
  if (version >= 2) handled.files |= abi::kRefer;
  if (version >= 3) handled.files |= abi::kTruncate;
  if (version >= 4) handled.network = abi::kBind | (ports ? abi::kConnect : 0);
  if (version >= 5) handled.files |= abi::kDeviceControl;
  if (version >= 6) handled.scoped = abi::kAbstractSocketsAndSignals;
  return handled;
}

/// Older kernels refuse a structure whose unknown part they would have to ignore.
std::size_t sizeFor(int version) {
  if (version >= 6) return sizeof(abi::Ruleset);
  return version >= 4 ? offsetof(abi::Ruleset, scoped) : offsetof(abi::Ruleset, network);
}

class Rules {
 public:
  Rules(int ruleset, std::uint64_t handled) : ruleset_(ruleset), handled_(handled) {}

  void allow(const std::string& path, std::uint64_t access) {
    const FileDescriptor fd(open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat facts {};
    if (fd.get() < 0 || fstat(fd.get(), &facts) != 0) return;
    if (!S_ISDIR(facts.st_mode)) access &= abi::kOfFiles;
    const abi::PathRule rule{access & handled_, fd.get()};
    if (syscall(abi::kAddRule, ruleset_, abi::kPathBeneath, &rule, 0) != 0) {
      throw Error(Code::Defect, systemCause("landlock rule for " + path));
    }
  }

  void allowPort(std::uint16_t port) {
    const abi::PortRule rule{abi::kConnect, port};
    if (syscall(abi::kAddRule, ruleset_, abi::kNetPort, &rule, 0) != 0) {
      throw Error(Code::Defect, systemCause("landlock rule for port " + std::to_string(port)));
    }
  }

 private:
  const int ruleset_;
  const std::uint64_t handled_;
};

/// The dynamic loader that a program names; the kernel executes it, too. Empty for a static program or a script.
std::string loaderOf(const std::string& program) {
  std::ifstream file(program, std::ios::binary);
  Elf64_Ehdr header{};
  if (!file.read(reinterpret_cast<char*>(&header), sizeof(header)) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return "";
  }
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part{};
    file.seekg(static_cast<std::streamoff>(header.e_phoff + static_cast<std::size_t>(i) * sizeof(part)));
    if (!file.read(reinterpret_cast<char*>(&part), sizeof(part))) return "";
    if (part.p_type != PT_INTERP || part.p_filesz == 0 || part.p_filesz > 4096) continue;
    std::string loader(part.p_filesz - 1, '\0');
    file.seekg(static_cast<std::streamoff>(part.p_offset));
    return file.read(loader.data(), static_cast<std::streamsize>(loader.size())) ? loader : "";
  }
  return "";
}

void allowAll(Rules& rules, const Confinement& confinement, bool ports) {
  for (const auto& path : confinement.readable) rules.allow(path, abi::kReadFile | abi::kReadFolder);
  for (const auto& path : confinement.writable) rules.allow(path, ~abi::kExecute);
  for (const auto& program : confinement.executable) {
    rules.allow(program, abi::kExecute | abi::kReadFile);
    if (const auto loader = loaderOf(program); !loader.empty()) rules.allow(loader, abi::kExecute | abi::kReadFile);
  }
  if (!ports) return;
  for (const auto port : *confinement.tcpPorts) rules.allowPort(port);
}

/// Hands the ruleset to the other threads: Landlock binds a thread and those it starts later, and Node has started some.
namespace others {

int ruleset = -1;
sem_t done;
volatile std::sig_atomic_t failures = 0;

void restrictThisThread(int) {
  const int saved = errno;
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (syscall(abi::kRestrictSelf, ruleset, 0) != 0) failures = failures + 1;
  sem_post(&done);
  errno = saved;
}

bool isBlocked(std::uint64_t signals, int signal) { return (signals >> (signal - 1) & 1) != 0; }

/// None when the thread is gone.
std::uint64_t blockedSignals(pid_t thread) {
  std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("SigBlk:")) return std::stoull(line.substr(7), nullptr, 16);
  }
  return 0;
}

/**
 * The C library blocks all signals in a thread until it has started, also its own, which nobody else can block: such a thread
 * gets a tenth of a second. One that blocks signals itself, like Node's for SIGUSR1, may do so for a moment only.
 */
bool acceptsSignal(pid_t thread) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::uint64_t blocked = blockedSignals(thread);
    if (!isBlocked(blocked, kSignal)) return true;
    if (attempt >= 2 && !isBlocked(blocked, kOfLibrary)) return false;
    usleep(1000);
  }
  return false;
}

bool answers() {
  timespec limit{};
  clock_gettime(CLOCK_REALTIME, &limit);
  limit.tv_sec += 1;
  while (sem_timedwait(&done, &limit) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

/// How many threads could not be reached.
int restrictAll(int fd) {
  ruleset = fd;
  sem_init(&done, 0, 0);
  struct sigaction action {};
  action.sa_handler = restrictThisThread;
  action.sa_flags = SA_RESTART;
  sigaction(kSignal, &action, nullptr);
  const auto self = static_cast<pid_t>(syscall(SYS_gettid));
  std::set<pid_t> seen{self};
  int missed = 0;
  for (std::size_t before = 0; before != seen.size();) {
    before = seen.size();
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
      const pid_t thread = std::stoi(entry.path().filename().string());
      if (!seen.insert(thread).second) continue;
      if (!acceptsSignal(thread)) {
        ++missed;
      } else if (syscall(SYS_tgkill, getpid(), thread, kSignal) == 0 && !answers()) {
        ++missed;
      }
    }
  }
  return missed + failures;
}

}  // namespace others

}  // namespace

int landlockAbi() noexcept {
  const long version = syscall(abi::kCreateRuleset, nullptr, 0, abi::kVersionFlag);
  return version > 0 ? static_cast<int>(version) : 0;
}

Measure applyLandlock(const Confinement& confinement) {
  const auto failed = [](std::string problem) { return Measure{"landlock", false, std::move(problem)}; };
  const int version = landlockAbi();
  if (version == 0) return failed("this kernel has no Landlock");
  const bool ports = confinement.tcpPorts && version >= 4;
  const abi::Ruleset handled = handledBy(version, ports);
  const FileDescriptor ruleset(static_cast<int>(syscall(abi::kCreateRuleset, &handled, sizeFor(version), 0)));
  if (ruleset.get() < 0) return failed(systemCause("landlock_create_ruleset"));
  try {
    Rules rules(ruleset.get(), handled.files);
    allowAll(rules, confinement, ports);
  } catch (const Error& error) {
    return failed(error.detail().front().second);
  }
  // Other threads first: what this one loses it would need to find them.
  const int missed = others::restrictAll(ruleset.get());
  if (syscall(abi::kRestrictSelf, ruleset.get(), 0) != 0) return failed(systemCause("landlock_restrict_self"));
  std::string remark;
  if (missed > 0) remark = std::to_string(missed) + " thread(s) that take no signals are not bound; ";
  if (confinement.tcpPorts && !ports) remark += "this kernel cannot restrict TCP ports; ";
  return {"landlock", true, remark.substr(0, remark.empty() ? 0 : remark.size() - 2)};
}

}  // namespace vedette::sandbox
