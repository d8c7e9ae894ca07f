// vedette.node: the native part that the agent and its camera processes share.
#include <string>

#include "addon/exports.hpp"
#include "addon/guard.hpp"
#include "core/error.hpp"

namespace vedette::addon {

namespace {

using Init = void (*)(Napi::Env, Napi::Object);

constexpr Init kExports[] = {
    initArena,
    initCameraLink,
    initFrameRing,
    initPrint,
    initSandbox,
    initSession,
};

Napi::Value errorCodes(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    Napi::Array codes = Napi::Array::New(info.Env());
    for (const auto name : codeNames()) codes.Set(codes.Length(), std::string(name));
    return codes;
  });
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  for (const Init part : kExports) part(env, exports);
  exports.Set("errorCodes", Napi::Function::New(env, errorCodes, "errorCodes"));
  return exports;
}

}  // namespace

}  // namespace vedette::addon

static Napi::Object initVedette(Napi::Env env, Napi::Object exports) {
  return vedette::addon::init(env, exports);
}

NODE_API_MODULE(vedette, initVedette)
