#include "ort/library.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace vedette::ort {

namespace {

constexpr std::size_t kMostWarnings = 16;
/// From 1.29 on the library tells its maker of the machine and of what it runs, gives the user an id in a file, and keeps on
/// disk what it could not send. Read when it begins; whoever wants it sets 0.
constexpr const char* kNoTelemetry = "ORT_DISABLE_TELEMETRY";

[[noreturn]] void unusable(const std::string& path, const std::string& why) {
  throw Error(Code::RuntimeUnavailable, path + ": " + why);
}

/// dlerror() puts the path in front of most of its messages.
std::string loaderError(const std::string& path) {
  const char* given = dlerror();
  std::string text = given == nullptr ? "cannot be loaded" : given;
  if (text.starts_with(path + ": ")) text.erase(0, path.size() + 2);
  return text;
}

/// ONNX Runtime puts where it was compiled and its own error names in front: "/src/….cc:1 f() [ONNXRuntimeError] : 1 :
/// FAIL : what a person can use".
std::string plainText(std::string text) {
  constexpr std::string_view kMark = "[ONNXRuntimeError] : ";
  if (const auto mark = text.rfind(kMark); mark != std::string::npos) {
    auto from = mark + kMark.size();
    for (int skipped = 0; skipped < 2; ++skipped) {
      const auto separator = text.find(" : ", from);
      if (separator != std::string::npos) from = separator + 3;
    }
    text.erase(0, from);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

/// The Y of version "1.Y.Z", which is also the newest API version that the library has; 0 when it cannot be read.
int apiVersionOf(const std::string& version) {
  return version.starts_with("1.") ? std::atoi(version.c_str() + 2) : 0;
}

}  // namespace

std::string providerName(std::string_view ortName) {
  constexpr std::string_view kSuffix = "ExecutionProvider";
  if (ortName.ends_with(kSuffix)) ortName.remove_suffix(kSuffix.size());
  std::string name(ortName);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return name;
}

Library& Library::open(const std::string& path) {
  static std::mutex mutex;
  static auto& loaded = *new std::map<std::string, std::unique_ptr<Library>>;
  const std::lock_guard lock(mutex);
  if (const auto found = loaded.find(path); found != loaded.end()) return *found->second;

  setenv(kNoTelemetry, "1", /*overwrite=*/0);
  void* file = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (file == nullptr) unusable(path, loaderError(path));
  const auto getApiBase = reinterpret_cast<const abi::ApiBase* (*)()>(dlsym(file, "OrtGetApiBase"));
  if (getApiBase == nullptr) {
    dlclose(file);
    unusable(path, "it is no ONNX Runtime (it has no OrtGetApiBase)");
  }
  const abi::ApiBase& base = *getApiBase();
  const std::string version = base.getVersionString();
  // Asking an older library for a version that it lacks would make it print to standard error.
  const int newest = apiVersionOf(version);
  if (newest < kApiVersion) {
    unusable(path, "it is ONNX Runtime " + version + ", 1." + std::to_string(kApiVersion) + " or newer is needed");
  }
  const void* api = base.getApi(kApiVersion);
  if (api == nullptr) unusable(path, "ONNX Runtime " + version + " lacks API version " + std::to_string(kApiVersion));
  const void* pluginApi = newest >= kPluginApiVersion ? base.getApi(kPluginApiVersion) : nullptr;
  auto& slot = loaded[path];
  slot.reset(new Library(path, version, api, pluginApi));
  return *slot;
}

Library::Library(std::string path, std::string version, const void* api, const void* pluginApi)
    : path_(std::move(path)),
      version_(std::move(version)),
      api_(api),
      plugins_(pluginApi == nullptr ? std::nullopt : std::optional<PluginApi>(pluginApi)) {}

std::vector<std::string> Library::providers() const {
  char** names = nullptr;
  int count = 0;
  check(api_.GetAvailableProviders(&names, &count), Code::RuntimeUnavailable);
  std::vector<std::string> all;
  for (int i = 0; i < count; ++i) all.push_back(providerName(names[i]));
  failure(api_.ReleaseAvailableProviders(names, count));
  return all;
}

abi::Env* Library::environment() {
  const std::lock_guard lock(mutex_);
  if (environment_ == nullptr) {
    check(api_.CreateEnvWithCustomLogger(Warnings::log, nullptr, abi::kWarning, "vedette", &environment_),
          Code::RuntimeUnavailable);
  }
  return environment_;
}

std::vector<const abi::EpDevice*> Library::devices() const {
  const abi::EpDevice* const* first = nullptr;
  std::size_t count = 0;
  check(plugins_->GetEpDevices(environment_, &first, &count), Code::RuntimeUnavailable);
  return {first, first + count};
}

const std::vector<const abi::EpDevice*>& Library::plugin(const std::string& name, const std::string& path) {
  abi::Env* const env = environment();
  const std::lock_guard lock(mutex_);
  if (const auto found = registered_.find(name); found != registered_.end()) return found->second;
  if (!plugins_) {
    throw Error(Code::ProviderUnavailable,
                {{"provider", name},
                 {"cause", "plugins need ONNX Runtime 1." + std::to_string(kPluginApiVersion) + " or newer, " + path_ +
                               " is " + version_}});
  }
  const auto before = devices();
  check(plugins_->RegisterExecutionProviderLibrary(env, name.c_str(), path.c_str()), Code::ProviderUnavailable,
        {{"provider", name}});
  auto brought = devices();
  std::erase_if(brought, [&](const abi::EpDevice* device) {
    return std::find(before.begin(), before.end(), device) != before.end();
  });
  return registered_[name] = std::move(brought);
}

std::optional<Failure> Library::failure(abi::Status* status) const {
  if (status == nullptr) return std::nullopt;
  Failure result{api_.GetErrorCode(status), plainText(api_.GetErrorMessage(status))};
  api_.ReleaseStatus(status);
  return result;
}

void Library::check(abi::Status* status, Code code, Error::Detail detail) const {
  auto failed = failure(status);
  if (!failed) return;
  detail.emplace_back("cause", std::move(failed->text));
  throw Error(code, std::move(detail));
}

namespace {
thread_local std::vector<std::string>* collected = nullptr;
}  // namespace

Warnings::Warnings() noexcept { collected = &lines_; }

Warnings::~Warnings() { collected = nullptr; }

void Warnings::log(void*, int, const char*, const char*, const char*, const char* message) noexcept {
  if (collected == nullptr || collected->size() >= kMostWarnings) return;
  // Exporters leave unused weights in most models; that they are dropped tells an operator nothing.
  if (std::string_view(message).starts_with("Removing initializer")) return;
  try {
    collected->emplace_back(message);
  } catch (const std::bad_alloc&) {
    // A warning less is better than an exception inside ONNX Runtime.
  }
}

}  // namespace vedette::ort
