// Each case runs in a process of its own that confines itself and then tries what it gave up.
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "sandbox/confine.hpp"
#include "sandbox/landlock.hpp"
#include "sandbox/notify.hpp"
#include "sandbox/process.hpp"

using namespace vedette;

namespace {

/// Runs `body` in a child; it passes when no CHECK failed there.
void inChild(const std::function<void()>& body) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    test::failures = 0;
    body();
    std::fflush(nullptr);
    _exit(test::failures == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/// The error of a system call that must not work; 0 when it did.
template <class... Arguments>
int errorOf(long call, Arguments... arguments) {
  errno = 0;
  return syscall(call, arguments...) < 0 ? errno : 0;
}

int errorOfOpen(const char* path, int flags) {
  const int fd = open(path, flags, 0600);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}

void confineWith(const sandbox::Confinement& confinement) {
  for (const auto& [name, isApplied, remark] : sandbox::confine(confinement)) {
    if (name == "landlock" && sandbox::landlockAbi() == 0) continue;
    if (!isApplied || !remark.empty()) test::fail(__FILE__, __LINE__, (name + ": " + remark).c_str());
  }
}

void deniesSystemCalls() {
  inChild([] {
    confineWith({{"/usr", "/lib", "/lib64", "/proc"}, {}, {}, {}, {}});
    CHECK(errorOf(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0) == EPERM);
    CHECK(errorOf(SYS_process_vm_readv, getppid(), nullptr, 0, nullptr, 0, 0) == EPERM);
    CHECK(errorOf(SYS_mount, "none", "/tmp", "tmpfs", 0, nullptr) == EPERM);
    CHECK(errorOf(SYS_umount2, "/tmp", 0) == EPERM);
    CHECK(errorOf(SYS_chroot, "/tmp") == EPERM);
    CHECK(errorOf(SYS_bpf, 0, nullptr, 0) == EPERM);
    CHECK(errorOf(SYS_kexec_load, 0, 0, nullptr, 0) == EPERM);
    CHECK(errorOf(SYS_finit_module, -1, "", 0) == EPERM);
    CHECK(errorOf(SYS_init_module, nullptr, 0, "") == EPERM);
    CHECK(errorOf(SYS_delete_module, "none", 0) == EPERM);
    CHECK(errorOf(SYS_keyctl, 0, 0, 0, 0, 0) == EPERM);
    CHECK(errorOf(SYS_perf_event_open, nullptr, 0, -1, -1, 0) == EPERM);
    CHECK(errorOf(SYS_userfaultfd, 0) == EPERM);
    CHECK(errorOf(SYS_io_uring_setup, 1, nullptr) == EPERM);
    CHECK(errorOf(SYS_unshare, 0) == EPERM);
    CHECK(errorOf(SYS_setns, -1, 0) == EPERM);
    CHECK(errorOf(SYS_reboot, 0, 0, 0, nullptr) == EPERM);
    CHECK(errorOf(SYS_sethostname, "x", 1) == EPERM);
    CHECK(errorOf(SYS_clock_settime, 0, nullptr) == EPERM);
    CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    rlimit core{};
    getrlimit(RLIMIT_CORE, &core);
    CHECK(core.rlim_max == 0);
  });
}

void deniesPrograms() {
  inChild([] {
    confineWith({{"/usr", "/lib", "/lib64", "/proc", "/bin"}, {}, {}, {}, {}});
    char* const none[] = {nullptr};
    errno = 0;
    CHECK(execve("/bin/true", none, none) < 0 && errno == EPERM);
    errno = 0;
    CHECK(fork() < 0 && errno == EPERM);
    bool ran = false;
    std::thread([&] { ran = true; }).join();
    CHECK(ran);
  });
}

void allowsOneProgram() {
  inChild([] {
    if (sandbox::landlockAbi() == 0) return;
    confineWith({{"/usr", "/lib", "/lib64", "/proc", "/bin"}, {}, {"/usr/bin/true"}, {}, {}});
    const auto statusOf = [](const char* program) {
      const pid_t child = fork();
      if (child == 0) {
        char* const arguments[] = {const_cast<char*>(program), nullptr};
        char* const none[] = {nullptr};
        execve(program, arguments, none);
        _exit(errno);
      }
      int status = 0;
      waitpid(child, &status, 0);
      return WEXITSTATUS(status);
    };
    CHECK(statusOf("/usr/bin/true") == 0);
    CHECK(statusOf("/usr/bin/id") == EACCES);
  });
}

void deniesFiles() {
  char folder[] = "/tmp/vedette-sandbox-XXXXXX";
  CHECK(mkdtemp(folder) != nullptr);
  const std::string inside = std::string(folder) + "/file";
  inChild([&] {
    if (sandbox::landlockAbi() == 0) return;
    confineWith({{"/usr", "/proc"}, {folder, "/dev/null"}, {}, {}, {}});
    CHECK(errorOfOpen("/etc/passwd", O_RDONLY) == EACCES);
    CHECK(errorOfOpen("/usr/new-file", O_WRONLY | O_CREAT) == EACCES);
    CHECK(errorOfOpen("/tmp/vedette-other", O_WRONLY | O_CREAT) == EACCES);
    CHECK(errorOfOpen("/usr/bin/env", O_RDONLY) == 0);
    CHECK(errorOfOpen("/dev/null", O_RDWR) == 0);
    CHECK(errorOfOpen(inside.c_str(), O_RDWR | O_CREAT) == 0);
    CHECK(unlink(inside.c_str()) == 0);
    const int memory = memfd_create("test", 0);
    CHECK(memory >= 0 && ftruncate(memory, 4096) == 0);
  });
  rmdir(folder);
}

/// A thread that ran before is bound like the one that asked, and still works.
void bindsThreadsThatRanBefore() {
  inChild([] {
    std::atomic<bool> confined = false;
    int fileError = 0;
    int callError = 0;
    std::thread before([&] {
      while (!confined) std::this_thread::yield();
      fileError = errorOfOpen("/etc/passwd", O_RDONLY);
      callError = errorOf(SYS_unshare, 0);
    });
    confineWith({{"/proc"}, {}, {}, {}, {}});
    confined = true;
    before.join();
    CHECK(callError == EPERM);
    CHECK(fileError == (sandbox::landlockAbi() == 0 ? 0 : EACCES));
  });
}

/// They block all signals until they have started, as others do for good.
void bindsThreadsThatWereStarting() {
  inChild([] {
    std::atomic<bool> confined = false;
    std::atomic<int> bound = 0;
    std::vector<std::thread> starting;
    for (int i = 0; i < 64; ++i) {
      starting.emplace_back([&] {
        while (!confined) usleep(1000);
        bound += errorOfOpen("/etc/passwd", O_RDONLY) == EACCES ? 1 : 0;
      });
    }
    confineWith({{"/proc"}, {}, {}, {}, {}});
    confined = true;
    for (auto& thread : starting) thread.join();
    CHECK(bound == (sandbox::landlockAbi() == 0 ? 0 : 64));
  });
}

int connectError(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  errno = 0;
  connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  close(fd);
  return error;
}

void deniesNetwork() {
  inChild([] {
    confineWith({{}, {}, {}, std::vector<std::uint16_t>{9}, {}});
    CHECK(errorOf(SYS_socket, AF_PACKET, SOCK_RAW, 0) == EAFNOSUPPORT);
    CHECK(errorOf(SYS_socket, AF_VSOCK, SOCK_STREAM, 0) == EAFNOSUPPORT);
    if (sandbox::landlockAbi() < 4) return;
    CHECK(connectError(9) == ECONNREFUSED);
    CHECK(connectError(10) == EACCES);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    CHECK(bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof(any)) < 0 && errno == EACCES);
  });
}

void reachesNobodyOutside() {
  inChild([] {
    if (sandbox::landlockAbi() < 6) return;
    confineWith({{}, {}, {}, {}, {}});
    CHECK(kill(getppid(), 0) < 0 && errno == EPERM);
    CHECK(kill(getpid(), 0) == 0);
  });
}

void notifies() {
  const std::string name = "@vedette-test-" + std::to_string(getpid());
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  address.sun_path[0] = '\0';
  CHECK(bind(fd, reinterpret_cast<const sockaddr*>(&address),
             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) == 0);
  CHECK(sandbox::notifyService(name, "READY=1"));
  char received[16] = {};
  CHECK(recv(fd, received, sizeof(received), 0) == 7 && std::string(received) == "READY=1");
  close(fd);
  CHECK(!sandbox::notifyService(name, "READY=1"));
  CHECK(!sandbox::notifyService("", "READY=1"));
  CHECK(!sandbox::notifyService(std::string(200, 'x'), "READY=1"));
}

void diesWithParent() {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t parent = fork();
  if (parent == 0) {
    const pid_t self = getpid();
    if (fork() == 0) {
      sandbox::dieWithParent(self);
      CHECK(write(ends[1], "x", 1) == 1);
      pause();
    }
    char ready = 0;
    _exit(read(ends[0], &ready, 1) == 1 ? 0 : 1);
  }
  int status = 0;
  waitpid(parent, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  close(ends[1]);
  // The grandchild holds the other writing end until it is dead.
  char nothing = 0;
  CHECK(read(ends[0], &nothing, 1) == 0);
  close(ends[0]);

  const pid_t orphan = fork();
  if (orphan == 0) {
    sandbox::dieWithParent(1'000'000);
    _exit(0);
  }
  waitpid(orphan, &status, 0);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/// Malloc's arenas after eight threads held memory at once.
int arenasOfThreads() {
  constexpr int kThreads = 8;
  std::barrier all(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&all] {
      const std::vector<char> held(1000);
      all.arrive_and_wait();
    });
  }
  for (std::thread& thread : threads) thread.join();
  char* text = nullptr;
  std::size_t length = 0;
  FILE* stream = open_memstream(&text, &length);
  malloc_info(0, stream);
  std::fclose(stream);
  int arenas = 0;
  for (const char* at = text; (at = std::strstr(at, "<heap nr=")) != nullptr; ++at) ++arenas;
  std::free(text);
  return arenas;
}

void keepsLittle() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  inChild([] { CHECK(arenasOfThreads() > 2); });
#endif
  inChild([] {
    sandbox::keepLittle();
    CHECK(arenasOfThreads() <= 2);
  });
}

}  // namespace

int main() {
  std::printf("Landlock ABI %d\n", sandbox::landlockAbi());
  return test::run({
      {"denies system calls that decoding never needs", deniesSystemCalls},
      {"starts no program and no process", deniesPrograms},
      {"starts the one program that it may", allowsOneProgram},
      {"reads and writes only what is listed", deniesFiles},
      {"binds threads that ran before", bindsThreadsThatRanBefore},
      {"binds threads that were starting", bindsThreadsThatWereStarting},
      {"connects only where it may, listens nowhere", deniesNetwork},
      {"sends signals to nobody outside", reachesNobodyOutside},
      {"notifies an abstract socket", notifies},
      {"dies with its parent", diesWithParent},
      {"keeps two malloc arenas for any number of threads", keepsLittle},
  });
}
