// What the native part throws at set-up: a code of the TypeScript catalogue (src/core/errors.ts) and the fields of its text.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vedette {

enum class Code {
  ArenaFull,
  Defect,
  InferenceFailed,
  ModelUnreadable,
  NativeUnavailable,
  ProviderUnavailable,
  RuntimeUnavailable,
  TensorMismatch,
};

/// The catalogue's name of `code`, e.g. "ARENA_FULL".
std::string_view name(Code code) noexcept;

/// Every name that `name` can give; a test holds them against the catalogue.
const std::vector<std::string_view>& codeNames();

/// An error on its way to JavaScript, where it becomes an AgentError. The frame path does not throw.
class Error final : public std::runtime_error {
 public:
  using Detail = std::vector<std::pair<std::string, std::string>>;

  Error(Code code, Detail detail);
  /// For the codes whose text is filled by `cause` alone.
  Error(Code code, std::string cause) : Error(code, Detail{{"cause", std::move(cause)}}) {}

  Code code() const noexcept { return code_; }
  const Detail& detail() const noexcept { return detail_; }

 private:
  Code code_;
  Detail detail_;
};

/// "open /dev/x: No such file or directory", from errno.
std::string systemCause(std::string_view action);

}  // namespace vedette
