// FrameRing for JavaScript: raw frames that come through a pipe. JavaScript, which knows their times, has them told of; they
// are printed through the camera link on a thread of their own.
#include "core/frame_ring.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "addon/arguments.hpp"
#include "addon/exports.hpp"
#include "addon/guard.hpp"
#include "addon/motion_arguments.hpp"
#include "addon/wake.hpp"
#include "core/print_server.hpp"

namespace vedette::addon {

namespace {

class JsFrameRing final : public Napi::ObjectWrap<JsFrameRing> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "FrameRing",
                       {
                           InstanceMethod("serve", &JsFrameRing::serve),
                           InstanceMethod("tell", &JsFrameRing::tell),
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
      onFrame_.Call({notice});
    }
    if (!end || onEnd_.IsEmpty()) return;
    Napi::Object ending = Napi::Object::New(env);
    ending.Set("leftoverBytes", static_cast<double>(end->leftoverBytes));
    ending.Set("cause", end->cause);
    onEnd_.Call({ending});
  }

  /// serve(link, arena)
  Napi::Value serve(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      if (!ring_) badArgument("the ring is closed");
      end_ = std::make_unique<link::CameraEnd>(bytes(info[0], "link"));
      memories_[0] = Napi::Persistent(info[0].As<Napi::Object>());
      memories_[1] = Napi::Persistent(info[1].As<Napi::Object>());
      server_ = std::make_unique<PrintServer>(
          *end_, bytes(info[1], "arena"), [this](const auto& ticket, const auto& print) { return answer(ticket, print); },
          [this](std::uint64_t sequence) { ring_->pass(sequence); });
      return info.Env().Undefined();
    });
  }

  /// tell(sequence, ptsNs, captureMs): nothing when the frame is gone.
  Napi::Value tell(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      const auto frame = server_ ? ring_->find(size(info[0], "sequence")) : nullptr;
      if (!frame) return info.Env().Undefined();
      link::Notice notice;
      notice.sequence = static_cast<double>(frame->sequence);
      notice.ptsNs = number(info[1], "ptsNs");
      notice.captureMs = number(info[2], "captureMs");
      notice.widthPx = ring_->format().width;
      notice.heightPx = ring_->format().height;
      notice.setMotion(frame->motion);
      end_->tell(notice);
      return info.Env().Undefined();
    });
  }

  /// On the printing thread.
  link::Answer answer(const link::Ticket& ticket, const PrintPicture& print) {
    using link::Answer;
    const auto frame = ring_->find(ticket.sequence);
    if (!frame) return Answer::refused(link::Outcome::FrameGone);
    const RawFormat& format = ring_->format();
    const auto picture = pictureIn(frame->bytes, format.pixels, format.width, format.height);
    if (!picture) return Answer::refused(link::Outcome::MapFailed);
    const Answer answer = print(*picture);
    if (answer.isPrinted()) ring_->taken(frame, ticket.neededFrom);
    return answer;
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    shut();
    return info.Env().Undefined();
  }

  /// Threads end before what they call; the wake itself stays, because `deliver` may be running.
  void shut() {
    if (!ring_) return;
    server_.reset();
    ring_.reset();
    wake_->release();
    onFrame_.Reset();
    onEnd_.Reset();
  }

  // Owned.
  std::unique_ptr<Wake> wake_;
  std::unique_ptr<FrameRing> ring_;
  std::array<Napi::ObjectReference, 2> memories_;
  std::unique_ptr<link::CameraEnd> end_;
  std::unique_ptr<PrintServer> server_;
  Napi::FunctionReference onFrame_;
  Napi::FunctionReference onEnd_;
};

}  // namespace

void initFrameRing(Napi::Env env, Napi::Object exports) { exports.Set("FrameRing", JsFrameRing::define(env)); }

}  // namespace vedette::addon
