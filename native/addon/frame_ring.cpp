// FrameRing for JavaScript: notices of raw frames that come through a pipe, and printing from them into the arena.
#include "core/frame_ring.hpp"

#include <algorithm>
#include <memory>
#include <string>

#include "addon/exports.hpp"
#include "addon/guard.hpp"
#include "addon/motion_arguments.hpp"
#include "addon/print_order.hpp"
#include "addon/wake.hpp"

namespace vedette::addon {

namespace {

class JsFrameRing final : public Napi::ObjectWrap<JsFrameRing> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "FrameRing",
                       {
                           InstanceMethod("print", &JsFrameRing::print),
                           InstanceMethod("pass", &JsFrameRing::pass),
                           InstanceMethod("close", &JsFrameRing::close),
                       });
  }

  /// new FrameRing(fd, pixelFormat, widthPx, heightPx, held, patienceMs, onFrame, onEnd, fps, motion)
  explicit JsFrameRing(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsFrameRing>(info) {
    guard(info, [&]() -> Napi::Value {
      open(info);
      return info.Env().Undefined();
    });
    if (wake_ && !ring_) wake_->release();
  }

  ~JsFrameRing() override { shut(); }

 private:
  void open(const Napi::CallbackInfo& info) {
    const int fd = static_cast<int>(size(info[0], "fd"));
    const auto pixels = pixelFormat(text(info[1], "pixelFormat"));
    if (!pixels) badArgument("no pixel format " + text(info[1], "pixelFormat"));
    const auto side = [&](std::size_t at) {
      return static_cast<int>(std::min<std::size_t>(size(info[at], "side"), kMaxSide + 1));
    };
    const RawFormat format{*pixels, side(2), side(3)};
    const FrameRing::Options options{size(info[4], "held"), std::chrono::milliseconds(size(info[5], "patienceMs")),
                                     number(info[8], "fps"), motionOptionsOf(info[9])};
    onFrame_ = Napi::Persistent(info[6].As<Napi::Function>());
    onEnd_ = Napi::Persistent(info[7].As<Napi::Function>());
    wake_ = std::make_unique<Wake>(info.Env(), "vedette frame ring", [this](Napi::Env env) { deliver(env); });
    ring_ = std::make_unique<FrameRing>(fd, format, options, [wake = wake_.get()] { wake->wake(); });
  }

  void deliver(Napi::Env env) {
    if (!ring_) return;
    const Napi::HandleScope scope(env);
    const auto end = ring_->takeEnd();
    if (const auto frame = ring_->takeNotice()) {
      Napi::Object notice = Napi::Object::New(env);
      notice.Set("sequence", static_cast<double>(frame->sequence));
      notice.Set("captureMs", frame->unixMs);
      notice.Set("monotonicMs", frame->monotonicMs);
      setMotion(notice, frame->motion);
      onFrame_.Call({notice});
    }
    if (!end || onEnd_.IsEmpty()) return;
    Napi::Object ending = Napi::Object::New(env);
    ending.Set("leftoverBytes", static_cast<double>(end->leftoverBytes));
    ending.Set("cause", end->cause);
    onEnd_.Call({ending});
  }

  /// print(sequence, rectangle, format, memory, offset) → {placement, bytes, tookUs} or the failure's name.
  Napi::Value print(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      const auto started = std::chrono::steady_clock::now();
      const auto failure = [&](const char* cause) { return Napi::String::New(info.Env(), cause); };
      const auto order = printOrderOf(info, 1);
      if (!order) return failure("bad_ticket");
      const auto frame = ring_ ? ring_->find(static_cast<std::uint64_t>(number(info[0], "sequence"))) : nullptr;
      if (!frame) return failure("frame_gone");
      const RawFormat& format = ring_->format();
      const auto picture = pictureIn(frame->bytes, format.pixels, format.width, format.height);
      if (!picture) return failure("map_failed");
      const auto placement = printer_.print(*picture, order->rectangle, order->format, order->out);
      if (!placement) return failure("bad_ticket");
      ring_->taken(frame);
      return printedObject(info.Env(), *placement, order->out.size(), started);
    });
  }

  Napi::Value pass(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      if (ring_) ring_->pass(static_cast<std::uint64_t>(number(info[0], "sequence")));
      return info.Env().Undefined();
    });
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    shut();
    return info.Env().Undefined();
  }

  /// The thread ends before the wake that it calls; the wake itself stays, because `deliver` may be running.
  void shut() {
    if (!ring_) return;
    ring_.reset();
    wake_->release();
    onFrame_.Reset();
    onEnd_.Reset();
  }

  // Owned.
  std::unique_ptr<Wake> wake_;
  std::unique_ptr<FrameRing> ring_;
  Napi::FunctionReference onFrame_;
  Napi::FunctionReference onEnd_;
  Printer printer_;
};

}  // namespace

void initFrameRing(Napi::Env env, Napi::Object exports) { exports.Set("FrameRing", JsFrameRing::define(env)); }

}  // namespace vedette::addon
