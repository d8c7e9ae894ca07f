// Calling JavaScript from another thread: "there is something for you", without data, never waiting.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>

namespace vedette::addon {

/// A thread-safe function that calls `onWake` on JavaScript's thread.
///
/// Owns:    a reference on the process's event loop until `release`.
/// Threads: `wake` from any; the rest on JavaScript's.
/// Fails:   `wake` after `release` does nothing.
/// Cost:    one uv_async_send per wake.
class Wake final {
 public:
  Wake(Napi::Env env, const char* name, std::function<void(Napi::Env)> onWake)
      : onWake_(std::make_unique<std::function<void(Napi::Env)>>(std::move(onWake))),
        function_(Function::New(env, Napi::Function(), name, 0, 1, onWake_.get())) {}

  void wake() { function_.NonBlockingCall(); }
  void release() { function_.Abort(); }

 private:
  static void call(Napi::Env env, Napi::Function, std::function<void(Napi::Env)>* onWake, void*) {
    if (env != nullptr) (*onWake)(env);
  }
  using Function = Napi::TypedThreadSafeFunction<std::function<void(Napi::Env)>, void, call>;

  // Owned.
  std::unique_ptr<std::function<void(Napi::Env)>> onWake_;
  Function function_;
};

}  // namespace vedette::addon
