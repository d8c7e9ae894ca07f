// The only bridge between C++ exceptions and JavaScript.
#pragma once

#include <napi.h>

#include <exception>
#include <utility>

namespace vedette::addon {

/// The JavaScript Error for whatever was thrown: `code` and `detail` as src/native/binding.ts expects them, so that the
/// facade can throw an AgentError. Also for rejecting promises, with an exception_ptr kept by another thread.
Napi::Error toJavaScript(Napi::Env env, const std::exception_ptr& thrown) noexcept;

/// Runs `body` and turns whatever escapes into a JavaScript error with a code. Every exported function is one call to
/// this; nothing else catches.
template <class Body>
Napi::Value guard(const Napi::CallbackInfo& info, Body&& body) noexcept {
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    toJavaScript(info.Env(), std::current_exception()).ThrowAsJavaScriptException();
    return {};
  }
}

}  // namespace vedette::addon
