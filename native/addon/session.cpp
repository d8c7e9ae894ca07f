// Sessions for JavaScript: promises instead of callbacks, views on native memory instead of copies.
#include "ort/session.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "addon/arguments.hpp"
#include "addon/exports.hpp"
#include "addon/guard.hpp"
#include "addon/session_arguments.hpp"
#include "ort/exit.hpp"
#include "ort/session_thread.hpp"

namespace vedette::addon {

namespace {

/// Something that the session's thread wants done on the JavaScript thread.
using Task = std::function<void(Napi::Env)>;

void perform(Napi::Env env, Napi::Function, void*, Task* task) {
  // Without an environment the process is going down, and what the task holds can no longer be given back.
  if (env == nullptr) return;
  const std::unique_ptr<Task> owned(task);
  (*task)(env);
}

using Channel = Napi::TypedThreadSafeFunction<void, Task, perform>;
using Buffer = Napi::Reference<Napi::ArrayBuffer>;

napi_typedarray_type viewType(ort::ElementType type) {
  switch (type) {
    case ort::ElementType::Float32: return napi_float32_array;
    case ort::ElementType::Int8: return napi_int8_array;
    case ort::ElementType::Int32: return napi_int32_array;
    case ort::ElementType::Int64: return napi_bigint64_array;
    case ort::ElementType::Float16: return napi_uint16_array;
    case ort::ElementType::UInt8:
    case ort::ElementType::Bool: return napi_uint8_array;
  }
  return napi_uint8_array;
}

/// The whole of an output's memory, which lives until JavaScript has let go of it.
Napi::ArrayBuffer wholeOf(Napi::Env env, const ort::Output& output) {
  if (output.capacity.empty()) return Napi::ArrayBuffer::New(env, 0);
  return Napi::ArrayBuffer::New(
      env, output.capacity.data(), output.capacity.size(),
      [](Napi::Env, void*, std::shared_ptr<void>* owner) { delete owner; }, new std::shared_ptr<void>(output.owner));
}

}  // namespace

/// One ort::SessionThread.
///
/// Lives as long as JavaScript holds it or a promise of it is unsettled. Keeps the process running only while a promise
/// is unsettled.
class Session final : public Napi::ObjectWrap<Session> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Session",
                       {InstanceMethod<&Session::open>("open"), InstanceMethod<&Session::run>("run"),
                        InstanceMethod<&Session::close>("close")});
  }

  explicit Session(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<Session>(info), env_(info.Env()), channel_(Channel::New(info.Env(), "vedette session", 0, 1)) {
    channel_.Unref(env_);
    // Hooks run in reverse order: this one ends the thread while the channel that it uses still exists.
    napi_add_env_cleanup_hook(env_, shutDown, this);
  }

  ~Session() override {
    napi_remove_env_cleanup_hook(env_, shutDown, this);
    shutDown(this);
  }

 private:
  using Deferred = Napi::Promise::Deferred;
  struct Run {
    Napi::FunctionReference done;
    Napi::ObjectReference inputs;  // keeps their memory
  };
  struct Kept {
    const void* memory;
    std::shared_ptr<Buffer> buffer;
  };
  /// What JavaScript was given for outputs that lie in the session's memory.
  struct Told {
    std::vector<std::pair<const void*, ort::Shape>> outputs;
    std::shared_ptr<Napi::ObjectReference> views;
  };

  static void shutDown(void* self) {
    auto& session = *static_cast<Session*>(self);
    if (std::exchange(session.isDown_, true)) return;
    session.thread_.reset();
    session.channel_.Release();
  }

  Napi::Value open(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      if (thread_ != nullptr) badArgument("the session is open already");
      const Deferred promise(env_);
      auto options = readOptions(info[0]);
      const auto model = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[0].As<Napi::Object>()));
      begin();
      thread_ = std::make_unique<ort::SessionThread>(
          std::move(options), [=, this](const ort::ModelDescription& description, std::exception_ptr failed) {
            post([=, this](Napi::Env env) {
              settle(promise, failed, [&] { return describe(env, description); });
              model->Reset();
              if (failed != nullptr) thread_.reset();
            });
          });
      return promise.Promise();
    });
  }

  /// run(inputs, prints, done): calls done(error, outputs, tookMs), without outputs when nothing was printed. It reads them
  /// before it returns, or returns true and has them read in the same turn of the loop.
  Napi::Value run(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      if (thread_ == nullptr) badArgument("the session is not open");
      if (!info[2].IsFunction()) badArgument("done is no function");
      const auto run = std::make_shared<Run>(
          Run{Napi::Persistent(info[2].As<Napi::Function>()), Napi::Persistent(object(info[0], "inputs"))});
      thread_->submit(list(info[0], "inputs", readInput), readPrints(info[1]),
                      [=, this](auto outputs, std::chrono::nanoseconds took, std::exception_ptr failed) {
                        post([=, this](Napi::Env env) { deliver(env, *run, outputs, took, failed); });
                      });
      begin();
      return env_.Undefined();
    });
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    return guard(info, [&]() -> Napi::Value {
      const Deferred promise(env_);
      if (thread_ == nullptr) {
        promise.Resolve(env_.Undefined());
        return promise.Promise();
      }
      begin();
      thread_->close([=, this] {
        post([=, this](Napi::Env env) {
          letGo();
          settle(promise, nullptr, [&] { return env.Undefined(); });
        });
      });
      return promise.Promise();
    });
  }

  void deliver(Napi::Env env, Run& run, const std::vector<ort::Output>& outputs, std::chrono::nanoseconds took,
               const std::exception_ptr& failed) {
    run.inputs.Reset();
    const auto done = run.done.Value();
    run.done.Reset();
    bool isKept = false;
    try {
      const auto views = outputs.empty() ? env.Undefined() : viewsOf(env, outputs);
      const auto error = failed == nullptr ? env.Undefined() : Napi::Value(toJavaScript(env, failed).Value());
      const double tookMs = std::chrono::duration<double, std::milli>(took).count();
      isKept = done.Call({error, views, Napi::Number::New(env, tookMs)}).ToBoolean();
    } catch (...) {
      afterRun(outputs.empty(), false);
      throw;
    }
    afterRun(outputs.empty(), isKept);
  }

  void afterRun(bool isEmpty, bool isKept) {
    const auto release = [this] {
      if (thread_ != nullptr) thread_->release();
      end();
    };
    if (isEmpty) return end();
    if (!isKept) return release();
    // A later turn of the loop.
    post([release](Napi::Env) { release(); });
  }

  /// The same array as before for the same memories and shapes.
  Napi::Value viewsOf(Napi::Env env, const std::vector<ort::Output>& outputs) {
    const auto isSame = [](const ort::Output& output, const auto& known) {
      return output.reused && output.owner.get() == known.first && output.shape == known.second;
    };
    for (const Told& one : told_) {
      if (std::equal(outputs.begin(), outputs.end(), one.outputs.begin(), one.outputs.end(), isSame)) {
        return one.views->Value();
      }
    }
    const auto made = views(env, outputs);
    if (std::all_of(outputs.begin(), outputs.end(), [](const ort::Output& output) { return output.reused; })) {
      Told told{{}, std::make_shared<Napi::ObjectReference>(Napi::Persistent(made.As<Napi::Object>()))};
      for (const ort::Output& output : outputs) told.outputs.emplace_back(output.owner.get(), output.shape);
      if (told_.size() == ort::Session::kOutputSets) told_.erase(told_.begin());
      told_.push_back(std::move(told));
    }
    return made;
  }

  Napi::Value views(Napi::Env env, const std::vector<ort::Output>& outputs) {
    for (Buffer& buffer : fleeting_) buffer.Value().Detach();
    fleeting_.clear();
    kept_.resize(outputs.size());
    const auto all = Napi::Array::New(env, outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const ort::Output& output = outputs[i];
      const auto shape = Napi::Array::New(env, output.shape.size());
      for (std::size_t at = 0; at < output.shape.size(); ++at) {
        shape.Set(static_cast<std::uint32_t>(at), static_cast<double>(output.shape[at]));
      }
      const auto buffer = output.reused ? keptBuffer(env, kept_[i], output) : fleetingBuffer(env, output);
      napi_value view = nullptr;
      const auto count = output.memory.size() / ort::bytesOf(output.type);
      const auto status = napi_create_typedarray(env, viewType(output.type), count, buffer, 0, &view);
      if (status != napi_ok) throw Napi::Error::New(env);
      const auto result = Napi::Object::New(env);
      result.Set("name", output.name);
      result.Set("dtype", std::string(ort::name(output.type)));
      result.Set("shape", shape);
      result.Set("data", Napi::Value(env, view));
      all.Set(static_cast<std::uint32_t>(i), result);
    }
    return all;
  }

  /// The session's own memory gets one ArrayBuffer, made when it is first seen.
  Napi::ArrayBuffer keptBuffer(Napi::Env env, std::vector<Kept>& kept, const ort::Output& output) {
    for (const Kept& one : kept) {
      if (one.memory == output.owner.get()) return one.buffer->Value();
    }
    if (kept.size() == ort::Session::kOutputSets) kept.erase(kept.begin());
    const auto buffer = wholeOf(env, output);
    kept.push_back({output.owner.get(), std::make_shared<Buffer>(Napi::Persistent(buffer))});
    return buffer;
  }

  /// ONNX Runtime's memory is given back when the next run delivers, not when the garbage collector comes by.
  Napi::ArrayBuffer fleetingBuffer(Napi::Env env, const ort::Output& output) {
    const auto buffer = wholeOf(env, output);
    if (!output.capacity.empty()) fleeting_.push_back(Napi::Persistent(buffer));
    return buffer;
  }

  void letGo() {
    for (Buffer& buffer : fleeting_) buffer.Value().Detach();
    fleeting_.clear();
    told_.clear();
    kept_.clear();
    thread_.reset();
  }

  template <class Body>
  void settle(const Deferred& promise, const std::exception_ptr& failed, Body body) {
    try {
      if (failed != nullptr) std::rethrow_exception(failed);
      promise.Resolve(body());
    } catch (...) {
      promise.Reject(toJavaScript(env_, std::current_exception()).Value());
    }
    end();
  }

  /// A task that is refused because the process is going down is not given back: what it holds belongs to JavaScript.
  void post(Task task) { channel_.NonBlockingCall(new Task(std::move(task))); }

  /// An unsettled promise keeps this object and the process.
  void begin() {
    if (unsettled_++ > 0) return;
    Ref();
    channel_.Ref(env_);
  }

  void end() {
    if (--unsettled_ > 0) return;
    channel_.Unref(env_);
    Unref();
  }

  // Given.
  const Napi::Env env_;
  // Owned.
  Channel channel_;
  std::unique_ptr<ort::SessionThread> thread_;
  std::vector<std::vector<Kept>> kept_;  // by output
  std::vector<Told> told_;
  std::vector<Buffer> fleeting_;
  // State.
  int unsettled_ = 0;
  bool isDown_ = false;
};

namespace {

Napi::Value describeRuntime(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    const ort::Library& library = ort::Library::open(text(info[0], "library"));
    const auto providers = Napi::Array::New(info.Env());
    for (const auto& name : library.providers()) providers.Set(providers.Length(), name);
    const auto result = Napi::Object::New(info.Env());
    result.Set("version", library.version());
    result.Set("providers", providers);
    return result;
  });
}

Napi::Value prepareExit(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    ort::prepareExit();
    return info.Env().Undefined();
  });
}

}  // namespace

void initSession(Napi::Env env, Napi::Object exports) {
  exports.Set("Session", Session::define(env));
  exports.Set("prepareExit", Napi::Function::New(env, prepareExit, "prepareExit"));
  exports.Set("describeRuntime", Napi::Function::New(env, describeRuntime, "describeRuntime"));
}

}  // namespace vedette::addon
