// FrameSink for JavaScript: decoded frames are told of and printed through the camera link, on threads of their own.
#include "gst/frame_store.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <mutex>

#include "addon/arguments.hpp"
#include "addon/gst_exports.hpp"
#include "addon/guard.hpp"
#include "addon/motion_arguments.hpp"
#include "addon/wake.hpp"
#include "core/print_server.hpp"
#include "gst/mapped_frame.hpp"

namespace vedette::addon {

namespace {

/// What a stream looks like, of which JavaScript is told when it changes.
struct Look {
  int widthPx = 0;
  int heightPx = 0;
  double fps = 0;
  const char* pixelFormat = "";
  bool operator==(const Look&) const = default;
};

link::Notice recordOf(const gst::Notice& from) {
  link::Notice notice;
  notice.sequence = static_cast<double>(from.sequence);
  notice.ptsNs = static_cast<double>(from.ptsNs);
  notice.captureMs = from.capture.unixMs;
  notice.isRtcp = from.capture.rtcp ? 1 : 0;
  notice.widthPx = from.widthPx;
  notice.heightPx = from.heightPx;
  notice.skipped = static_cast<double>(from.skipped);
  notice.setMotion(from.motion);
  return notice;
}

class FrameSink final : public Napi::ObjectWrap<FrameSink> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "FrameSink",
                       {
                           InstanceMethod("serve", &FrameSink::serve),
                           InstanceMethod("noticeEvery", &FrameSink::noticeEvery),
                           InstanceMethod("watchMotion", &FrameSink::watchMotion),
                           InstanceMethod("frames", &FrameSink::frames),
                           InstanceMethod("continueTimeline", &FrameSink::continueTimeline),
                           InstanceMethod("close", &FrameSink::close),
                       });
  }

  explicit FrameSink(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<FrameSink>(info), store_(gst::FrameStore::named(info[0].ToString().Utf8Value())) {}

  ~FrameSink() override { shut(); }

 private:
  /// serve(link, arena, onLook)
  Napi::Value serve(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      end_ = std::make_unique<link::CameraEnd>(bytes(info[0], "link"));
      memories_[0] = Napi::Persistent(info[0].As<Napi::Object>());
      memories_[1] = Napi::Persistent(info[1].As<Napi::Object>());
      onLook_ = Napi::Persistent(info[2].As<Napi::Function>());
      wake_ = std::make_unique<Wake>(info.Env(), "vedette frames", [this](Napi::Env env) { tellLook(env); });
      server_ = std::make_unique<PrintServer>(
          *end_, bytes(info[1], "arena"), [this](const auto& ticket, const auto& print) { return answer(ticket, print); },
          [this](std::uint64_t sequence) { store_->pass(sequence); });
      store_->setTell([this](const gst::Notice& notice) { return tell(notice); });
      return info.Env().Undefined();
    });
  }

  /// noticeEvery(everyMs, atMs?)
  Napi::Value noticeEvery(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      const auto nanoseconds = [&](std::size_t at, const char* name) {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double, std::milli>(number(info[at], name)));
      };
      std::optional<std::chrono::nanoseconds> at;
      if (!info[1].IsUndefined()) at = nanoseconds(1, "atMs");
      store_->setNoticeEvery(nanoseconds(0, "everyMs"), at);
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

  Napi::Value frames(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(store_->sequence()));
  }

  /// On GStreamer's thread.
  bool tell(const gst::Notice& notice) {
    {
      const Look look{notice.widthPx, notice.heightPx, notice.fps, notice.pixelFormat};
      const std::lock_guard lock(mutex_);
      if (!(look == look_)) wake_->wake();
      look_ = look;
    }
    return end_->tell(recordOf(notice));
  }

  void tellLook(Napi::Env env) {
    if (onLook_.IsEmpty()) return;
    Look look;
    {
      const std::lock_guard lock(mutex_);
      look = look_;
    }
    const Napi::HandleScope scope(env);
    Napi::Object told = Napi::Object::New(env);
    told.Set("widthPx", look.widthPx);
    told.Set("heightPx", look.heightPx);
    told.Set("fps", look.fps);
    told.Set("pixelFormat", look.pixelFormat);
    onLook_.Call({told});
  }

  /// On the printing thread.
  link::Answer answer(const link::Ticket& ticket, const PrintPicture& print) {
    using link::Answer;
    const auto frame = ticket.orNewer ? store_->findNewest(ticket.sequence) : store_->find(ticket.sequence);
    if (!frame) return Answer::refused(link::Outcome::FrameGone);
    const gst::MappedFrame mapped(*frame);
    const auto picture = mapped.picture();
    if (!picture) return Answer::refused(link::Outcome::MapFailed);
    Answer answer = print(*picture);
    if (!answer.isPrinted()) return answer;
    store_->taken(*frame, ticket.neededFrom);
    if (frame->sequence() == ticket.sequence) return answer;
    answer.isNewer = 1;
    answer.sequence = static_cast<double>(frame->sequence());
    answer.ptsNs = static_cast<double>(frame->ptsNs());
    answer.captureMs = frame->captureMs();
    return answer;
  }

  Napi::Value continueTimeline(const Napi::CallbackInfo& info) {
    store_->continueTimeline();
    return info.Env().Undefined();
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    shut();
    return info.Env().Undefined();
  }

  /// Threads end before what they call; the wake itself stays, because `tellLook` may be running.
  void shut() {
    if (!server_) return;
    store_->setTell({});
    server_.reset();
    store_->clear();
    wake_->release();
    onLook_.Reset();
  }

  // Owned.
  std::shared_ptr<gst::FrameStore> store_;
  std::array<Napi::ObjectReference, 2> memories_;
  std::unique_ptr<link::CameraEnd> end_;
  std::unique_ptr<Wake> wake_;
  std::unique_ptr<PrintServer> server_;
  Napi::FunctionReference onLook_;
  // State.
  std::mutex mutex_;
  Look look_;  // under mutex_
};

}  // namespace

void initFrames(Napi::Env env, Napi::Object exports) { exports.Set("FrameSink", FrameSink::define(env)); }

}  // namespace vedette::addon
