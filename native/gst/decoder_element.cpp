// `vedetteh264dec`, `vedetteh265dec`: libavcodec as a decoder whose pictures are handed on as they lie in its own memory.
//
// A picture is kept by references on libavcodec's buffers, one a plane, so the decoder goes on using those it predicts from
// while the same memory is held for printing: nothing is copied, and nothing is allocated twice. Time stamps, caps and
// draining are GstVideoDecoder's.
#include <gst/video/gstvideodecoder.h>
#include <gst/video/video.h>

#include <string>
#include <string_view>

#include "gst/av_library.hpp"
#include "gst/plugin.hpp"

namespace av = vedette::gst::av;

namespace {

enum Property { kPropertyZero, kMaxThreads };

/// Pictures come at most 16 later than their access units, of which two may make one picture; a unit that gave none by then
/// never will.
constexpr guint32 kLongestDelay = 2 * 16 + 8;

struct Named {
  std::string_view av;
  GstVideoFormat format;
};
/// What H.264 and H.265 are decoded to. `yuvj` is libavcodec's name for full range.
constexpr Named kFormats[] = {
    {"yuv420p", GST_VIDEO_FORMAT_I420},        {"yuvj420p", GST_VIDEO_FORMAT_I420},
    {"yuv422p", GST_VIDEO_FORMAT_Y42B},        {"yuvj422p", GST_VIDEO_FORMAT_Y42B},
    {"yuv444p", GST_VIDEO_FORMAT_Y444},        {"yuvj444p", GST_VIDEO_FORMAT_Y444},
    {"yuv420p10le", GST_VIDEO_FORMAT_I420_10LE}, {"yuv422p10le", GST_VIDEO_FORMAT_I422_10LE},
    {"yuv444p10le", GST_VIDEO_FORMAT_Y444_10LE}, {"yuv420p12le", GST_VIDEO_FORMAT_I420_12LE},
    {"gray", GST_VIDEO_FORMAT_GRAY8},
};

GstStaticPadTemplate sinkTemplate =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/x-h264, stream-format=byte-stream, alignment=au; "
                                            "video/x-h265, stream-format=byte-stream, alignment=au"));
GstStaticPadTemplate sourceTemplate = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE("{ I420, Y42B, Y444, I420_10LE, I422_10LE, Y444_10LE, I420_12LE, GRAY8 }")));

}  // namespace

struct VedetteDecoder {
  GstVideoDecoder parent;
  av::Context* context;
  av::Packet* packet;
  /// The picture that was received last.
  av::Frame* picture;
  GstVideoCodecState* input;
  gint maxThreads;
  // Of the pictures that the caps behind us tell of.
  GstVideoInfo told;
  int toldFormat;
};

struct VedetteDecoderClass {
  GstVideoDecoderClass parent;
};

G_DEFINE_TYPE(VedetteDecoder, vedette_decoder, GST_TYPE_VIDEO_DECODER)

namespace {

VedetteDecoder* self(gpointer object) { return static_cast<VedetteDecoder*>(object); }

void close(VedetteDecoder* decoder) {
  if (decoder->context != nullptr) av::library()->avcodec_free_context(&decoder->context);
  if (decoder->packet != nullptr) av::library()->av_packet_free(&decoder->packet);
  if (decoder->picture != nullptr) av::library()->av_frame_free(&decoder->picture);
  g_clear_pointer(&decoder->input, gst_video_codec_state_unref);
  gst_video_info_init(&decoder->told);
}

bool open(VedetteDecoder* decoder, const char* name) {
  const av::Library& library = *av::library();
  const av::Codec* codec = library.avcodec_find_decoder_by_name(name);
  if (codec == nullptr) return false;
  decoder->context = library.avcodec_alloc_context3(codec);
  decoder->packet = library.av_packet_alloc();
  decoder->picture = library.av_frame_alloc();
  if (decoder->context == nullptr || decoder->packet == nullptr || decoder->picture == nullptr) return false;
  av::Dictionary* options = nullptr;
  library.av_dict_set(&options, "threads", std::to_string(decoder->maxThreads).c_str(), 0);
  const int failed = library.avcodec_open2(decoder->context, codec, &options);
  library.av_dict_free(&options);
  return failed >= 0;
}

GstFlowReturn drain(GstVideoDecoder* base);

gboolean setFormat(GstVideoDecoder* base, GstVideoCodecState* state) {
  VedetteDecoder* decoder = self(base);
  if (decoder->context != nullptr) drain(base);
  close(decoder);
  const bool isH264 = gst_structure_has_name(gst_caps_get_structure(state->caps, 0), "video/x-h264");
  if (!open(decoder, isH264 ? "h264" : "hevc")) {
    close(decoder);
    return FALSE;
  }
  decoder->input = gst_video_codec_state_ref(state);
  return TRUE;
}

gboolean stop(GstVideoDecoder* base) {
  close(self(base));
  return TRUE;
}

/// Tells what follows of the pictures' size and format, when it is another than before.
bool negotiate(VedetteDecoder* decoder) {
  const av::Frame& picture = *decoder->picture;
  GstVideoInfo& told = decoder->told;
  if (picture.format == decoder->toldFormat && picture.width == GST_VIDEO_INFO_WIDTH(&told) &&
      picture.height == GST_VIDEO_INFO_HEIGHT(&told)) {
    return true;
  }
  const char* given = av::library()->av_get_pix_fmt_name(picture.format);
  const std::string_view name = given != nullptr ? given : "";
  for (const Named& known : kFormats) {
    if (known.av != name) continue;
    GstVideoDecoder* base = GST_VIDEO_DECODER(decoder);
    GstVideoCodecState* state =
        gst_video_decoder_set_output_state(base, known.format, static_cast<guint>(picture.width),
                                           static_cast<guint>(picture.height), decoder->input);
    if (name.starts_with("yuvj")) state->info.colorimetry.range = GST_VIDEO_COLOR_RANGE_0_255;
    told = state->info;
    gst_video_codec_state_unref(state);
    decoder->toldFormat = picture.format;
    return gst_video_decoder_negotiate(base) != FALSE;
  }
  GST_WARNING_OBJECT(decoder, "pictures of the format %s", given);
  return false;
}

void release(gpointer reference) {
  auto* held = static_cast<av::Reference*>(reference);
  av::library()->av_buffer_unref(&held);
}

/// The received picture without a copy; null when its memory is of a kind that nobody expects.
GstBuffer* wrap(VedetteDecoder* decoder) {
  const av::Library& library = *av::library();
  av::Frame& picture = *decoder->picture;
  const GstVideoInfo& info = decoder->told;
  GstBuffer* buffer = gst_buffer_new();
  gsize offsets[GST_VIDEO_MAX_PLANES] = {};
  gint strides[GST_VIDEO_MAX_PLANES] = {};
  gsize size = 0;
  for (guint plane = 0; plane < GST_VIDEO_INFO_N_PLANES(&info); ++plane) {
    av::Reference* source = library.av_frame_get_plane_buffer(&picture, static_cast<int>(plane));
    av::Reference* held = source != nullptr && picture.strides[plane] > 0 ? library.av_buffer_ref(source) : nullptr;
    if (held == nullptr) {
      gst_buffer_unref(buffer);
      return nullptr;
    }
    const gsize bytes = static_cast<gsize>(picture.strides[plane]) * static_cast<gsize>(GST_VIDEO_INFO_COMP_HEIGHT(&info, plane));
    gst_buffer_append_memory(
        buffer, gst_memory_new_wrapped(GST_MEMORY_FLAG_READONLY, picture.data[plane], bytes, 0, bytes, held, release));
    offsets[plane] = size;
    strides[plane] = picture.strides[plane];
    size += bytes;
  }
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(&info),
                                 static_cast<guint>(picture.width), static_cast<guint>(picture.height),
                                 GST_VIDEO_INFO_N_PLANES(&info), offsets, strides);
  return buffer;
}

/// Units that gave no picture are still listed, with their bytes.
void forgetBefore(GstVideoDecoder* base, guint32 number) {
  for (;;) {
    GstVideoCodecFrame* oldest = gst_video_decoder_get_oldest_frame(base);
    if (oldest == nullptr) return;
    if (number - oldest->system_frame_number <= kLongestDelay) {
      gst_video_codec_frame_unref(oldest);
      return;
    }
    gst_video_decoder_release_frame(base, oldest);
  }
}

GstFlowReturn finish(VedetteDecoder* decoder, GstVideoCodecFrame* frame) {
  frame->output_buffer = negotiate(decoder) ? wrap(decoder) : nullptr;
  if (frame->output_buffer != nullptr) return gst_video_decoder_finish_frame(GST_VIDEO_DECODER(decoder), frame);
  gst_video_decoder_release_frame(GST_VIDEO_DECODER(decoder), frame);
  return GST_FLOW_NOT_NEGOTIATED;
}

/// Hands on all pictures that are ready.
GstFlowReturn deliver(VedetteDecoder* decoder) {
  const av::Library& library = *av::library();
  GstVideoDecoder* base = GST_VIDEO_DECODER(decoder);
  GstFlowReturn flow = GST_FLOW_OK;
  while (flow == GST_FLOW_OK && library.avcodec_receive_frame(decoder->context, decoder->picture) >= 0) {
    GstVideoCodecFrame* frame = gst_video_decoder_get_frame(base, static_cast<int>(decoder->picture->pts));
    if (frame != nullptr) flow = finish(decoder, frame);
    library.av_frame_unref(decoder->picture);
  }
  return flow;
}

GstFlowReturn handleFrame(GstVideoDecoder* base, GstVideoCodecFrame* frame) {
  VedetteDecoder* decoder = self(base);
  GstMapInfo map;
  if (decoder->context == nullptr || !gst_buffer_map(frame->input_buffer, &map, GST_MAP_READ)) {
    gst_video_decoder_release_frame(base, frame);
    return decoder->context == nullptr ? GST_FLOW_NOT_NEGOTIATED : GST_FLOW_ERROR;
  }
  const guint32 number = frame->system_frame_number;
  decoder->packet->data = map.data;
  decoder->packet->size = static_cast<int>(map.size);
  decoder->packet->pts = number;
  // It copies the bytes behind which it needs room.
  const int failed = map.size > 0 ? av::library()->avcodec_send_packet(decoder->context, decoder->packet) : -1;
  decoder->packet->data = nullptr;
  decoder->packet->size = 0;
  gst_buffer_unmap(frame->input_buffer, &map);
  if (failed < 0) {
    GST_WARNING_OBJECT(decoder, "access unit %u cannot be decoded: %d", number, failed);
    gst_video_decoder_release_frame(base, frame);
  } else {
    gst_video_codec_frame_unref(frame);
  }
  const GstFlowReturn flow = deliver(decoder);
  forgetBefore(base, number);
  return flow;
}

/// The pictures that are still to come; afterwards libavcodec begins anew.
GstFlowReturn drain(GstVideoDecoder* base) {
  VedetteDecoder* decoder = self(base);
  if (decoder->context == nullptr) return GST_FLOW_OK;
  av::library()->avcodec_send_packet(decoder->context, nullptr);
  const GstFlowReturn flow = deliver(decoder);
  av::library()->avcodec_flush_buffers(decoder->context);
  return flow;
}

gboolean flush(GstVideoDecoder* base) {
  if (self(base)->context != nullptr) av::library()->avcodec_flush_buffers(self(base)->context);
  return TRUE;
}

/// The base class wants a pool; ours stays empty.
gboolean decideAllocation(GstVideoDecoder* base, GstQuery* query) {
  const guint size = static_cast<guint>(GST_VIDEO_INFO_SIZE(&self(base)->told));
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  GstBufferPool* pool = gst_video_buffer_pool_new();
  GstStructure* config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, caps, size, 0, 0);
  gst_buffer_pool_set_config(pool, config);
  if (gst_query_get_n_allocation_pools(query) > 0) {
    gst_query_set_nth_allocation_pool(query, 0, pool, size, 0, 0);
  } else {
    gst_query_add_allocation_pool(query, pool, size, 0, 0);
  }
  gst_object_unref(pool);
  return TRUE;
}

void setProperty(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  if (id == kMaxThreads) {
    self(object)->maxThreads = g_value_get_int(value);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

}  // namespace

static void vedette_decoder_init(VedetteDecoder* decoder) {
  decoder->maxThreads = 1;
  decoder->toldFormat = -1;
  gst_video_info_init(&decoder->told);
  gst_video_decoder_set_packetized(&decoder->parent, TRUE);
  gst_video_decoder_set_needs_format(&decoder->parent, TRUE);
}

static void vedette_decoder_class_init(VedetteDecoderClass* klass) {
  G_OBJECT_CLASS(klass)->set_property = setProperty;
  g_object_class_install_property(
      G_OBJECT_CLASS(klass), kMaxThreads,
      g_param_spec_int("max-threads", "Max threads", "Read when the stream's format is known", 1, 16, 1,
                       static_cast<GParamFlags>(G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS)));
  auto* element = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element, &sinkTemplate);
  gst_element_class_add_static_pad_template(element, &sourceTemplate);
  gst_element_class_set_static_metadata(element, "Vedette decoder", "Codec/Decoder/Video",
                                        "Decodes H.264 and H.265 with libavcodec, copying nothing", "Vedette");
  auto* base = GST_VIDEO_DECODER_CLASS(klass);
  base->stop = stop;
  base->set_format = setFormat;
  base->handle_frame = handleFrame;
  base->finish = drain;
  base->drain = drain;
  base->flush = flush;
  base->decide_allocation = decideAllocation;
}

namespace vedette::gst {

void registerDecoders() {
  [[maybe_unused]] static const bool done = [] {
    const auto* library = av::library();
    if (library == nullptr) return false;
    const auto offer = [&](const char* codec, const char* element) {
      if (library->avcodec_find_decoder_by_name(codec) == nullptr) return;
      gst_element_register(nullptr, element, GST_RANK_NONE, vedette_decoder_get_type());
    };
    offer("h264", "vedetteh264dec");
    offer("hevc", "vedetteh265dec");
    return true;
  }();
}

}  // namespace vedette::gst
