// Holds av_library.hpp against FFmpeg's own headers: a difference is a compile error. Nothing happens when it runs.
#include <cstddef>
#include <type_traits>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
}

#include "gst/av_library.hpp"

namespace av = vedette::gst::av;

namespace {

/// Ours and theirs take and return the same kinds of values: as many, each as large, pointers where pointers are.
template <class A, class B>
constexpr bool same() {
  if constexpr (std::is_void_v<A> || std::is_void_v<B>) {
    return std::is_void_v<A> == std::is_void_v<B>;
  } else {
    return sizeof(A) == sizeof(B) && std::is_pointer_v<A> == std::is_pointer_v<B>;
  }
}
template <class Ours, class Theirs>
struct Agree : std::false_type {};
template <class R1, class... A1, class R2, class... A2>
struct Agree<R1 (*)(A1...), R2 (*)(A2...)> {
  static constexpr bool value = [] {
    if constexpr (sizeof...(A1) == sizeof...(A2)) {
      return same<R1, R2>() && (same<A1, A2>() && ...);
    } else {
      return false;
    }
  }();
};

#define CHECK_CALL(name, result, parameters) \
  static_assert(Agree<decltype(av::Library::name), decltype(&::name)>::value, #name " has another signature");
VEDETTE_AV_CALLS(CHECK_CALL)

#define CHECK_PLACE(ours, theirs, member, name) \
  static_assert(offsetof(av::ours, member) == offsetof(theirs, name), #theirs "." #name " lies elsewhere");
CHECK_PLACE(Packet, AVPacket, pts, pts)
CHECK_PLACE(Packet, AVPacket, data, data)
CHECK_PLACE(Packet, AVPacket, size, size)
CHECK_PLACE(Frame, AVFrame, data, data)
CHECK_PLACE(Frame, AVFrame, strides, linesize)
CHECK_PLACE(Frame, AVFrame, width, width)
CHECK_PLACE(Frame, AVFrame, height, height)
CHECK_PLACE(Frame, AVFrame, format, format)
CHECK_PLACE(Frame, AVFrame, pts, pts)
static_assert(sizeof(AVFrame::pts) == sizeof(av::Frame::pts) && sizeof(AVPacket::pts) == sizeof(av::Packet::pts));
static_assert(sizeof(AVFrame::format) == sizeof(av::Frame::format) && sizeof(AVPacket::size) == sizeof(av::Packet::size));

}  // namespace

int main() {}
