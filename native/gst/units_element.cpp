// `vedetteunits`: stands between parser and decoder, lets everything through and shows it to whoever wants access units.
//
// Being no sink, it neither waits for the clock nor takes part in preroll, so it cannot hold up the decoder.
#include <gst/base/gstbasetransform.h>

#include <new>

#include "gst/frame_store.hpp"
#include "gst/plugin.hpp"
#include "gst/unit_store.hpp"

using vedette::gst::captureOf;
using vedette::gst::FrameStore;
using vedette::gst::Unit;
using vedette::gst::UnitStore;

namespace {

/// The vedetteframes of the same pipeline, whose timeline is shared.
constexpr char kFrames[] = "frames";

#define UNIT_CAPS                                                  \
  "video/x-h264, stream-format=byte-stream, alignment=au; "        \
  "video/x-h265, stream-format=byte-stream, alignment=au; image/jpeg"

GstStaticPadTemplate sinkTemplate =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(UNIT_CAPS));
GstStaticPadTemplate sourceTemplate =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(UNIT_CAPS));

}  // namespace

struct VedetteUnits {
  GstBaseTransform parent;
  std::shared_ptr<UnitStore> store;
  std::shared_ptr<FrameStore> timeline;
  vedette::gst::ArrivalFilter arrivals;
};

struct VedetteUnitsClass {
  GstBaseTransformClass parent;
};

G_DEFINE_TYPE(VedetteUnits, vedette_units, GST_TYPE_BASE_TRANSFORM)

namespace {

VedetteUnits* self(gpointer object) { return static_cast<VedetteUnits*>(object); }

gboolean start(GstBaseTransform* transform) {
  VedetteUnits* units = self(transform);
  units->store = UnitStore::named(GST_OBJECT_NAME(transform));
  units->timeline = FrameStore::named(kFrames);
  return TRUE;
}

GstFlowReturn look(GstBaseTransform* transform, GstBuffer* buffer) {
  VedetteUnits* units = self(transform);
  if (!units->store->wanted()) return GST_FLOW_OK;
  gint64 pts = 0;
  gint64 dts = 0;
  // Signed: the first decoding times of a stream with B-frames lie before the segment.
  const GstSegment* segment = &transform->segment;
  const auto signedTime = [segment](GstClockTime time, gint64& out) {
    guint64 magnitude = 0;
    const int sign = gst_segment_to_running_time_full(segment, GST_FORMAT_TIME, time, &magnitude);
    out = sign < 0 ? -static_cast<gint64>(magnitude) : static_cast<gint64>(magnitude);
    return sign != 0;
  };
  const GstClockTime bufferPts = GST_BUFFER_PTS(buffer);
  if (!GST_CLOCK_TIME_IS_VALID(bufferPts) || !signedTime(bufferPts, pts)) return GST_FLOW_OK;
  if (!GST_CLOCK_TIME_IS_VALID(GST_BUFFER_DTS(buffer)) || !signedTime(GST_BUFFER_DTS(buffer), dts)) dts = pts;
  const gint64 offset = units->timeline->timelineOffsetNs();
  Unit unit;
  unit.buffer = std::shared_ptr<GstBuffer>(gst_buffer_ref(buffer), [](GstBuffer* held) { gst_buffer_unref(held); });
  unit.ptsNs = offset + pts;
  unit.dtsNs = offset + dts;
  unit.capture = captureOf(units->arrivals, buffer, pts < 0 ? GST_CLOCK_TIME_NONE : static_cast<GstClockTime>(pts));
  unit.key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  units->store->push(std::move(unit));
  return GST_FLOW_OK;
}

void finalize(GObject* object) {
  std::destroy_at(&self(object)->store);
  std::destroy_at(&self(object)->timeline);
  G_OBJECT_CLASS(vedette_units_parent_class)->finalize(object);
}

}  // namespace

static void vedette_units_init(VedetteUnits* units) {
  new (&units->store) std::shared_ptr<UnitStore>();
  new (&units->timeline) std::shared_ptr<FrameStore>();
  new (&units->arrivals) vedette::gst::ArrivalFilter();
  gst_base_transform_set_passthrough(&units->parent, TRUE);
}

static void vedette_units_class_init(VedetteUnitsClass* klass) {
  G_OBJECT_CLASS(klass)->finalize = finalize;
  auto* element = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element, &sinkTemplate);
  gst_element_class_add_static_pad_template(element, &sourceTemplate);
  gst_element_class_set_static_metadata(element, "Vedette units", "Filter/Video",
                                        "Passes encoded access units on while they are wanted", "Vedette");
  auto* base = GST_BASE_TRANSFORM_CLASS(klass);
  base->start = start;
  base->transform_ip = look;
  base->transform_ip_on_passthrough = TRUE;
}

namespace vedette::gst {

bool registerUnits() {
  return gst_element_register(nullptr, "vedetteunits", GST_RANK_NONE, vedette_units_get_type()) != FALSE;
}

}  // namespace vedette::gst
