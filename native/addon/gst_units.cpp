// UnitSink for JavaScript: encoded access units while they are wanted.
#include <memory>

#include "addon/gst_exports.hpp"
#include "addon/guard.hpp"
#include "addon/wake.hpp"
#include "gst/unit_store.hpp"

namespace vedette::addon {

namespace {

class UnitSink final : public Napi::ObjectWrap<UnitSink> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "UnitSink",
                       {
                           InstanceMethod("onUnit", &UnitSink::onUnit),
                           InstanceMethod("want", &UnitSink::want),
                           InstanceMethod("close", &UnitSink::close),
                       });
  }

  explicit UnitSink(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<UnitSink>(info), store_(gst::UnitStore::named(info[0].ToString().Utf8Value())) {}

 private:
  Napi::Value onUnit(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      listener_ = Napi::Persistent(info[0].As<Napi::Function>());
      wake_ = std::make_shared<Wake>(info.Env(), "vedette units", [this](Napi::Env env) { deliver(env); });
      store_->setWake([wake = wake_] { wake->wake(); });
      return info.Env().Undefined();
    });
  }

  void deliver(Napi::Env env) {
    while (!listener_.IsEmpty()) {
      const auto unit = store_->take();
      if (!unit) return;
      const Napi::HandleScope scope(env);
      GstMapInfo map;
      if (!gst_buffer_map(unit->buffer.get(), &map, GST_MAP_READ)) continue;
      Napi::Object told = Napi::Object::New(env);
      told.Set("data", Napi::Buffer<std::uint8_t>::Copy(env, map.data, map.size));
      gst_buffer_unmap(unit->buffer.get(), &map);
      told.Set("ptsNs", static_cast<double>(unit->ptsNs));
      told.Set("dtsNs", static_cast<double>(unit->dtsNs));
      told.Set("captureMs", unit->capture.unixMs);
      told.Set("captureClock", unit->capture.rtcp ? "rtcp" : "host");
      told.Set("key", unit->key);
      told.Set("skippedBefore", unit->skippedBefore);
      listener_.Call({told});
    }
  }

  Napi::Value want(const Napi::CallbackInfo& info) {
    store_->setWanted(info[0].ToBoolean());
    return info.Env().Undefined();
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    store_->setWanted(false);
    store_->setWake({});
    if (wake_) wake_->release();
    wake_.reset();
    listener_.Reset();
    return info.Env().Undefined();
  }

  // Owned.
  std::shared_ptr<gst::UnitStore> store_;
  std::shared_ptr<Wake> wake_;
  Napi::FunctionReference listener_;
};

}  // namespace

void initUnits(Napi::Env env, Napi::Object exports) { exports.Set("UnitSink", UnitSink::define(env)); }

}  // namespace vedette::addon
