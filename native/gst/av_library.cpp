#include "gst/av_library.hpp"

#include <dlfcn.h>

#include <string>
#include <type_traits>

namespace vedette::gst::av {

namespace {

/// libavcodec of FFmpeg 8 to 4.
constexpr unsigned kVersions[] = {62, 61, 60, 59, 58};
/// AV_LOG_QUIET: what a camera sends wrong would fill standard error.
constexpr int kQuiet = -8;

/// Functions of libavutil are found through libavcodec, which depends on it.
bool bind(void* file, Library& library) {
  bool isWhole = true;
  const auto find = [&](auto& slot, const char* name) {
    slot = reinterpret_cast<std::remove_reference_t<decltype(slot)>>(dlsym(file, name));
    isWhole = isWhole && slot != nullptr;
  };
#define VEDETTE_AV_FIND(name, result, parameters) find(library.name, #name);
  VEDETTE_AV_CALLS(VEDETTE_AV_FIND)
#undef VEDETTE_AV_FIND
  return isWhole;
}

const Library* load() {
  static Library loaded;
  for (const unsigned version : kVersions) {
    void* file = dlopen(("libavcodec.so." + std::to_string(version)).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (file == nullptr) continue;
    if (bind(file, loaded) && loaded.avcodec_version() >> 16 == version) {
      loaded.av_log_set_level(kQuiet);
      return &loaded;
    }
    dlclose(file);
  }
  return nullptr;
}

}  // namespace

const Library* library() {
  static const Library* const found = load();
  return found;
}

}  // namespace vedette::gst::av
