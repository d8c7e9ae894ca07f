// Our decoder beside GStreamer's own around the same libavcodec: the same pictures, from whole streams and damaged ones.
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gst/plugin.hpp"
#include "test/check.hpp"

/// GLib and x265 keep what they made once, on purpose.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  return "leak:libglib-2.0.so\nleak:libx265.so\n";
}

namespace {

struct Free {
  void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
  void operator()(GstSample* sample) const { gst_sample_unref(sample); }
};
using Buffer = std::unique_ptr<GstBuffer, Free>;
using Units = std::vector<Buffer>;

struct Shown {
  GstClockTime pts;
  int width;
  int height;
  std::uint64_t sum;

  bool operator==(const Shown&) const = default;
};

class Pipeline {
 public:
  explicit Pipeline(const std::string& line) : pipeline_(gst_parse_launch(line.c_str(), nullptr)) {
    gst_element_set_state(pipeline_, GST_STATE_PLAYING);
  }
  ~Pipeline() {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    gst_object_unref(pipeline_);
  }

  GstElement* get() const { return pipeline_; }

  /// `action` gets the appsrc, and what comes out is returned.
  template <class Action>
  std::vector<std::unique_ptr<GstSample, Free>> run(Action&& action) {
    GstElement* in = gst_bin_get_by_name(GST_BIN(pipeline_), "in");
    if (in != nullptr) {
      action(GST_APP_SRC(in));
      gst_app_src_end_of_stream(GST_APP_SRC(in));
      gst_object_unref(in);
    }
    GstElement* out = gst_bin_get_by_name(GST_BIN(pipeline_), "out");
    std::vector<std::unique_ptr<GstSample, Free>> samples;
    while (GstSample* sample = gst_app_sink_pull_sample(GST_APP_SINK(out))) samples.emplace_back(sample);
    gst_object_unref(out);
    return samples;
  }

 private:
  GstElement* pipeline_;
};

bool isThere(const char* element) {
  GstElementFactory* factory = gst_element_factory_find(element);
  const bool isFound = factory != nullptr;
  gst_clear_object(&factory);
  return isFound;
}

Units encode(int width, int height, const std::string& encoder) {
  Pipeline pipeline("videotestsrc num-buffers=45 pattern=smpte75 horizontal-speed=7 ! video/x-raw,format=I420,framerate=25/1,width=" +
                    std::to_string(width) + ",height=" + std::to_string(height) + " ! " + encoder + " ! appsink name=out sync=false");
  Units units;
  for (const auto& sample : pipeline.run([](GstAppSrc*) {})) units.emplace_back(gst_buffer_ref(gst_sample_get_buffer(sample.get())));
  return units;
}

Units h264(int width, int height) {
  return encode(width, height, "x264enc threads=2 key-int-max=20 bframes=3 ref=3 speed-preset=fast ! video/x-h264,stream-format=byte-stream");
}

Shown look(GstSample* sample) {
  GstVideoInfo info;
  GstVideoFrame frame;
  GstBuffer* buffer = gst_sample_get_buffer(sample);
  gst_video_info_from_caps(&info, gst_sample_get_caps(sample));
  CHECK(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
  std::uint64_t sum = 14695981039346656037U;
  for (guint part = 0; part < GST_VIDEO_FRAME_N_COMPONENTS(&frame); ++part) {
    for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, part); ++y) {
      const auto* row = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_COMP_DATA(&frame, part)) +
                        static_cast<std::ptrdiff_t>(y) * GST_VIDEO_FRAME_COMP_STRIDE(&frame, part);
      for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&frame, part); ++x) sum = (sum ^ row[x]) * 1099511628211U;
    }
  }
  gst_video_frame_unmap(&frame);
  return {GST_BUFFER_PTS(buffer), GST_VIDEO_INFO_WIDTH(&info), GST_VIDEO_INFO_HEIGHT(&info), sum};
}

/// `media` is h264 or h265.
std::vector<Shown> decode(const std::vector<const Units*>& parts, const std::string& media, const std::string& decoder) {
  const std::string caps = "video/x-" + media + ",stream-format=byte-stream,alignment=au";
  Pipeline pipeline("appsrc name=in format=time caps=" + caps + " ! " + media + "parse config-interval=-1 ! " + caps + " ! " +
                    decoder + " ! appsink name=out sync=false");
  const auto samples = pipeline.run([&](GstAppSrc* in) {
    for (const Units* units : parts) {
      for (const auto& unit : *units) gst_app_src_push_buffer(in, gst_buffer_ref(unit.get()));
    }
  });
  std::vector<Shown> shown;
  for (const auto& sample : samples) shown.push_back(look(sample.get()));
  return shown;
}

void showsTheSame() {
  const Units units = h264(322, 182);
  const auto ours = decode({&units}, "h264", "vedetteh264dec");
  CHECK(ours.size() == 45);
  CHECK(ours == decode({&units}, "h264", "avdec_h264 max-threads=1 output-corrupt=false"));
  CHECK(ours == decode({&units}, "h264", "vedetteh264dec max-threads=2"));
  for (std::size_t i = 1; i < ours.size(); ++i) CHECK(ours[i].pts == ours[i - 1].pts + 40 * GST_MSECOND);
}

void showsTheSameOfH265() {
  if (!isThere("x265enc") || !isThere("vedetteh265dec")) return;
  const Units units = encode(320, 240, "x265enc key-int-max=20 ! video/x-h265,stream-format=byte-stream");
  const auto ours = decode({&units}, "h265", "vedetteh265dec");
  CHECK(ours.size() == 45);
  CHECK(ours == decode({&units}, "h265", "avdec_h265 max-threads=1"));
}

void followsAnotherSize() {
  const Units small = h264(160, 96);
  const Units large = h264(640, 360);
  const auto ours = decode({&small, &large, &small}, "h264", "vedetteh264dec");
  CHECK(ours.size() == 135 && ours[44].width == 160 && ours[45].width == 640 && ours[90].height == 96);
}

/// What is held must not be written again while the decoder goes on with the same memory.
void leavesHeldPicturesAlone() {
  const Units units = h264(640, 360);
  const std::string caps = "video/x-h264,stream-format=byte-stream,alignment=au";
  Pipeline pipeline("appsrc name=in format=time caps=" + caps + " ! h264parse ! " + caps + " ! vedetteh264dec ! appsink name=out sync=false");
  std::vector<std::pair<std::unique_ptr<GstSample, Free>, Shown>> held;
  GstElement* in = gst_bin_get_by_name(GST_BIN(pipeline.get()), "in");
  GstElement* out = gst_bin_get_by_name(GST_BIN(pipeline.get()), "out");
  const auto take = [&](GstClockTime limit) {
    GstSample* sample = gst_app_sink_try_pull_sample(GST_APP_SINK(out), limit);
    if (sample == nullptr) return false;
    held.emplace_back(sample, look(sample));
    return true;
  };
  for (const auto& unit : units) {
    gst_app_src_push_buffer(GST_APP_SRC(in), gst_buffer_ref(unit.get()));
    take(20 * GST_MSECOND);
  }
  gst_app_src_end_of_stream(GST_APP_SRC(in));
  while (take(10 * GST_SECOND)) {
  }
  CHECK(held.size() == 45);
  for (const auto& [sample, shown] : held) CHECK(look(sample.get()) == shown);
  gst_object_unref(in);
  gst_object_unref(out);
}

/// Bytes from `first` on are changed and some units left out.
Units damaged(const Units& units, std::size_t first, std::mt19937& random) {
  Units result;
  for (const auto& unit : units) {
    Buffer copy(gst_buffer_copy_deep(unit.get()));
    GstMapInfo map;
    gst_buffer_map(copy.get(), &map, GST_MAP_WRITE);
    for (int change = 0; change < 4 && map.size > first; ++change) {
      map.data[first + random() % (map.size - first)] = static_cast<std::uint8_t>(random());
    }
    gst_buffer_unmap(copy.get(), &map);
    if (random() % 8 != 0) result.push_back(std::move(copy));
  }
  return result;
}

/// Where pictures alone are damaged, what follows is whole again; damaged parameter sets may end the stream.
void survivesDamage() {
  constexpr std::size_t kHeaders = 64;
  const Units whole = h264(320, 240);
  const auto wanted = decode({&whole}, "h264", "vedetteh264dec");
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    const Units broken = damaged(whole, round % 2 == 0 ? kHeaders : 0, random);
    const auto shown = decode({&broken, &broken, &whole}, "h264", "vedetteh264dec");
    if (round % 2 != 0) continue;
    CHECK(shown.size() > 2 * wanted.size());
    for (std::size_t i = 1; i <= 40 && i <= shown.size(); ++i) CHECK(shown[shown.size() - i].sum == wanted[wanted.size() - i].sum);
  }
}

}  // namespace

int main() {
  gst_init(nullptr, nullptr);
  vedette::gst::registerDecoders();
  for (const char* needed : {"vedetteh264dec", "avdec_h264", "x264enc", "h264parse"}) {
    if (isThere(needed)) continue;
    std::printf("skipped: there is no %s\n", needed);
    return 0;
  }
  return vedette::test::run({
      {"shows the same as GStreamer's decoder of H.264", showsTheSame},
      {"shows the same as GStreamer's decoder of H.265", showsTheSameOfH265},
      {"follows another size", followsAnotherSize},
      {"leaves held pictures alone", leavesHeldPicturesAlone},
      {"survives damage", survivesDamage},
  });
}
