// `vedetteunits`: stands between parser and decoder, shows access units to whoever wants them, and lets no parameter set
// through that would make the decoder allocate larger pictures than `max-width` by `max-height`. What the decoder may go
// without by `decode`, or has no time for by `max-late`, ends here, after it was shown. Here, too, the size of the stream is first known: it decides how many
// threads a decoder of libavcodec gets.
//
// Being no sink, it neither waits for the clock nor takes part in preroll, so it cannot hold up the decoder.
#include <gst/base/gstbasetransform.h>

#include <new>
#include <optional>

#include "gst/catch_up.hpp"
#include "gst/coded_size.hpp"
#include "gst/frame_store.hpp"
#include "gst/plugin.hpp"
#include "gst/unit_filter.hpp"
#include "gst/unit_store.hpp"

using vedette::gst::captureOf;
using vedette::gst::CatchUp;
using vedette::gst::codedSize;
using vedette::gst::Decode;
using vedette::gst::decodeNamed;
using vedette::gst::FrameStore;
using vedette::gst::Unit;
using vedette::gst::UnitFilter;
using vedette::gst::UnitStore;
using vedette::gst::VideoCodec;

namespace {

enum Property { kPropertyZero, kMaxWidth, kMaxHeight, kDecode, kMaxLate, kFed, kWidth, kHeight };

/// Coded sizes are whole blocks, of 64 pixels at most (H.265).
constexpr std::uint64_t kBlock = 64;

/// The vedetteframes of the same pipeline, whose timeline is shared.
constexpr char kFrames[] = "frames";
/// The software decoder of the same branch, where its number of threads can be set.
constexpr char kSoftware[] = "software";
/// Up to Full HD in whole macroblocks one thread keeps up with a camera on a small board. A second one costs 5 % more CPU.
constexpr gint kOneThreadPixels = 1920 * 1088;

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
  /// Unset for JPEG, whose caps tell the coded size.
  std::optional<VideoCodec> codec;
  guint maxWidth;
  guint maxHeight;
  Decode decode;
  UnitFilter filter;
  CatchUp catchUp;
  /// A unit went on to the decoder.
  gint fed;
  /// Of the picture as it is shown, 0 before its caps are known.
  gint width;
  gint height;
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
  units->filter = UnitFilter(units->decode);
  units->arrivals = {};
  return TRUE;
}

/// Before these caps reach the decoder, which reads the property when it opens.
void setThreads(VedetteUnits* units, gint width, gint height) {
  GstObject* branch = gst_object_get_parent(GST_OBJECT(units));
  GstElement* decoder = GST_IS_BIN(branch) ? gst_bin_get_by_name(GST_BIN(branch), kSoftware) : nullptr;
  if (decoder != nullptr) {
    const gint threads = static_cast<gint64>(width) * height > kOneThreadPixels ? 2 : 1;
    g_object_set(decoder, "max-threads", threads, nullptr);
    gst_object_unref(decoder);
  }
  gst_clear_object(&branch);
}

gboolean setCaps(GstBaseTransform* transform, GstCaps* caps, GstCaps*) {
  const GstStructure* stream = gst_caps_get_structure(caps, 0);
  gint width = 0;
  gint height = 0;
  gst_structure_get_int(stream, "width", &width);
  gst_structure_get_int(stream, "height", &height);
  g_atomic_int_set(&self(transform)->width, width);
  g_atomic_int_set(&self(transform)->height, height);
  setThreads(self(transform), width, height);
  auto& codec = self(transform)->codec;
  codec.reset();
  if (gst_structure_has_name(stream, "video/x-h264")) codec = VideoCodec::H264;
  if (gst_structure_has_name(stream, "video/x-h265")) codec = VideoCodec::H265;
  return TRUE;
}

bool isKey(GstBuffer* buffer) { return !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT); }

/// False, with an error on the bus, when a parameter set in `unit` asks for too large a picture.
bool fits(VedetteUnits* units, std::span<const std::uint8_t> unit) {
  const auto size = codedSize(unit, *units->codec);
  const auto blocks = [](std::uint64_t pixels) { return (pixels + kBlock - 1) / kBlock; };
  if (!size || (blocks(size->width) <= blocks(units->maxWidth) && blocks(size->height) <= blocks(units->maxHeight))) {
    return true;
  }
  GST_ELEMENT_ERROR(units, STREAM, WRONG_TYPE,
                    ("the coded picture of %" G_GUINT64_FORMAT "x%" G_GUINT64_FORMAT " is larger than %ux%u",
                     size->width, size->height, units->maxWidth, units->maxHeight),
                    (nullptr));
  return false;
}

void show(VedetteUnits* units, GstBuffer* buffer) {
  gint64 pts = 0;
  gint64 dts = 0;
  // Signed: the first decoding times of a stream with B-frames lie before the segment.
  const GstSegment* segment = &units->parent.segment;
  const auto signedTime = [segment](GstClockTime time, gint64& out) {
    guint64 magnitude = 0;
    const int sign = gst_segment_to_running_time_full(segment, GST_FORMAT_TIME, time, &magnitude);
    out = sign < 0 ? -static_cast<gint64>(magnitude) : static_cast<gint64>(magnitude);
    return sign != 0;
  };
  const GstClockTime bufferPts = GST_BUFFER_PTS(buffer);
  if (!GST_CLOCK_TIME_IS_VALID(bufferPts) || !signedTime(bufferPts, pts)) return;
  if (!GST_CLOCK_TIME_IS_VALID(GST_BUFFER_DTS(buffer)) || !signedTime(GST_BUFFER_DTS(buffer), dts)) dts = pts;
  const gint64 offset = units->timeline->timelineOffsetNs();
  Unit unit;
  unit.buffer = std::shared_ptr<GstBuffer>(gst_buffer_ref(buffer), [](GstBuffer* held) { gst_buffer_unref(held); });
  unit.ptsNs = offset + pts;
  unit.dtsNs = offset + dts;
  unit.capture = captureOf(units->arrivals, buffer, pts < 0 ? GST_CLOCK_TIME_NONE : static_cast<GstClockTime>(pts));
  unit.key = isKey(buffer);
  units->store->push(std::move(unit));
}

/// Whether the decoder has fallen behind; by decoding times, which never go back.
bool isLate(VedetteUnits* units, GstBuffer* buffer) {
  const GstClockTime stamp = GST_BUFFER_DTS_OR_PTS(buffer);
  if (!GST_CLOCK_TIME_IS_VALID(stamp)) return false;
  const double nowMs = static_cast<double>(g_get_monotonic_time()) / 1000;
  return units->catchUp.leavesOut(nowMs, static_cast<double>(stamp) / GST_MSECOND, isKey(buffer));
}

GstFlowReturn look(GstBaseTransform* transform, GstBuffer* buffer) {
  VedetteUnits* units = self(transform);
  GstMapInfo map;
  bool isLeftOut = false;
  if (units->codec && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
    const std::span<const std::uint8_t> unit{map.data, map.size};
    const bool isFitting = fits(units, unit);
    isLeftOut = units->filter.leavesOut(unit, *units->codec, isKey(buffer));
    gst_buffer_unmap(buffer, &map);
    if (!isFitting) return GST_FLOW_ERROR;
  }
  if (units->store->wanted()) show(units, buffer);
  if (isLate(units, buffer) || isLeftOut) {
    units->timeline->leaveOut();
    return GST_BASE_TRANSFORM_FLOW_DROPPED;
  }
  g_atomic_int_set(&units->fed, TRUE);
  return GST_FLOW_OK;
}

void setProperty(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  switch (id) {
    case kMaxWidth: self(object)->maxWidth = g_value_get_uint(value); break;
    case kMaxHeight: self(object)->maxHeight = g_value_get_uint(value); break;
    case kDecode: self(object)->decode = decodeNamed(g_value_get_string(value)); break;
    case kMaxLate: self(object)->catchUp = CatchUp(g_value_get_uint(value)); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

void getProperty(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  switch (id) {
    case kFed: g_value_set_boolean(value, g_atomic_int_get(&self(object)->fed)); break;
    case kWidth: g_value_set_int(value, g_atomic_int_get(&self(object)->width)); break;
    case kHeight: g_value_set_int(value, g_atomic_int_get(&self(object)->height)); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
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
  new (&units->codec) std::optional<VideoCodec>();
  units->maxWidth = 4096;
  units->maxHeight = 2304;
  units->decode = Decode::All;
  new (&units->filter) UnitFilter(Decode::All);
  new (&units->catchUp) CatchUp(0);
  gst_base_transform_set_passthrough(&units->parent, TRUE);
}

static void vedette_units_class_init(VedetteUnitsClass* klass) {
  auto* object = G_OBJECT_CLASS(klass);
  object->finalize = finalize;
  object->set_property = setProperty;
  object->get_property = getProperty;
  const auto flags = static_cast<GParamFlags>(G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property(
      object, kMaxWidth, g_param_spec_uint("max-width", "Max width", "Largest coded width", 1, 65535, 4096, flags));
  g_object_class_install_property(
      object, kMaxHeight, g_param_spec_uint("max-height", "Max height", "Largest coded height", 1, 65535, 2304, flags));
  g_object_class_install_property(
      object, kDecode, g_param_spec_string("decode", "Decode", "all, reference or key", "all", flags));
  g_object_class_install_property(
      object, kMaxLate,
      g_param_spec_uint("max-late", "Max late", "Milliseconds after which units are left out up to a key frame; 0: never", 0,
                        60'000, 0, flags));
  const auto readable = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property(
      object, kFed, g_param_spec_boolean("fed", "Fed", "Whether a unit went on to the decoder", FALSE, readable));
  g_object_class_install_property(
      object, kWidth, g_param_spec_int("width", "Width", "Of the picture as it is shown", 0, G_MAXINT, 0, readable));
  g_object_class_install_property(
      object, kHeight, g_param_spec_int("height", "Height", "Of the picture as it is shown", 0, G_MAXINT, 0, readable));
  auto* element = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element, &sinkTemplate);
  gst_element_class_add_static_pad_template(element, &sourceTemplate);
  gst_element_class_set_static_metadata(element, "Vedette units", "Filter/Video",
                                        "Passes encoded access units on while they are wanted", "Vedette");
  auto* base = GST_BASE_TRANSFORM_CLASS(klass);
  base->start = start;
  base->set_caps = setCaps;
  base->transform_ip = look;
  base->transform_ip_on_passthrough = TRUE;
}

namespace vedette::gst {

bool registerUnits() {
  return gst_element_register(nullptr, "vedetteunits", GST_RANK_NONE, vedette_units_get_type()) != FALSE;
}

}  // namespace vedette::gst
