// `vedetteframes`: the sink at the end of a camera's pipeline. It converts nothing and keeps the newest frames by reference.
//
// Only system memory is accepted: a decoder whose pictures lie in DMABuf, VA or NVMM memory either downloads them when
// asked for plain video/x-raw (va, v4l2) or gets a converter in its launch line (nvvidconv).
#include <gst/base/gstbasesink.h>
#include <gst/video/video.h>

#include <new>

#include "gst/frame_store.hpp"
#include "gst/motion_watch.hpp"
#include "gst/plugin.hpp"

using vedette::gst::captureOf;
using vedette::gst::FrameStore;

namespace {

/// Unpaced files: a frame that nobody prints within this time is passed over.
constexpr std::chrono::milliseconds kPatience{1000};
constexpr double kNsPerMs = 1e6;
/// A file whose pictures come later than this is played later from then on.
constexpr GstClockTimeDiff kMostLateNs = 500 * GST_MSECOND;

enum Property { kPropertyZero, kHeldFrames, kPaced };

GstStaticPadTemplate sinkTemplate = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE("{ I420, NV12, YUY2, RGB, BGR, RGBA, BGRA, RGBx, BGRx, GRAY8 }")));

}  // namespace

struct VedetteFrames {
  GstBaseSink parent;
  std::shared_ptr<FrameStore> store;
  std::unique_ptr<vedette::gst::MotionWatch> motion;
  vedette::gst::ArrivalFilter arrivals;
  GstVideoInfo info;
  std::uint64_t sequence;
  guint heldFrames;
  gboolean paced;
};

struct VedetteFramesClass {
  GstBaseSinkClass parent;
};

G_DEFINE_TYPE(VedetteFrames, vedette_frames, GST_TYPE_BASE_SINK)

namespace {

VedetteFrames* self(gpointer object) { return static_cast<VedetteFrames*>(object); }

gboolean start(GstBaseSink* sink) {
  VedetteFrames* frames = self(sink);
  frames->store = FrameStore::named(GST_OBJECT_NAME(sink));
  frames->store->setCapacity(frames->heldFrames);
  frames->store->interrupt(false);
  // The time stamps of a file that is played again begin anew.
  frames->arrivals = {};
  gst_base_sink_set_ts_offset(sink, 0);
  // A file that is played again keeps its background.
  const auto motion = frames->store->motion();
  if (motion && !frames->motion) frames->motion = std::make_unique<vedette::gst::MotionWatch>(*motion);
  return TRUE;
}

gboolean unlock(GstBaseSink* sink) {
  if (self(sink)->store) self(sink)->store->interrupt(true);
  return TRUE;
}

gboolean unlockStop(GstBaseSink* sink) {
  self(sink)->store->interrupt(false);
  return TRUE;
}

gboolean setCaps(GstBaseSink* sink, GstCaps* caps) { return gst_video_info_from_caps(&self(sink)->info, caps); }

/// Asks for a pool that can spare the frames we keep, and allows any strides.
gboolean proposeAllocation(GstBaseSink* sink, GstQuery* query) {
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  GstVideoInfo info;
  if (caps == nullptr || !gst_video_info_from_caps(&info, caps)) return FALSE;
  gst_query_add_allocation_pool(query, nullptr, static_cast<guint>(GST_VIDEO_INFO_SIZE(&info)),
                                2 * self(sink)->heldFrames + 3, 0);
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  return TRUE;
}

/// Without a time nothing can be said about what lasts.
vedette::MotionReading motionOf(VedetteFrames* frames, GstBuffer* buffer, GstClockTime running) {
  if (!frames->motion || !GST_CLOCK_TIME_IS_VALID(running)) return {};
  const std::int64_t ptsNs = frames->store->timelineOffsetNs() + static_cast<std::int64_t>(running);
  return frames->motion->measure(buffer, frames->info, ptsNs);
}

/// Unpaced: while one frame is printed the next one is decoded, and no further.
void awaitTaken(VedetteFrames* frames) {
  if (!frames->paced && frames->sequence > 0) frames->store->awaitTaken(frames->sequence, kPatience);
}

gboolean onEvent(GstBaseSink* sink, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) awaitTaken(self(sink));
  return GST_BASE_SINK_CLASS(vedette_frames_parent_class)->event(sink, event);
}

/// By how much the picture missed its time, as far as pictures have one.
GstClockTimeDiff latenessOf(GstBaseSink* sink, GstClockTime running) {
  GstClock* clock = gst_base_sink_get_sync(sink) ? gst_element_get_clock(GST_ELEMENT(sink)) : nullptr;
  if (clock == nullptr || !GST_CLOCK_TIME_IS_VALID(running)) return 0;
  const GstClockTime now = gst_clock_get_time(clock) - gst_element_get_base_time(GST_ELEMENT(sink));
  gst_object_unref(clock);
  return GST_CLOCK_DIFF(running, now) - gst_base_sink_get_ts_offset(sink);
}

/// A file can wait, as a camera cannot: where the machine is too slow for its speed it is played slower, and its pictures
/// are as old as they would be otherwise. Nothing of it is left out.
void playLater(VedetteFrames* frames, GstClockTime running) {
  GstBaseSink* sink = &frames->parent;
  const GstClockTimeDiff late = latenessOf(sink, running);
  if (late <= kMostLateNs) return;
  gst_base_sink_set_ts_offset(sink, gst_base_sink_get_ts_offset(sink) + late);
  frames->arrivals = {};
}

GstFlowReturn render(GstBaseSink* sink, GstBuffer* buffer) {
  VedetteFrames* frames = self(sink);
  const GstClockTime running = gst_segment_to_running_time(&sink->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  playLater(frames, running);
  auto capture = captureOf(frames->arrivals, buffer, running);
  if (!frames->paced && GST_CLOCK_TIME_IS_VALID(running)) {
    const double offset = static_cast<double>(frames->store->timelineOffsetNs());
    capture = {frames->store->startedMs() + (offset + static_cast<double>(running)) / kNsPerMs, false};
  }
  const vedette::MotionReading motion = motionOf(frames, buffer, running);
  awaitTaken(frames);
  frames->sequence = frames->store->push(buffer, frames->info, running, capture, motion);
  return GST_FLOW_OK;
}

void setProperty(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  switch (id) {
    case kHeldFrames: self(object)->heldFrames = g_value_get_uint(value); break;
    case kPaced: self(object)->paced = g_value_get_boolean(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

void getProperty(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  switch (id) {
    case kHeldFrames: g_value_set_uint(value, self(object)->heldFrames); break;
    case kPaced: g_value_set_boolean(value, self(object)->paced); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

void finalize(GObject* object) {
  std::destroy_at(&self(object)->motion);
  std::destroy_at(&self(object)->store);
  G_OBJECT_CLASS(vedette_frames_parent_class)->finalize(object);
}

}  // namespace

static void vedette_frames_init(VedetteFrames* frames) {
  new (&frames->store) std::shared_ptr<FrameStore>();
  new (&frames->motion) std::unique_ptr<vedette::gst::MotionWatch>();
  new (&frames->arrivals) vedette::gst::ArrivalFilter();
  gst_video_info_init(&frames->info);
  frames->sequence = 0;
  frames->heldFrames = 3;
  frames->paced = TRUE;
  gst_base_sink_set_last_sample_enabled(&frames->parent, FALSE);
  gst_base_sink_set_qos_enabled(&frames->parent, FALSE);
}

static void vedette_frames_class_init(VedetteFramesClass* klass) {
  auto* object = G_OBJECT_CLASS(klass);
  object->set_property = setProperty;
  object->get_property = getProperty;
  object->finalize = finalize;
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property(
      object, kHeldFrames,
      g_param_spec_uint("held-frames", "Held frames", "How many of the newest frames stay printable, and as many of those printed last", 1, 32, 3, flags));
  g_object_class_install_property(
      object, kPaced,
      g_param_spec_boolean("paced", "Paced", "FALSE: wait for each frame to be printed (or 1 s) before the next one is told of", TRUE, flags));

  auto* element = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element, &sinkTemplate);
  gst_element_class_set_static_metadata(element, "Vedette frames", "Sink/Video",
                                        "Keeps the newest decoded frames for printing", "Vedette");
  auto* base = GST_BASE_SINK_CLASS(klass);
  base->start = start;
  base->unlock = unlock;
  base->unlock_stop = unlockStop;
  base->set_caps = setCaps;
  base->propose_allocation = proposeAllocation;
  base->event = onEvent;
  base->render = render;
}

namespace vedette::gst {

bool registerFrames() {
  return gst_element_register(nullptr, "vedetteframes", GST_RANK_NONE, vedette_frames_get_type()) != FALSE;
}

}  // namespace vedette::gst
