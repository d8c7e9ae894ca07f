// FrameSink for JavaScript: notices of decoded frames, and printing from them into the arena.
#include "gst/frame_store.hpp"

#include <chrono>
#include <memory>

#include "addon/gst_exports.hpp"
#include "addon/guard.hpp"
#include "addon/motion_arguments.hpp"
#include "addon/print_order.hpp"
#include "addon/wake.hpp"
#include "core/print.hpp"
#include "gst/mapped_frame.hpp"

namespace vedette::addon {

namespace {

class FrameSink final : public Napi::ObjectWrap<FrameSink> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "FrameSink",
                       {
                           InstanceMethod("onFrame", &FrameSink::onFrame),
                           InstanceMethod("noticeEvery", &FrameSink::noticeEvery),
                           InstanceMethod("watchMotion", &FrameSink::watchMotion),
                           InstanceMethod("print", &FrameSink::print),
                           InstanceMethod("pass", &FrameSink::pass),
                           InstanceMethod("continueTimeline", &FrameSink::continueTimeline),
                           InstanceMethod("close", &FrameSink::close),
                       });
  }

  explicit FrameSink(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<FrameSink>(info), store_(gst::FrameStore::named(info[0].ToString().Utf8Value())) {}

 private:
  Napi::Value onFrame(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      listener_ = Napi::Persistent(info[0].As<Napi::Function>());
      wake_ = std::make_shared<Wake>(info.Env(), "vedette frames", [this](Napi::Env env) { deliver(env); });
      store_->setWake([wake = wake_] { wake->wake(); });
      return info.Env().Undefined();
    });
  }

  /// noticeEvery(milliseconds)
  Napi::Value noticeEvery(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      const std::chrono::duration<double, std::milli> interval(number(info[0], "milliseconds"));
      store_->setNoticeEvery(std::chrono::duration_cast<std::chrono::nanoseconds>(interval));
      return info.Env().Undefined();
    });
  }

  /// watchMotion(options): from the next start of the element on.
  Napi::Value watchMotion(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      store_->setMotion(motionOptionsOf(info[0]));
      return info.Env().Undefined();
    });
  }

  void deliver(Napi::Env env) {
    const auto notice = store_->takeNotice();
    if (!notice || listener_.IsEmpty()) return;
    const Napi::HandleScope scope(env);
    Napi::Object frame = Napi::Object::New(env);
    frame.Set("sequence", static_cast<double>(notice->sequence));
    frame.Set("ptsNs", static_cast<double>(notice->ptsNs));
    frame.Set("captureMs", notice->capture.unixMs);
    frame.Set("captureClock", notice->capture.rtcp ? "rtcp" : "host");
    frame.Set("widthPx", notice->widthPx);
    frame.Set("heightPx", notice->heightPx);
    frame.Set("fps", notice->fps);
    frame.Set("pixelFormat", notice->pixelFormat);
    setMotion(frame, notice->motion);
    frame.Set("skipped", static_cast<double>(notice->skipped));
    listener_.Call({frame});
  }

  /// print(sequence, rectangle, format, memory, offset, orNewer) → {placement, bytes, tookUs, newer?} or the failure's name.
  Napi::Value print(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      const auto started = std::chrono::steady_clock::now();
      const auto failure = [&](const char* cause) { return Napi::String::New(info.Env(), cause); };
      const auto order = printOrderOf(info, 1);
      if (!order) return failure("bad_ticket");
      const auto sequence = static_cast<std::uint64_t>(number(info[0], "sequence"));
      const auto frame = info[5].ToBoolean() ? store_->findNewest(sequence) : store_->find(sequence);
      if (!frame) return failure("frame_gone");
      const gst::MappedFrame mapped(*frame);
      const auto picture = mapped.picture();
      if (!picture) return failure("map_failed");
      const auto placement = printer_.print(*picture, order->rectangle, order->format, order->out);
      if (!placement) return failure("bad_ticket");
      store_->taken(*frame);
      const Napi::Object printed = printedObject(info.Env(), *placement, order->out.size(), started);
      if (frame->sequence() != sequence) printed.Set("newer", newerObject(info.Env(), *frame));
      return printed;
    });
  }

  static Napi::Object newerObject(Napi::Env env, const gst::HeldFrame& frame) {
    Napi::Object newer = Napi::Object::New(env);
    newer.Set("sequence", static_cast<double>(frame.sequence()));
    newer.Set("ptsNs", static_cast<double>(frame.ptsNs()));
    newer.Set("captureMs", frame.captureMs());
    return newer;
  }

  Napi::Value pass(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      store_->pass(static_cast<std::uint64_t>(number(info[0], "sequence")));
      return info.Env().Undefined();
    });
  }

  Napi::Value continueTimeline(const Napi::CallbackInfo& info) {
    store_->continueTimeline();
    return info.Env().Undefined();
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    store_->setWake({});
    store_->clear();
    if (wake_) wake_->release();
    wake_.reset();
    listener_.Reset();
    return info.Env().Undefined();
  }

  // Owned.
  std::shared_ptr<gst::FrameStore> store_;
  std::shared_ptr<Wake> wake_;
  Napi::FunctionReference listener_;
  Printer printer_;
};

}  // namespace

void initFrames(Napi::Env env, Napi::Object exports) { exports.Set("FrameSink", FrameSink::define(env)); }

}  // namespace vedette::addon
