// A libonnxruntime that was loaded by path, and what it can do.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "ort/abi.hpp"

namespace vedette::ort {

/// A thing of ONNX Runtime's together with the function of its table that gives it back.
template <class Thing>
using Owned = std::unique_ptr<Thing, void (*)(Thing*)>;

/// What went wrong, in ONNX Runtime's words.
struct Failure {
  int status = 0;  // abi::StatusCode
  std::string text;
};

/// Vedette's word for an execution provider: "TensorrtExecutionProvider" is "tensorrt".
std::string providerName(std::string_view ortName);

/// One loaded library with its environment.
///
/// Owns:    the mapping, the environment and the plugins, for the life of the process: ONNX Runtime's threads and other
///          users of the same file (onnxruntime-node) may still be inside.
/// Threads: any.
/// Fails:   open throws RUNTIME_UNAVAILABLE with the path and the reason.
/// Cost:    open loads the file once per path; later calls look it up.
class Library final {
 public:
  static Library& open(const std::string& path);

  const Api& api() const noexcept { return api_; }
  /// Null when the library is older than plugin providers.
  const PluginApi* plugins() const noexcept { return plugins_ ? &*plugins_ : nullptr; }
  const std::string& version() const noexcept { return version_; }
  /// What was compiled in; whether it works here shows only when a session runs on it.
  std::vector<std::string> providers() const;
  /// Created at the first call.
  abi::Env* environment();

  /// Loads a plugin provider once per name and returns the devices it brought; throws PROVIDER_UNAVAILABLE.
  const std::vector<const abi::EpDevice*>& plugin(const std::string& name, const std::string& path);

  /// Takes `status` over; empty when it was a success.
  std::optional<Failure> failure(abi::Status* status) const;
  /// Takes `status` over and throws Error(code, detail + cause) unless it was a success.
  void check(abi::Status* status, Code code, Error::Detail detail = {}) const;

 private:
  Library(std::string path, std::string version, const void* api, const void* pluginApi);

  std::vector<const abi::EpDevice*> devices() const;

  // Given.
  const std::string path_;
  const std::string version_;
  const Api api_;
  const std::optional<PluginApi> plugins_;
  // State (guarded by mutex_).
  std::mutex mutex_;
  abi::Env* environment_ = nullptr;
  std::map<std::string, std::vector<const abi::EpDevice*>> registered_;
};

/// Collects the warnings that ONNX Runtime gives on this thread, the first 16 of them; others are dropped.
class Warnings final {
 public:
  Warnings() noexcept;
  ~Warnings();
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;

  std::vector<std::string> take() noexcept { return std::move(lines_); }

  /// An abi::LogFunction.
  static void log(void*, int, const char*, const char*, const char*, const char* message) noexcept;

 private:
  std::vector<std::string> lines_;
};

}  // namespace vedette::ort
