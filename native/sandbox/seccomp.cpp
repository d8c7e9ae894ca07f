#include "sandbox/seccomp.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/error.hpp"

namespace vedette::sandbox {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the seccomp filter knows x86_64 and aarch64"
#endif

// Newer than the kernel headers of the oldest supported system; numbers are the same on all architectures.
constexpr int kMountSetattr = 442;
constexpr int kProcessMadvise = 440;
constexpr int kPidfdGetfd = 438;

constexpr int kDenied[] = {
    // Other processes.
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, kPidfdGetfd, kProcessMadvise,
    // What the machine is made of.
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig,
    SYS_fsmount, SYS_fspick, kMountSetattr, SYS_swapon, SYS_swapoff, SYS_reboot, SYS_kexec_load, SYS_kexec_file_load,
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_quotactl, SYS_acct, SYS_syslog, SYS_settimeofday,
    SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname, SYS_vhangup, SYS_mknodat,
    // Namespaces.
    SYS_unshare, SYS_setns,
    // Kernel interfaces with a long record of faults, none of which decoding needs.
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup, SYS_keyctl, SYS_add_key, SYS_request_key,
    SYS_personality, SYS_lookup_dcookie, SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_fanotify_init,
#ifdef __x86_64__
    SYS_iopl, SYS_ioperm, SYS_mknod, SYS_modify_ldt,
#endif
};

constexpr int kStarting[] = {
    SYS_execve,
    SYS_execveat,
#ifdef __x86_64__
    SYS_fork,
    SYS_vfork,
#endif
};

constexpr int kFamilies[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

/// Writes the program from front to back; every test jumps over the one instruction that follows it.
class Filter {
 public:
  void add(std::uint16_t code, std::uint32_t k, std::uint8_t ifTrue = 0, std::uint8_t ifFalse = 0) {
    code_.push_back({code, ifTrue, ifFalse, k});
  }
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void loadArgument(int index) {
    // The low half, on little-endian machines, which both architectures are.
    load(offsetof(seccomp_data, args) + sizeof(std::uint64_t) * static_cast<std::size_t>(index));
  }
  void loadCall() { load(offsetof(seccomp_data, nr)); }
  void result(std::uint32_t value) { add(BPF_RET | BPF_K, value); }
  void fail(int error) { result(SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)); }
  void failIf(int call, int error) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1);
    fail(error);
  }
  std::vector<sock_filter>& code() { return code_; }

 private:
  std::vector<sock_filter> code_;
};

void checkArchitecture(Filter& filter) {
  filter.load(offsetof(seccomp_data, arch));
  filter.add(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
  filter.fail(ENOSYS);
  filter.loadCall();
#ifdef __x86_64__
  // The x32 calls are the same ones under other numbers.
  filter.add(BPF_JMP | BPF_JGE | BPF_K, 0x40000000u, 0, 1);
  filter.fail(ENOSYS);
#endif
}

void denyFamilies(Filter& filter) {
  constexpr auto count = static_cast<std::uint8_t>(std::size(kFamilies));
  // load, one test per family, the failure
  filter.add(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, count + 2);
  filter.loadArgument(0);
  for (std::uint8_t i = 0; i < count; ++i) {
    const auto left = static_cast<std::uint8_t>(count - i - 1);
    filter.add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(kFamilies[i]), left + 1, 0);
  }
  filter.fail(EAFNOSUPPORT);
  filter.loadCall();
}

/// Typing into the terminal that the agent was started from.
void denyTerminalInput(Filter& filter) {
  filter.add(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3);
  filter.loadArgument(1);
  filter.failIf(TIOCSTI, EPERM);
  filter.loadCall();
}

void denyStarting(Filter& filter) {
  for (const int call : kStarting) filter.failIf(call, EPERM);
  // Its flags are in memory, where a filter cannot look; the C library then falls back to clone.
  filter.failIf(SYS_clone3, ENOSYS);
  filter.add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
  filter.loadArgument(0);
  filter.add(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
  filter.fail(EPERM);
  filter.loadCall();
}

}  // namespace

std::string applySeccomp(bool mayStart) {
  Filter filter;
  checkArchitecture(filter);
  for (const int call : kDenied) filter.failIf(call, EPERM);
  denyFamilies(filter);
  denyTerminalInput(filter);
  if (!mayStart) denyStarting(filter);
  filter.result(SECCOMP_RET_ALLOW);
  const sock_fprog program{static_cast<unsigned short>(filter.code().size()), filter.code().data()};
  const long failed = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  if (failed == 0) return "";
  if (failed > 0) return "thread " + std::to_string(failed) + " has a filter of its own";
  return systemCause("seccomp");
}

}  // namespace vedette::sandbox
