// The part of libavcodec that decoding a camera's stream needs, found at run time.
//
// GStreamer's wrapper (gst-libav) copies each picture that the decoder still refers to, and loads libavfilter besides.
// No header of theirs is compiled in, so that one build runs with whatever FFmpeg the system has: functions keep their
// signatures, and of the two structures only the beginning is read, which FFmpeg 4 to 8 have in common. av_header_test.cpp
// holds all of it against the official headers.
#pragma once

#include <cstdint>

namespace vedette::gst::av {

struct Codec;
struct Context;
struct Dictionary;
struct Reference;

/// AVPacket, as far as it is written here.
struct Packet {
  Reference* reference;
  std::int64_t pts;
  std::int64_t dts;
  std::uint8_t* data;
  int size;
};

/// AVFrame, as far as it is read here. What lies between format and pts differs, its size does not.
struct Frame {
  std::uint8_t* data[8];
  int strides[8];
  std::uint8_t** extendedData;
  int width;
  int height;
  int samples;
  int format;
  alignas(8) std::uint8_t between[16];
  std::int64_t pts;
};

/// X(name of the function, result, parameters), pointers with or without `const` as in no single version.
#define VEDETTE_AV_CALLS(X) \
  X(avcodec_version, unsigned, (void)) \
  X(avcodec_find_decoder_by_name, const Codec*, (const char*)) \
  X(avcodec_alloc_context3, Context*, (const Codec*)) \
  X(avcodec_open2, int, (Context*, const Codec*, Dictionary**)) \
  X(avcodec_free_context, void, (Context**)) \
  X(avcodec_send_packet, int, (Context*, const Packet*)) \
  X(avcodec_receive_frame, int, (Context*, Frame*)) \
  X(avcodec_flush_buffers, void, (Context*)) \
  X(av_packet_alloc, Packet*, (void)) \
  X(av_packet_free, void, (Packet**)) \
  X(av_frame_alloc, Frame*, (void)) \
  X(av_frame_free, void, (Frame**)) \
  X(av_frame_unref, void, (Frame*)) \
  X(av_frame_get_plane_buffer, Reference*, (Frame*, int)) \
  X(av_buffer_ref, Reference*, (Reference*)) \
  X(av_buffer_unref, void, (Reference**)) \
  X(av_dict_set, int, (Dictionary**, const char*, const char*, int)) \
  X(av_dict_free, void, (Dictionary**)) \
  X(av_get_pix_fmt_name, const char*, (int)) \
  X(av_log_set_level, void, (int))

struct Library {
#define VEDETTE_AV_SLOT(name, result, parameters) result(*name) parameters;
  VEDETTE_AV_CALLS(VEDETTE_AV_SLOT)
#undef VEDETTE_AV_SLOT
};

/// The newest libavcodec of a known version; null when there is none. Loaded once, and never let go: several megabytes.
const Library* library();

}  // namespace vedette::gst::av
