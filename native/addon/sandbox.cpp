// The service manager and the sandbox for JavaScript.
#include "addon/arguments.hpp"
#include "addon/exports.hpp"
#include "addon/guard.hpp"
#include "sandbox/confine.hpp"
#include "sandbox/notify.hpp"
#include "sandbox/process.hpp"

namespace vedette::addon {

namespace {

std::vector<std::string> texts(const Napi::Value& value, const char* what) {
  if (!value.IsArray()) badArgument(std::string(what) + " is no array");
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> all;
  for (std::uint32_t i = 0; i < array.Length(); ++i) all.push_back(text(array.Get(i), what));
  return all;
}

std::vector<std::uint16_t> ports(const Napi::Value& value) {
  if (!value.IsArray()) badArgument("tcpPorts is no array");
  const auto array = value.As<Napi::Array>();
  std::vector<std::uint16_t> all;
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    all.push_back(static_cast<std::uint16_t>(size(array.Get(i), "port")));
  }
  return all;
}

Napi::Value notifyService(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    return Napi::Boolean::New(info.Env(),
                              sandbox::notifyService(text(info[0], "socket"), text(info[1], "message")));
  });
}

Napi::Value dieWithParent(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    sandbox::dieWithParent(static_cast<pid_t>(size(info[0], "parent")));
    return info.Env().Undefined();
  });
}

Napi::Value setName(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    sandbox::setName(text(info[0], "name"));
    return info.Env().Undefined();
  });
}

Napi::Value keepLittle(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    sandbox::keepLittle();
    return info.Env().Undefined();
  });
}

Napi::Value confine(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    if (!info[0].IsObject()) badArgument("confinement is no object");
    const auto given = info[0].As<Napi::Object>();
    sandbox::Confinement confinement;
    confinement.readable = texts(given.Get("readable"), "readable");
    confinement.writable = texts(given.Get("writable"), "writable");
    confinement.executable = texts(given.Get("executable"), "executable");
    if (const auto value = given.Get("tcpPorts"); !value.IsUndefined()) confinement.tcpPorts = ports(value);
    if (const auto value = given.Get("dataBytes"); !value.IsUndefined()) {
      confinement.dataBytes = size(value, "dataBytes");
    }
    const auto all = Napi::Array::New(info.Env());
    for (const auto& [name, isApplied, remark] : sandbox::confine(confinement)) {
      const auto measure = Napi::Object::New(info.Env());
      measure.Set("name", name);
      measure.Set("isApplied", isApplied);
      measure.Set("remark", remark);
      all.Set(all.Length(), measure);
    }
    return all;
  });
}

}  // namespace

void initSandbox(Napi::Env env, Napi::Object exports) {
  exports.Set("notifyService", Napi::Function::New(env, notifyService, "notifyService"));
  exports.Set("dieWithParent", Napi::Function::New(env, dieWithParent, "dieWithParent"));
  exports.Set("setName", Napi::Function::New(env, setName, "setName"));
  exports.Set("keepLittle", Napi::Function::New(env, keepLittle, "keepLittle"));
  exports.Set("confine", Napi::Function::New(env, confine, "confine"));
}

}  // namespace vedette::addon
