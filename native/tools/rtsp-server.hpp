// An RTSP server whose mounts play clips as a camera would: one shared live stream per path.
#pragma once

#include <gst/rtsp-server/rtsp-server.h>

#include <string>

#include "clip.hpp"

namespace vedette {

struct RtspServerOptions {
  std::string address = "127.0.0.1";
  /// 0 lets the system choose.
  int port = 0;
  bool loop = false;
  /// Empty: everybody may watch.
  std::string user;
  std::string password;
};

/// Serves clips on the default main context until destroyed.
///
/// Owns:    the server and the clips. A path's clip starts anew when its first client comes.
/// Threads: construct, add and destroy on the thread of the main loop; streams run on GStreamer's.
/// Fails:   `listen` throws std::runtime_error when the port cannot be had.
/// Cost:    no decoding, no encoding: one copy of a pointer per access unit.
class RtspServer final {
 public:
  explicit RtspServer(RtspServerOptions options);
  ~RtspServer();
  RtspServer(const RtspServer&) = delete;
  RtspServer& operator=(const RtspServer&) = delete;

  void add(const std::string& path, Clip clip);
  /// Returns the port.
  int listen();

 private:
  void requirePassword();

  // Owned.
  const RtspServerOptions options_;
  const Owned<GstRTSPServer> server_;
  guint source_ = 0;
  guint cleaner_ = 0;
};

}  // namespace vedette
