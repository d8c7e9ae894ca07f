// The agent's end of a camera link, for JavaScript and for the sessions that wait for its prints.
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "addon/wake.hpp"
#include "core/camera_link.hpp"

namespace vedette::addon {

/// The memory of a link, its agent's end, and the thread that listens for what JavaScript wants to hear.
class CameraLink final : public Napi::ObjectWrap<CameraLink> {
 public:
  static Napi::Function define(Napi::Env env);
  /// new CameraLink(onWake)
  explicit CameraLink(const Napi::CallbackInfo& info);
  ~CameraLink() override;

  /// Keeps the memory, too.
  const std::shared_ptr<link::AgentEnd>& end() const noexcept { return end_; }

 private:
  Napi::Value fd(const Napi::CallbackInfo& info);
  Napi::Value ask(const Napi::CallbackInfo& info);
  Napi::Value pass(const Napi::CallbackInfo& info);
  Napi::Value isAnswered(const Napi::CallbackInfo& info);
  Napi::Value take(const Napi::CallbackInfo& info);
  Napi::Value takeNotice(const Napi::CallbackInfo& info);
  Napi::Value waiting(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  void listen();
  void shut();
  /// The format read before, where the object is the same: those of a model's tickets are.
  std::optional<PrintFormat> formatOf(const Napi::Value& value);

  // Owned. The thread ends before the wake that it calls; the wake itself stays, because its callback may be running.
  std::shared_ptr<link::AgentEnd> end_;
  int fd_ = -1;
  Napi::ObjectReference formatObject_;
  std::optional<PrintFormat> format_;
  Napi::FunctionReference onWake_;
  std::unique_ptr<Wake> wake_;
  std::atomic<bool> isWoken_{false};
  std::thread thread_;
};

}  // namespace vedette::addon
