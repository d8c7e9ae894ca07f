#include "rtsp-server.hpp"

#include <gst/app/gstappsrc.h>

#include <memory>
#include <stdexcept>
#include <utility>

namespace vedette {
namespace {

constexpr const char* kWatcher = "watcher";
constexpr guint kCleanEverySeconds = 2;

struct Mount {
  Clip clip;
  bool loop;
};

/// Where one playing stream of a mount is.
struct Feed {
  std::shared_ptr<const Mount> mount;
  std::size_t next = 0;
  GstClockTime offset = 0;
};

/// Pushes one access unit. The clip's buffers are shared: only the wrapper with the timestamps is new.
void onNeedData(GstAppSrc* source, guint, Feed* feed) {
  const Clip& clip = feed->mount->clip;
  if (feed->next == clip.units.size()) {
    if (!feed->mount->loop) {
      gst_app_src_end_of_stream(source);
      return;
    }
    feed->next = 0;
    feed->offset += clip.duration;
  }
  const Clip::AccessUnit& unit = clip.units[feed->next++];
  GstBuffer* buffer = gst_buffer_copy(unit.data.get());
  GST_BUFFER_PTS(buffer) = feed->offset + unit.pts;
  GST_BUFFER_DTS(buffer) = feed->offset + unit.dts;
  GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_DISCONT);
  gst_app_src_push_buffer(source, buffer);
}

void onMedia(GstRTSPMediaFactory*, GstRTSPMedia* media, std::shared_ptr<const Mount>* mount) {
  const Owned<GstElement> bin{gst_rtsp_media_get_element(media)};
  GstElement* source = gst_bin_get_by_name_recurse_up(GST_BIN(bin.get()), "clip");
  gst_app_src_set_caps(GST_APP_SRC(source), (*mount)->clip.caps.get());
  g_signal_connect_data(
      source, "need-data", G_CALLBACK(onNeedData), new Feed{*mount},
      [](gpointer feed, GClosure*) { delete static_cast<Feed*>(feed); }, GConnectFlags(0));
  gst_object_unref(source);
}

gboolean forgetDeadSessions(gpointer server) {
  const Owned<GstRTSPSessionPool> pool{gst_rtsp_server_get_session_pool(GST_RTSP_SERVER(server))};
  gst_rtsp_session_pool_cleanup(pool.get());
  return G_SOURCE_CONTINUE;
}

}  // namespace

RtspServer::RtspServer(RtspServerOptions options)
    : options_(std::move(options)), server_(gst_rtsp_server_new()) {
  gst_rtsp_server_set_address(server_.get(), options_.address.c_str());
  gst_rtsp_server_set_service(server_.get(), std::to_string(options_.port).c_str());
  if (!options_.user.empty()) requirePassword();
}

RtspServer::~RtspServer() {
  if (source_) g_source_remove(source_);
  if (cleaner_) g_source_remove(cleaner_);
}

void RtspServer::requirePassword() {
  const Owned<GstRTSPAuth> auth{gst_rtsp_auth_new()};
  const Owned<gchar> basic{gst_rtsp_auth_make_basic(options_.user.c_str(), options_.password.c_str())};
  GstRTSPToken* token = gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, kWatcher, nullptr);
  gst_rtsp_auth_set_supported_methods(auth.get(), GST_RTSP_AUTH_DIGEST);
  gst_rtsp_auth_add_digest(auth.get(), options_.user.c_str(), options_.password.c_str(), token);
  gst_rtsp_auth_add_basic(auth.get(), basic.get(), token);
  gst_rtsp_token_unref(token);
  gst_rtsp_server_set_auth(server_.get(), auth.get());
}

void RtspServer::add(const std::string& path, Clip clip) {
  GstRTSPMediaFactory* factory = gst_rtsp_media_factory_new();
  const std::string launch = std::string("( appsrc name=clip is-live=true format=time max-bytes=1 ! ") +
                             clip.payloader + " name=pay0 pt=96 )";
  gst_rtsp_media_factory_set_launch(factory, launch.c_str());
  gst_rtsp_media_factory_set_shared(factory, TRUE);
  if (!options_.user.empty()) {
    gst_rtsp_media_factory_add_role(factory, kWatcher, GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN, TRUE,
                                    GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE, nullptr);
  }
  auto mount = std::make_shared<const Mount>(std::move(clip), options_.loop);
  g_signal_connect_data(
      factory, "media-configure", G_CALLBACK(onMedia), new std::shared_ptr<const Mount>(std::move(mount)),
      [](gpointer held, GClosure*) { delete static_cast<std::shared_ptr<const Mount>*>(held); }, GConnectFlags(0));
  const Owned<GstRTSPMountPoints> mounts{gst_rtsp_server_get_mount_points(server_.get())};
  gst_rtsp_mount_points_add_factory(mounts.get(), ("/" + path).c_str(), factory);
}

int RtspServer::listen() {
  source_ = gst_rtsp_server_attach(server_.get(), nullptr);
  if (source_ == 0) {
    throw std::runtime_error("cannot listen on " + options_.address + ":" + std::to_string(options_.port) +
                             ": the port is taken or may not be used");
  }
  cleaner_ = g_timeout_add_seconds(kCleanEverySeconds, forgetDeadSessions, server_.get());
  return gst_rtsp_server_get_bound_port(server_.get());
}

}  // namespace vedette
