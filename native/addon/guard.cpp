#include "addon/guard.hpp"

#include <string>

#include "core/error.hpp"

namespace vedette::addon {

namespace {

Napi::Error coded(Napi::Env env, const Error& error) {
  Napi::Error result = Napi::Error::New(env, error.what());
  Napi::Object detail = Napi::Object::New(env);
  for (const auto& [field, value] : error.detail()) detail.Set(field, value);
  result.Set("code", std::string(name(error.code())));
  result.Set("detail", detail);
  return result;
}

}  // namespace

Napi::Error toJavaScript(Napi::Env env, const std::exception_ptr& thrown) noexcept {
  try {
    std::rethrow_exception(thrown);
  } catch (const Napi::Error& error) {
    return error;
  } catch (const Error& error) {
    return coded(env, error);
  } catch (const std::exception& error) {
    return coded(env, Error(Code::Defect, error.what()));
  } catch (...) {
    return coded(env, Error(Code::Defect, "something that is no exception was thrown"));
  }
}

}  // namespace vedette::addon
