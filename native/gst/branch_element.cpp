// `vedettebranch`: a bin that waits for the first caps and then becomes the branch that its `lines` name for them.
//
// Which codec a camera sends is known only once it answers. The launch line therefore holds one line per kind of stream,
// `caps => description`, one below the other; the first whose caps agree is built. Nothing else is ever built: a stream
// that fits no line, by its codec or its size, ends in an error that says so.
#include <gst/gst.h>

#include <cstring>
#include <string>
#include <string_view>

#include "gst/plugin.hpp"

struct VedetteBranch {
  GstBin parent;
  GstPad* sink;
  gchar* lines;
  GstElement* built;
  /// The caps of the line that was built.
  GstCaps* accepted;
  gboolean connected;
  /// A stream of this session was chosen.
  gint selected;
  /// Of the line that was built; -1 before that.
  gint line;
};

struct VedetteBranchClass {
  GstBinClass parent;
};

G_DEFINE_TYPE(VedetteBranch, vedette_branch, GST_TYPE_BIN)

namespace {

enum Property { kPropertyZero, kLines, kWake, kLine };

constexpr std::string_view kArrow = " => ";
/// Name of the message that tells which line was built.
constexpr char kChosen[] = "vedette-branch";

// What cameras and files send as video; pads with anything else (sound, cover art, metadata) are not linked.
GstStaticPadTemplate sinkTemplate = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("application/x-rtp, media=video; video/x-h264; video/x-h265; image/jpeg; video/x-raw; "
                    "video/mpeg; video/x-vp8; video/x-vp9; video/x-av1; video/x-divx; video/x-xvid; "
                    "video/x-h263; video/x-wmv; video/x-theora; video/x-prores"));

VedetteBranch* self(gpointer object) { return static_cast<VedetteBranch*>(object); }

void fail(VedetteBranch* branch, const std::string& text) {
  GST_ELEMENT_ERROR(branch, STREAM, CODEC_NOT_FOUND, ("%s", text.c_str()), (nullptr));
}

/// The caps without fields that hold bytes: short enough for a message.
std::string describe(const GstCaps* caps) {
  GstCaps* copy = gst_caps_copy(caps);
  for (guint i = 0; i < gst_caps_get_size(copy); ++i) {
    GstStructure* part = gst_caps_get_structure(copy, i);
    for (const char* field : {"codec_data", "streamheader", "sprop-parameter-sets", "sprop-vps", "sprop-sps",
                              "sprop-pps", "profile-level-id"}) {
      gst_structure_remove_field(part, field);
    }
  }
  gchar* text = gst_caps_to_string(copy);
  std::string result = text;
  g_free(text);
  gst_caps_unref(copy);
  return result;
}

/// Tells on the bus which line (0, 1, …) was chosen for which caps.
void announce(VedetteBranch* branch, int line, const GstCaps* caps) {
  GstStructure* told = gst_structure_new(kChosen, "line", G_TYPE_INT, line, "stream", G_TYPE_STRING,
                                         describe(caps).c_str(), nullptr);
  gst_element_post_message(GST_ELEMENT(branch), gst_message_new_element(GST_OBJECT(branch), told));
}

bool build(VedetteBranch* branch, std::string_view description) {
  GError* error = nullptr;
  const std::string text(description);
  GstElement* bin = gst_parse_bin_from_description_full(text.c_str(), TRUE, nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (bin == nullptr) {
    fail(branch, std::string("cannot decode here: ") + (error != nullptr ? error->message : "unknown"));
    g_clear_error(&error);
    return false;
  }
  gst_bin_add(GST_BIN(branch), bin);
  GstPad* target = gst_element_get_static_pad(bin, "sink");
  const bool linked = target != nullptr && gst_ghost_pad_set_target(GST_GHOST_PAD(branch->sink), target);
  if (target != nullptr) gst_object_unref(target);
  branch->built = bin;
  return linked && gst_element_sync_state_with_parent(bin);
}

/// Builds the first line that `caps` agree with; false after an error was posted.
bool choose(VedetteBranch* branch, GstCaps* caps) {
  std::string_view rest = branch->lines != nullptr ? branch->lines : "";
  for (int at = 0; !rest.empty(); ++at) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t arrow = line.find(kArrow);
    if (arrow == std::string_view::npos) continue;
    GstCaps* wanted = gst_caps_from_string(std::string(line.substr(0, arrow)).c_str());
    const bool fits = wanted != nullptr && gst_caps_can_intersect(caps, wanted);
    if (!fits) {
      gst_clear_caps(&wanted);
      continue;
    }
    branch->accepted = wanted;
    g_atomic_int_set(&branch->line, at);
    announce(branch, at, caps);
    return build(branch, line.substr(arrow + kArrow.size()));
  }
  fail(branch, "no decoder is meant for " + describe(caps));
  return false;
}

gboolean sinkEvent(GstPad* pad, GstObject* parent, GstEvent* event) {
  VedetteBranch* branch = self(parent);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    bool fits = true;
    if (branch->built == nullptr) {
      fits = choose(branch, caps);
    } else if (!gst_caps_can_intersect(caps, branch->accepted)) {
      fail(branch, "the stream changed to " + describe(caps));
      fits = false;
    }
    if (!fits) {
      gst_event_unref(event);
      return FALSE;
    }
  }
  return gst_pad_event_default(pad, parent, event);
}

/// Only the first video stream of a camera is set up: no sound, no metadata, no second picture.
gboolean selectStream(GstElement*, guint, GstCaps* caps, gpointer branch) {
  const GstStructure* stream = gst_caps_get_structure(caps, 0);
  if (g_strcmp0(gst_structure_get_string(stream, "media"), "video") != 0) return FALSE;
  return g_atomic_int_compare_and_exchange(&self(branch)->selected, FALSE, TRUE);
}

/// Links the first pad whose stream is video that we know; the others stay unlinked.
void padAdded(GstElement*, GstPad* pad, gpointer branch) {
  if (!gst_pad_is_linked(self(branch)->sink)) gst_pad_link(pad, self(branch)->sink);
}

/// Lets through what the camera process reads. The rest, over a hundred messages per start, would wake its main thread one
/// by one, and gstreamer-superficial 1.7 leaks a string for every enumeration in them.
GstBusSyncReply keepNews(GstBus*, GstMessage* message, gpointer) {
  constexpr unsigned kRead = GST_MESSAGE_ERROR | GST_MESSAGE_WARNING | GST_MESSAGE_EOS | GST_MESSAGE_APPLICATION;
  if ((GST_MESSAGE_TYPE(message) & kRead) != 0) return GST_BUS_PASS;
  if (gst_message_has_name(message, kChosen)) return GST_BUS_PASS;
  gst_message_unref(message);
  return GST_BUS_DROP;
}

void quietBus(GstElement* pipeline) {
  GstBus* bus = gst_element_get_bus(pipeline);
  if (bus == nullptr) return;
  gst_bus_set_sync_handler(bus, keepNews, nullptr, nullptr);
  gst_object_unref(bus);
}

/// The element called `streams`, beside us, gives its pads while it runs, and gives new ones each time it runs again.
void connectSource(VedetteBranch* branch) {
  GstObject* pipeline = gst_object_get_parent(GST_OBJECT(branch));
  if (pipeline == nullptr) return;
  quietBus(GST_ELEMENT(pipeline));
  GstElement* source = GST_IS_BIN(pipeline) ? gst_bin_get_by_name(GST_BIN(pipeline), "streams") : nullptr;
  gst_object_unref(pipeline);
  if (source == nullptr) return;
  branch->connected = TRUE;
  g_signal_connect_object(source, "pad-added", G_CALLBACK(padAdded), branch, static_cast<GConnectFlags>(0));
  if (g_signal_lookup("select-stream", G_OBJECT_TYPE(source)) != 0) {
    g_signal_connect_object(source, "select-stream", G_CALLBACK(selectStream), branch, static_cast<GConnectFlags>(0));
  }
  gst_object_unref(source);
}

void tearDown(VedetteBranch* branch) {
  gst_ghost_pad_set_target(GST_GHOST_PAD(branch->sink), nullptr);
  if (branch->built != nullptr) {
    gst_element_set_state(branch->built, GST_STATE_NULL);
    gst_bin_remove(GST_BIN(branch), branch->built);
    branch->built = nullptr;
  }
  gst_clear_caps(&branch->accepted);
  branch->selected = FALSE;
  g_atomic_int_set(&branch->line, -1);
}

GstStateChangeReturn changeState(GstElement* element, GstStateChange change) {
  VedetteBranch* branch = self(element);
  if (change == GST_STATE_CHANGE_NULL_TO_READY && !branch->connected) connectSource(branch);
  const GstStateChangeReturn result = GST_ELEMENT_CLASS(vedette_branch_parent_class)->change_state(element, change);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY) tearDown(branch);
  return result;
}

void setProperty(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  switch (id) {
    case kLines:
      g_free(self(object)->lines);
      self(object)->lines = g_value_dup_string(value);
      break;
    case kWake:
      gst_element_post_message(GST_ELEMENT(object),
                               gst_message_new_application(GST_OBJECT(object), gst_structure_new_empty("vedette-wake")));
      break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

void getProperty(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  switch (id) {
    case kLine: g_value_set_int(value, g_atomic_int_get(&self(object)->line)); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

void finalize(GObject* object) {
  g_free(self(object)->lines);
  G_OBJECT_CLASS(vedette_branch_parent_class)->finalize(object);
}

}  // namespace

static void vedette_branch_init(VedetteBranch* branch) {
  branch->line = -1;
  branch->sink = gst_ghost_pad_new_no_target_from_template("sink", gst_static_pad_template_get(&sinkTemplate));
  gst_pad_set_event_function(branch->sink, sinkEvent);
  gst_element_add_pad(GST_ELEMENT(branch), branch->sink);
}

static void vedette_branch_class_init(VedetteBranchClass* klass) {
  auto* object = G_OBJECT_CLASS(klass);
  object->set_property = setProperty;
  object->get_property = getProperty;
  object->finalize = finalize;
  const auto flags = static_cast<GParamFlags>(G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property(
      object, kLines, g_param_spec_string("lines", "Lines", "One `caps => description` per line", "", flags));
  g_object_class_install_property(
      object, kWake,
      g_param_spec_boolean("wake", "Wake", "Writing it posts a message, for whoever waits on the bus", FALSE, flags));

  // Frames and units may overtake the message on the bus.
  g_object_class_install_property(
      object, kLine,
      g_param_spec_int("line", "Line", "Which line was built (0, 1, ...), -1: none yet", -1, G_MAXINT, -1,
                       static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

  auto* element = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element, &sinkTemplate);
  gst_element_class_set_static_metadata(element, "Vedette branch", "Bin/Video",
                                        "Builds the branch that fits the stream which arrives", "Vedette");
  element->change_state = changeState;
}

namespace vedette::gst {

bool registerBranch() {
  return gst_element_register(nullptr, "vedettebranch", GST_RANK_NONE, vedette_branch_get_type()) != FALSE;
}

}  // namespace vedette::gst
