#include "core/error.hpp"

#include <cerrno>
#include <system_error>

namespace vedette {

std::string_view name(Code code) noexcept {
  switch (code) {
    case Code::ArenaFull: return "ARENA_FULL";
    case Code::Defect: return "DEFECT";
    case Code::InferenceFailed: return "INFERENCE_FAILED";
    case Code::ModelUnreadable: return "MODEL_UNREADABLE";
    case Code::NativeUnavailable: return "NATIVE_UNAVAILABLE";
    case Code::ProviderUnavailable: return "PROVIDER_UNAVAILABLE";
    case Code::RuntimeUnavailable: return "RUNTIME_UNAVAILABLE";
    case Code::TensorMismatch: return "TENSOR_MISMATCH";
  }
  return "DEFECT";
}

const std::vector<std::string_view>& codeNames() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (int code = 0; code <= static_cast<int>(Code::TensorMismatch); ++code) {
      all.push_back(name(static_cast<Code>(code)));
    }
    return all;
  }();
  return names;
}

namespace {
std::string describe(Code code, const Error::Detail& detail) {
  std::string text{name(code)};
  for (const auto& [field, value] : detail) text += " " + field + "=" + value;
  return text;
}
}  // namespace

Error::Error(Code code, Detail detail)
    : std::runtime_error(describe(code, detail)), code_(code), detail_(std::move(detail)) {}

std::string systemCause(std::string_view action) {
  const int number = errno;
  return std::string(action) + ": " + std::generic_category().message(number);
}

}  // namespace vedette
