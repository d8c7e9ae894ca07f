#include "clip.hpp"

#include <gst/app/gstappsink.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string_view>

namespace vedette {
namespace {

// Everything stays in memory; longer footage belongs to a real RTSP server.
constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 30;
constexpr GstClockTime kDefaultInterval = GST_SECOND / 25;

struct Format {
  const char* media;
  /// From the demuxer's pad to the sink: one buffer per access unit, parameter sets in front of every IDR.
  const char* reader;
  const char* payloader;
};

constexpr Format kFormats[] = {
    {"video/x-h264", "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au",
     "rtph264pay config-interval=-1"},
    {"video/x-h265", "h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au",
     "rtph265pay config-interval=-1"},
    // RTP leaves the Huffman tables out and means the standard ones, which few files keep to: encoded anew.
    {"image/jpeg", "jpegdec ! videoconvert ! video/x-raw,format=I420 ! jpegenc quality=95", "rtpjpegpay"},
};

// What decodebin shall hand out: encoded where it can be sent so, else decoded.
constexpr const char* kWanted = "video/x-h264;video/x-h265;image/jpeg;video/x-raw;audio/x-raw;audio/mpeg";

// A key frame every 20 pictures, no B frames, one slice per picture: what a camera sends.
constexpr const char* kTranscode =
    "videoconvert ! video/x-raw,format=I420 ! x264enc speed-preset=ultrafast pass=qual quantizer=20 key-int-max=20 "
    "! h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au";

const Format* findFormat(const GstCaps* caps) {
  const std::string_view media = gst_structure_get_name(gst_caps_get_structure(caps, 0));
  const auto* found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                   [&](const Format& format) { return media == format.media; });
  return found == std::end(kFormats) ? nullptr : found;
}

/// A pipeline file → decodebin → reader → appsink, whose second half is made when the first video track is known.
class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file), pipeline_(gst_pipeline_new(nullptr)) {
    GstElement* source = make("filesrc");
    GstElement* decode = make("decodebin");
    const Owned<GstCaps> wanted{gst_caps_from_string(kWanted)};
    g_object_set(source, "location", file.c_str(), nullptr);
    g_object_set(decode, "caps", wanted.get(), nullptr);
    gst_element_link(source, decode);
    g_signal_connect(decode, "pad-added", G_CALLBACK(onPad), this);
    g_signal_connect(decode, "no-more-pads", G_CALLBACK(onNoMorePads), this);
  }
  ~Reader() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

  Clip read() {
    Clip clip;
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    const Owned<GstBus> bus{gst_element_get_bus(pipeline_.get())};
    for (;;) {
      const Owned<GstMessage> message{gst_bus_timed_pop_filtered(
          bus.get(), GST_CLOCK_TIME_NONE,
          GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_APPLICATION))};
      if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) fail(errorText(message.get()));
      if (!sink_) fail("it has no video track");
      break;
    }
    while (const Owned<GstSample> sample{gst_app_sink_pull_sample(GST_APP_SINK(sink_))}) keep(clip, sample.get());
    if (const Owned<GstMessage> message{gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR)}) {
      fail(errorText(message.get()));
    }
    if (clip.units.empty()) fail("no picture in it can be read");
    clip.payloader = format_ ? format_->payloader : kFormats[0].payloader;
    clip.transcoded = !format_ || clip.payloader == kFormats[2].payloader;
    return clip;
  }

 private:
  GstElement* make(const char* name) {
    GstElement* element = gst_element_factory_make(name, nullptr);
    if (!element) fail(std::string("GStreamer has no element ") + name);
    gst_bin_add(GST_BIN(pipeline_.get()), element);
    return element;
  }

  [[noreturn]] void fail(const std::string& cause) const {
    throw std::runtime_error("cannot serve " + file_ + ": " + cause);
  }

  static std::string errorText(GstMessage* message) {
    GError* error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    const Owned<GError> owned{error};
    return error->message;
  }

  static void onPad(GstElement*, GstPad* pad, Reader* self) {
    Owned<GstCaps> caps{gst_pad_get_current_caps(pad)};
    if (!caps) caps.reset(gst_pad_query_caps(pad, nullptr));
    const gchar* media = gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
    if (self->sink_ || g_str_has_prefix(media, "audio/")) {
      self->attach(pad, "fakesink sync=false async=false");
      return;
    }
    self->format_ = findFormat(caps.get());
    self->attach(pad, std::string(self->format_ ? self->format_->reader : kTranscode) +
                          " ! appsink name=units sync=false max-buffers=16");
  }

  static void onNoMorePads(GstElement*, Reader* self) {
    gst_element_post_message(self->pipeline_.get(),
                             gst_message_new_application(GST_OBJECT(self->pipeline_.get()),
                                                         gst_structure_new_empty("pads-known")));
  }

  void attach(GstPad* pad, const std::string& text) {
    GError* error = nullptr;
    GstElement* bin = gst_parse_bin_from_description(text.c_str(), TRUE, &error);
    const Owned<GError> owned{error};
    if (!bin || error) {
      GST_ELEMENT_ERROR(pipeline_.get(), CORE, MISSING_PLUGIN, ("%s", error->message), (nullptr));
      return;
    }
    gst_bin_add(GST_BIN(pipeline_.get()), bin);
    if (GstElement* units = gst_bin_get_by_name(GST_BIN(bin), "units")) {
      sink_ = units;
      gst_object_unref(units);
    }
    gst_element_sync_state_with_parent(bin);
    const Owned<GstPad> target{gst_element_get_static_pad(bin, "sink")};
    gst_pad_link(pad, target.get());
  }

  void keep(Clip& clip, GstSample* sample) {
    GstBuffer* buffer = gst_sample_get_buffer(sample);
    if (clip.units.empty() && GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)) return;
    if (!clip.caps) clip.caps.reset(gst_caps_ref(gst_sample_get_caps(sample)));
    const GstClockTime pts = GST_BUFFER_PTS(buffer);
    const GstClockTime dts = GST_BUFFER_DTS_IS_VALID(buffer) ? GST_BUFFER_DTS(buffer) : pts;
    clip.units.push_back({Owned<GstBuffer>{gst_buffer_copy(buffer)}, pts, dts});
  }

  // Owned.
  const std::string file_;
  const Owned<GstElement> pipeline_;
  // Owned by the pipeline; set by its streaming thread before it says that pads are known.
  GstElement* sink_ = nullptr;
  const Format* format_ = nullptr;
};

GstClockTime nominalInterval(const GstCaps* caps) {
  gint numerator = 0, denominator = 1;
  gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", &numerator, &denominator);
  return numerator > 0 ? gst_util_uint64_scale(GST_SECOND, denominator, numerator) : kDefaultInterval;
}

/// Moves the clip to start at 0. A file without usable timestamps plays its pictures in order at the nominal rate.
void rebase(Clip& clip) {
  auto& units = clip.units;
  const GstClockTime nominal = nominalInterval(clip.caps.get());
  bool usable = true;
  for (std::size_t at = 0; at < units.size(); ++at) {
    const bool valid = GST_CLOCK_TIME_IS_VALID(units[at].pts) && GST_CLOCK_TIME_IS_VALID(units[at].dts);
    usable = usable && valid && (at == 0 || units[at].dts > units[at - 1].dts);
  }
  if (!usable) {
    for (std::size_t at = 0; at < units.size(); ++at) units[at].pts = units[at].dts = at * nominal;
  }
  const GstClockTime first = units.front().dts;
  for (auto& unit : units) {
    unit.dts -= first;
    unit.pts = unit.pts > first ? unit.pts - first : 0;
  }
  const GstClockTime last = units.back().dts;
  clip.duration = last + (units.size() > 1 ? last / (units.size() - 1) : nominal);
}

}  // namespace

Clip Clip::read(const std::string& file) {
  std::error_code problem;
  const auto bytes = std::filesystem::file_size(file, problem);
  if (problem) throw std::runtime_error("cannot serve " + file + ": " + problem.message());
  if (bytes > kMostBytes) throw std::runtime_error("cannot serve " + file + ": it is larger than 1 GiB");
  Clip clip = Reader(file).read();
  rebase(clip);
  return clip;
}

double Clip::fps() const noexcept {
  return double(units.size()) * GST_SECOND / double(duration);
}

void Clip::setFps(double fps) {
  const double factor = this->fps() / fps;
  const auto stretch = [factor](GstClockTime time) { return GstClockTime(double(time) * factor); };
  for (auto& unit : units) {
    unit.pts = stretch(unit.pts);
    unit.dts = stretch(unit.dts);
  }
  duration = stretch(duration);
}

}  // namespace vedette
