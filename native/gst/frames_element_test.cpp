// Files at their own speed: how old their pictures are where the machine is too slow, and when they are played again.
#include <gst/base/gstbasesink.h>
#include <gst/gst.h>

#include <algorithm>
#include <string>

#include "gst/frame_store.hpp"
#include "gst/plugin.hpp"
#include "test/check.hpp"

/// GLib loses its table of names when that grows, on purpose.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() { return "leak:libglib-2.0.so\n"; }

using vedette::gst::FrameStore;
using vedette::gst::Notice;

namespace {

constexpr int kFps = 100;

/// Pictures at a hundred a second, each of which takes `tookUs` before it reaches the sink.
class File {
 public:
  File(const std::string& name, int pictures, int tookUs) : store_(FrameStore::named(name)) {
    const std::string line = "videotestsrc num-buffers=" + std::to_string(pictures) + " ! video/x-raw,format=GRAY8,width=16,height=16,framerate=" +
                             std::to_string(kFps) + "/1 ! identity sleep-time=" + std::to_string(tookUs) + " ! vedetteframes sync=true name=" + name;
    pipeline_ = gst_parse_launch(line.c_str(), nullptr);
    sink_ = gst_bin_get_by_name(GST_BIN(pipeline_), name.c_str());
    store_->setTell([this](const Notice& notice) {
      oldestMs = std::max(oldestMs, static_cast<double>(g_get_real_time()) / 1000 - notice.capture.unixMs);
      ++told;
      return true;
    });
  }
  ~File() {
    store_->setTell({});
    gst_object_unref(sink_);
    gst_object_unref(pipeline_);
  }

  void play() {
    gst_element_set_state(pipeline_, GST_STATE_PLAYING);
    GstBus* bus = gst_element_get_bus(pipeline_);
    GstMessage* end = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    CHECK(end != nullptr && GST_MESSAGE_TYPE(end) == GST_MESSAGE_EOS);
    if (end != nullptr) gst_message_unref(end);
    gst_object_unref(bus);
    laterMs = static_cast<double>(gst_base_sink_get_ts_offset(GST_BASE_SINK(sink_))) / GST_MSECOND;
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    store_->continueTimeline();
  }

  double oldestMs = 0;
  double laterMs = 0;
  int told = 0;

 private:
  std::shared_ptr<FrameStore> store_;
  GstElement* pipeline_;
  GstElement* sink_;
};

void isPlayedLaterWhereItIsTooMuch() {
  File slow("slow", 200, 20'000);
  slow.play();
  CHECK(slow.told == 200);
  CHECK(slow.laterMs > 1000);
  CHECK(slow.oldestMs < 1000);
  // The next time, the machine may be faster.
  slow.play();
  CHECK(slow.oldestMs < 1000);
}

void isYoungWhenItIsPlayedAgain() {
  File file("again", 100, 0);
  for (int time = 0; time < 3; ++time) file.play();
  CHECK(file.told == 300);
  CHECK(file.oldestMs < 800);
}

}  // namespace

int main() {
  gst_init(nullptr, nullptr);
  vedette::gst::registerFrames();
  return vedette::test::run({
      {"a file is played later where its speed is too much", isPlayedLaterWhereItIsTooMuch},
      {"pictures of a file that is played again are young", isYoungWhenItIsPlayedAgain},
  });
}
