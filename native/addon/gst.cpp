// vedette_gst.node: our GStreamer elements and what they hold. Loaded by camera processes only.
#include <gst/gst.h>

#include "addon/gst_exports.hpp"
#include "addon/guard.hpp"
#include "core/error.hpp"
#include "gst/plugin.hpp"

namespace vedette::addon {

namespace {

Napi::Value registerElements(const Napi::CallbackInfo& info) {
  return guard(info, [&]() -> Napi::Value {
    GError* problem = nullptr;
    if (!gst_init_check(nullptr, nullptr, &problem)) {
      const std::string cause = problem != nullptr ? problem->message : "gst_init failed";
      g_clear_error(&problem);
      throw Error(Code::NativeUnavailable, {{"name", "GStreamer"}, {"cause", cause}});
    }
    if (!gst::registerFrames() || !gst::registerUnits() || !gst::registerBranch()) {
      throw Error(Code::Defect, "an element could not be registered");
    }
    return info.Env().Undefined();
  });
}

/// Whether this machine has the element; looking does not load it, unless it is a decoder of ours.
Napi::Value hasElement(const Napi::CallbackInfo& info) {
  return guard(info, [&]() -> Napi::Value {
    const std::string name = info[0].ToString().Utf8Value();
    if (name.starts_with("vedette")) gst::registerDecoders();
    GstElementFactory* factory = gst_element_factory_find(name.c_str());
    if (factory != nullptr) gst_object_unref(factory);
    return Napi::Boolean::New(info.Env(), factory != nullptr);
  });
}

}  // namespace

}  // namespace vedette::addon

static Napi::Object initGst(Napi::Env env, Napi::Object exports) {
  using namespace vedette::addon;
  exports.Set("registerElements", Napi::Function::New(env, registerElements, "registerElements"));
  exports.Set("hasElement", Napi::Function::New(env, hasElement, "hasElement"));
  initFrames(env, exports);
  initUnits(env, exports);
  return exports;
}

NODE_API_MODULE(vedette_gst, initGst)
