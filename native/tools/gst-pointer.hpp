// Owning pointers for what GStreamer and GLib hand out.
#pragma once

#include <gst/gst.h>

#include <memory>

namespace vedette {

struct Unref {
  void operator()(GstCaps* caps) const noexcept { gst_caps_unref(caps); }
  void operator()(GstBuffer* buffer) const noexcept { gst_buffer_unref(buffer); }
  void operator()(GstSample* sample) const noexcept { gst_sample_unref(sample); }
  void operator()(GstMessage* message) const noexcept { gst_message_unref(message); }
  void operator()(GError* error) const noexcept { g_error_free(error); }
  void operator()(gchar* text) const noexcept { g_free(text); }
  template <typename Object>
  void operator()(Object* object) const noexcept { g_object_unref(object); }
};

template <typename Type>
using Owned = std::unique_ptr<Type, Unref>;

}  // namespace vedette
