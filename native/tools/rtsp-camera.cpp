// vedette-rtsp-camera: serves video files as RTSP cameras. Started by `vedette camera`, which checks what people type.
//
//   vedette-rtsp-camera [--address A] [--port N] [--loop] [--fps F] PATH=FILE ...
//
// User and password come in the environment (VEDETTE_CAMERA_USER, VEDETTE_CAMERA_PASSWORD), so that they are not in
// the process list. Writes one JSON line per mount and `{"port":N}` when it listens; ends on SIGINT and SIGTERM, and
// with its parent.
#include <glib-unix.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rtsp-server.hpp"

namespace {

using vedette::Clip;
using vedette::RtspServer;
using vedette::RtspServerOptions;

struct Arguments {
  RtspServerOptions server;
  double fps = 0;
  std::vector<std::pair<std::string, std::string>> mounts;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Arguments parse(int count, char** values) {
  Arguments arguments;
  for (int at = 1; at < count; ++at) {
    const std::string value = values[at];
    const auto next = [&] {
      if (at + 1 == count) throw std::runtime_error(value + " needs a value");
      return std::string(values[++at]);
    };
    if (value == "--address") arguments.server.address = next();
    else if (value == "--port") arguments.server.port = std::stoi(next());
    else if (value == "--loop") arguments.server.loop = true;
    else if (value == "--fps") arguments.fps = std::stod(next());
    else if (const auto equals = value.find('='); equals != std::string::npos) {
      arguments.mounts.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    } else {
      throw std::runtime_error("not understood: " + value);
    }
  }
  arguments.server.user = environment("VEDETTE_CAMERA_USER");
  arguments.server.password = environment("VEDETTE_CAMERA_PASSWORD");
  return arguments;
}

void run(const Arguments& arguments) {
  RtspServer server(arguments.server);
  for (const auto& [path, file] : arguments.mounts) {
    Clip clip = Clip::read(file);
    if (arguments.fps > 0) clip.setFps(arguments.fps);
    std::printf("{\"path\":\"%s\",\"frames\":%zu,\"fps\":%.3f,\"transcoded\":%s}\n", path.c_str(),
                clip.units.size(), clip.fps(), clip.transcoded ? "true" : "false");
    server.add(path, std::move(clip));
  }
  std::printf("{\"port\":%d}\n", server.listen());
  std::fflush(stdout);

  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  const auto quit = [](gpointer data) -> gboolean {
    g_main_loop_quit(static_cast<GMainLoop*>(data));
    return G_SOURCE_CONTINUE;
  };
  g_unix_signal_add(SIGINT, quit, loop);
  g_unix_signal_add(SIGTERM, quit, loop);
  g_main_loop_run(loop);
  g_main_loop_unref(loop);
}

}  // namespace

int main(int count, char** values) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  gst_init(nullptr, nullptr);
  try {
    run(parse(count, values));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
