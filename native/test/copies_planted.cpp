// Preloaded behind copies_probe: whoever maps a picture to read it has it copied once first, as a careless stage would.
#include <dlfcn.h>

#include <cstddef>
#include <cstring>
#include <vector>

namespace {

constexpr int kMapRead = 1;
constexpr std::size_t kPicture = 1 << 20;

/// The beginning of GstMapInfo, whose layout is part of GStreamer's binary interface.
struct MapInfo {
  void* memory;
  int flags;
  void* data;
  std::size_t size;
};

using MapRange = int (*)(void*, unsigned, int, MapInfo*, int);

thread_local std::vector<char> t_copy;

}  // namespace

extern "C" __attribute__((visibility("default"))) int gst_buffer_map_range(void* buffer, unsigned at, int length,
                                                                           MapInfo* info, int flags) {
  static const auto real = reinterpret_cast<MapRange>(
      dlsym(dlopen("libgstreamer-1.0.so.0", RTLD_LAZY | RTLD_NOLOAD), "gst_buffer_map_range"));
  const int isMapped = real(buffer, at, length, info, flags);
  if (isMapped != 0 && flags == kMapRead && info->size >= kPicture) {
    t_copy.resize(info->size);
    std::memcpy(t_copy.data(), info->data, info->size);
  }
  return isMapped;
}
