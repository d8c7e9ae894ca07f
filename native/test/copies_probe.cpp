// Preloaded into a process, counts what is copied there, by the library that does it: bytes through memcpy and its kin, through
// read and write and their kin, and of GStreamer buffers that are mapped to be written. Knows nothing of Vedette's own counters.
//
// LD_PRELOAD=…/libcopies_probe.so VEDETTE_COPIES=FOLDER: rows grow in FOLDER/PID while the process runs. Copies below
// `kLeast` bytes are not counted; a loop of a program's own is not seen, except that what it fills may be a mapped buffer.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

/// Less than a row of the chroma of a small picture; most of what programs copy is smaller.
constexpr std::size_t kLeast = 256;
/// Mapped buffers below are packets, not pictures.
constexpr std::size_t kPicture = 64 * 1024;
constexpr std::size_t kRows = 128;
constexpr std::size_t kKnown = 4096;

/// Read by the test in this layout, little endian.
struct Row {
  char library[64];
  std::atomic<std::uint64_t> copied;
  std::atomic<std::uint64_t> moved;
  std::atomic<std::uint64_t> mapped;
  std::atomic<std::uint64_t> unused;
};
static_assert(sizeof(Row) == 96);

Row* g_rows = nullptr;
std::atomic<std::size_t> g_used{0};
std::atomic_flag g_adding = ATOMIC_FLAG_INIT;

struct Known {
  std::atomic<const void*> caller;
  std::atomic<Row*> row;
};
std::array<Known, kKnown> g_known;

thread_local bool t_busy __attribute__((tls_model("initial-exec"))) = false;
thread_local const void* t_mapped __attribute__((tls_model("initial-exec"))) = nullptr;

Row* named(const char* library) {
  while (g_adding.test_and_set(std::memory_order_acquire)) {
  }
  Row* row = nullptr;
  const std::size_t used = g_used.load();
  for (std::size_t at = 0; at < used && row == nullptr; ++at) {
    if (std::strncmp(g_rows[at].library, library, sizeof(Row::library) - 1) == 0) row = &g_rows[at];
  }
  if (row == nullptr && used < kRows) {
    row = &g_rows[used];
    std::strncpy(row->library, library, sizeof(Row::library) - 1);
    g_used = used + 1;
  }
  g_adding.clear(std::memory_order_release);
  return row;
}

/// The row of the library that `caller` lies in; null before the folder is open, and while looking.
Row* rowOf(const void* caller) {
  if (g_rows == nullptr || t_busy) return nullptr;
  Known& known = g_known[(reinterpret_cast<std::uintptr_t>(caller) >> 2) % kKnown];
  if (known.caller.load(std::memory_order_acquire) == caller) return known.row.load(std::memory_order_relaxed);
  t_busy = true;
  Dl_info info{};
  const char* path = dladdr(caller, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "?";
  const char* name = std::strrchr(path, '/');
  Row* row = named(name == nullptr ? path : name + 1);
  known.row.store(row, std::memory_order_relaxed);
  known.caller.store(caller, std::memory_order_release);
  t_busy = false;
  return row;
}

template <typename Function>
Function next(const char* name, const char* library = nullptr) {
  void* found = dlsym(RTLD_NEXT, name);
  // Libraries that an addon brings are not in the global scope.
  if (found == nullptr && library != nullptr) {
    void* handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
    if (handle != nullptr) found = dlsym(handle, name);
  }
  return reinterpret_cast<Function>(found);
}

using Copy = void* (*)(void*, const void*, std::size_t);
Copy g_memcpy = nullptr;
Copy g_memmove = nullptr;

/// Until the real ones are known.
void* plainMove(void* to, const void* from, std::size_t bytes) {
  auto* target = static_cast<volatile char*>(to);
  const auto* source = static_cast<const volatile char*>(from);
  if (target < source) {
    for (std::size_t at = 0; at < bytes; ++at) target[at] = source[at];
  } else {
    for (std::size_t at = bytes; at > 0; --at) target[at - 1] = source[at - 1];
  }
  return to;
}

void count(std::atomic<std::uint64_t> Row::*what, std::size_t bytes, const void* caller) {
  if (bytes < kLeast) return;
  if (Row* row = rowOf(caller)) (row->*what).fetch_add(bytes, std::memory_order_relaxed);
}

ssize_t moved(ssize_t bytes, const void* caller) {
  if (bytes > 0) count(&Row::moved, static_cast<std::size_t>(bytes), caller);
  return bytes;
}

__attribute__((constructor)) void begin() {
  g_memcpy = next<Copy>("memcpy");
  g_memmove = next<Copy>("memmove");
  const char* folder = std::getenv("VEDETTE_COPIES");
  if (folder == nullptr) return;
  const std::string path = std::string(folder) + "/" + std::to_string(getpid());
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, kRows * sizeof(Row)) != 0) return;
  void* memory = mmap(nullptr, kRows * sizeof(Row), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory != MAP_FAILED) g_rows = static_cast<Row*>(memory);
}

}  // namespace

#define PROBE extern "C" __attribute__((visibility("default")))
#define CALLER __builtin_return_address(0)

PROBE void* memcpy(void* to, const void* from, std::size_t bytes) {
  count(&Row::copied, bytes, CALLER);
  return g_memcpy ? g_memcpy(to, from, bytes) : plainMove(to, from, bytes);
}

PROBE void* memmove(void* to, const void* from, std::size_t bytes) {
  count(&Row::copied, bytes, CALLER);
  return g_memmove ? g_memmove(to, from, bytes) : plainMove(to, from, bytes);
}

PROBE void* mempcpy(void* to, const void* from, std::size_t bytes) {
  count(&Row::copied, bytes, CALLER);
  if (g_memcpy) g_memcpy(to, from, bytes);
  else plainMove(to, from, bytes);
  return static_cast<char*>(to) + bytes;
}

PROBE void* __memcpy_chk(void* to, const void* from, std::size_t bytes, std::size_t room) {
  if (bytes > room) std::abort();
  count(&Row::copied, bytes, CALLER);
  return g_memcpy ? g_memcpy(to, from, bytes) : plainMove(to, from, bytes);
}

PROBE void* __memmove_chk(void* to, const void* from, std::size_t bytes, std::size_t room) {
  if (bytes > room) std::abort();
  count(&Row::copied, bytes, CALLER);
  return g_memmove ? g_memmove(to, from, bytes) : plainMove(to, from, bytes);
}

PROBE ssize_t read(int file, void* to, std::size_t bytes) {
  static const auto real = next<ssize_t (*)(int, void*, std::size_t)>("read");
  return moved(real(file, to, bytes), CALLER);
}

PROBE ssize_t write(int file, const void* from, std::size_t bytes) {
  static const auto real = next<ssize_t (*)(int, const void*, std::size_t)>("write");
  return moved(real(file, from, bytes), CALLER);
}

PROBE ssize_t readv(int file, const iovec* parts, int number) {
  static const auto real = next<ssize_t (*)(int, const iovec*, int)>("readv");
  return moved(real(file, parts, number), CALLER);
}

PROBE ssize_t writev(int file, const iovec* parts, int number) {
  static const auto real = next<ssize_t (*)(int, const iovec*, int)>("writev");
  return moved(real(file, parts, number), CALLER);
}

PROBE ssize_t recv(int file, void* to, std::size_t bytes, int flags) {
  static const auto real = next<ssize_t (*)(int, void*, std::size_t, int)>("recv");
  return moved(real(file, to, bytes, flags), CALLER);
}

PROBE ssize_t recvmsg(int file, msghdr* message, int flags) {
  static const auto real = next<ssize_t (*)(int, msghdr*, int)>("recvmsg");
  return moved(real(file, message, flags), CALLER);
}

PROBE ssize_t sendmsg(int file, const msghdr* message, int flags) {
  static const auto real = next<ssize_t (*)(int, const msghdr*, int)>("sendmsg");
  return moved(real(file, message, flags), CALLER);
}

/// The beginning of GstMapInfo, whose layout is part of GStreamer's binary interface.
struct MapInfo {
  void* memory;
  int flags;
  void* data;
  std::size_t size;
};

namespace {

constexpr int kMapWrite = 2;
constexpr const char* kGStreamer = "libgstreamer-1.0.so.0";

/// A picture is mapped once for each of its planes; in a row they count as one.
int mapped(int isMapped, const MapInfo* info, int flags, const void* caller) {
  if (isMapped == 0 || (flags & kMapWrite) == 0 || info->size < kPicture || info->data == t_mapped) return isMapped;
  t_mapped = info->data;
  if (Row* row = rowOf(caller)) row->mapped.fetch_add(info->size, std::memory_order_relaxed);
  return isMapped;
}

}  // namespace

PROBE int gst_buffer_map(void* buffer, MapInfo* info, int flags) {
  static const auto real = next<int (*)(void*, MapInfo*, int)>("gst_buffer_map", kGStreamer);
  return mapped(real(buffer, info, flags), info, flags, CALLER);
}

PROBE int gst_buffer_map_range(void* buffer, unsigned at, int length, MapInfo* info, int flags) {
  static const auto real = next<int (*)(void*, unsigned, int, MapInfo*, int)>("gst_buffer_map_range", kGStreamer);
  return mapped(real(buffer, at, length, info, flags), info, flags, CALLER);
}

PROBE int gst_memory_map(void* memory, MapInfo* info, int flags) {
  static const auto real = next<int (*)(void*, MapInfo*, int)>("gst_memory_map", kGStreamer);
  return mapped(real(memory, info, flags), info, flags, CALLER);
}
