#include "addon/camera_link.hpp"

#include <pthread.h>

#include <cstring>
#include <utility>

#include "addon/arguments.hpp"
#include "addon/exports.hpp"
#include "addon/guard.hpp"
#include "addon/print_arguments.hpp"
#include "core/arena.hpp"

namespace vedette::addon {

namespace {

/// Beyond it not every whole number is one of JavaScript's.
constexpr double kMostExact = 9007199254740992.0;

/// A Float64Array that holds at least `count` numbers.
double* numbers(const Napi::Value& value, std::size_t count) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    badArgument("no Float64Array");
  }
  auto array = value.As<Napi::Float64Array>();
  if (array.ElementLength() < count) badArgument("an array is too short");
  return array.Data();
}

template <class Record>
void write(const Napi::Value& target, const Record& record) {
  std::memcpy(numbers(target, sizeof record / sizeof(double)), &record, sizeof record);
}

template <class Record>
Record read(const Napi::Value& source) {
  Record record;
  std::memcpy(static_cast<void*>(&record), numbers(source, sizeof record / sizeof(double)), sizeof record);
  return record;
}

/// An end lies in the memory that it needs.
struct Held {
  Arena arena;
  link::AgentEnd end{arena.memory()};
};

std::uint32_t ticketNumber(const Napi::CallbackInfo& info) {
  return static_cast<std::uint32_t>(size(info[0], "ticket"));
}

}  // namespace

Napi::Function CameraLink::define(Napi::Env env) {
  return DefineClass(env, "CameraLink",
                     {
                         InstanceMethod<&CameraLink::fd>("fd"),
                         InstanceMethod<&CameraLink::ask>("ask"),
                         InstanceMethod<&CameraLink::pass>("pass"),
                         InstanceMethod<&CameraLink::isAnswered>("isAnswered"),
                         InstanceMethod<&CameraLink::take>("take"),
                         InstanceMethod<&CameraLink::takeNotice>("takeNotice"),
                         InstanceMethod<&CameraLink::waiting>("waiting"),
                         InstanceMethod<&CameraLink::close>("close"),
                     });
}

CameraLink::CameraLink(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CameraLink>(info) {
  guard(info, [&]() -> Napi::Value {
    auto [arena, fd] = Arena::create(link::sharedBytes());
    const std::shared_ptr<Held> held(new Held{std::move(arena)});
    end_ = {held, &held->end};
    fd_ = fd;
    onWake_ = Napi::Persistent(info[0].As<Napi::Function>());
    wake_ = std::make_unique<Wake>(info.Env(), "vedette camera link", [this](Napi::Env env) {
      isWoken_ = false;
      const Napi::HandleScope scope(env);
      if (!onWake_.IsEmpty()) onWake_.Call({});
    });
    thread_ = std::thread([this] { listen(); });
    return info.Env().Undefined();
  });
}

CameraLink::~CameraLink() { shut(); }

void CameraLink::listen() {
  pthread_setname_np(pthread_self(), "vedette-link");
  while (end_->listen()) {
    if (!isWoken_.exchange(true)) wake_->wake();
  }
}

/// The descriptor for the camera process; the caller closes it.
Napi::Value CameraLink::fd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), fd_); }

std::optional<PrintFormat> CameraLink::formatOf(const Napi::Value& value) {
  if (!formatObject_.IsEmpty() && value.StrictEquals(formatObject_.Value())) return format_;
  format_ = printFormatOf(value);
  formatObject_ = value.IsObject() ? Napi::Persistent(value.As<Napi::Object>()) : Napi::ObjectReference();
  return format_;
}

/// ask(sequence, rectangle, format, offset, orNewer, isHeard, neededFrom) → the ticket's number; -1: no room or closed, -2: a bad ticket.
Napi::Value CameraLink::ask(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    const auto result = [&](double number) { return Napi::Number::New(info.Env(), number); };
    const auto rectangle = rectangleOf(info[1]);
    const auto format = formatOf(info[2]);
    const double offset = number(info[3], "offset");
    if (!rectangle || !format || !(offset >= 0 && offset < kMostExact)) return result(-2);
    link::Ticket ticket;
    ticket.sequence = size(info[0], "sequence");
    ticket.rectangle = *rectangle;
    ticket.format = *format;
    ticket.offset = static_cast<std::uint64_t>(offset);
    ticket.orNewer = info[4].ToBoolean();
    ticket.isHeard = info[5].ToBoolean();
    ticket.neededFrom = size(info[6], "neededFrom");
    const auto asked = end_->ask(ticket);
    return result(asked ? static_cast<double>(*asked) : -1);
  });
}

Napi::Value CameraLink::pass(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    link::Ticket ticket;
    ticket.kind = link::Ticket::Kind::Pass;
    ticket.sequence = size(info[0], "sequence");
    end_->ask(ticket);
    return info.Env().Undefined();
  });
}

Napi::Value CameraLink::isAnswered(const Napi::CallbackInfo& info) {
  return guard(info, [&] { return Napi::Boolean::New(info.Env(), end_->isAnswered(ticketNumber(info))); });
}

/// take(ticket, into): the answer as numbers.
Napi::Value CameraLink::take(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    write(info[1], end_->take(ticketNumber(info)));
    return info.Env().Undefined();
  });
}

/// takeNotice(into) → false when there is none.
Napi::Value CameraLink::takeNotice(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    const auto notice = end_->takeNotice();
    if (notice) write(info[0], *notice);
    return Napi::Boolean::New(info.Env(), notice.has_value());
  });
}

/// Tickets without an answer; -1 when the camera process counts as none does.
Napi::Value CameraLink::waiting(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    const double count = end_->waiting();
    return Napi::Number::New(info.Env(), end_->isBroken() ? -1 : count);
  });
}

Napi::Value CameraLink::close(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    shut();
    return info.Env().Undefined();
  });
}

void CameraLink::shut() {
  if (!thread_.joinable()) return;
  end_->close();
  thread_.join();
  wake_->release();
  onWake_.Reset();
}

namespace {

/// link::CameraEnd for a program that plays a camera without having frames.
class CameraEnd final : public Napi::ObjectWrap<CameraEnd> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "CameraEnd",
                       {InstanceMethod<&CameraEnd::tell>("tell"), InstanceMethod<&CameraEnd::answer>("answer")});
  }

  /// new CameraEnd(memory)
  explicit CameraEnd(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CameraEnd>(info) {
    guard(info, [&]() -> Napi::Value {
      end_ = std::make_unique<link::CameraEnd>(bytes(info[0], "memory"));
      memory_ = Napi::Persistent(info[0].As<Napi::Object>());
      return info.Env().Undefined();
    });
  }

 private:
  /// tell(notice as numbers) → false when the agent has not read the ones before.
  Napi::Value tell(const Napi::CallbackInfo& info) {
    return guard(info, [&] { return Napi::Boolean::New(info.Env(), end_->tell(read<link::Notice>(info[0]))); });
  }

  /// answer(answer as numbers) → the arena's offset on the oldest ticket, which has that answer now; -1: there is no ticket.
  Napi::Value answer(const Napi::CallbackInfo& info) {
    return guard(info, [&] {
      const auto answer = read<link::Answer>(info[0]);
      const auto ticket = end_->take(std::chrono::nanoseconds::zero());
      if (ticket) end_->answer(*ticket, answer);
      return Napi::Number::New(info.Env(), ticket ? static_cast<double>(ticket->offset) : -1);
    });
  }

  // Owned.
  Napi::ObjectReference memory_;
  std::unique_ptr<link::CameraEnd> end_;
};

}  // namespace

void initCameraLink(Napi::Env env, Napi::Object exports) {
  exports.Set("CameraLink", CameraLink::define(env));
  exports.Set("CameraEnd", CameraEnd::define(env));
  exports.Set("cameraLinkBytes", static_cast<double>(link::sharedBytes()));
}

}  // namespace vedette::addon
