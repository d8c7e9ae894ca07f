#include "ort/providers.hpp"

#include <algorithm>

namespace vedette::ort {

namespace {

/// Options as the C API takes them; points into what it was made from.
struct KeysAndValues {
  explicit KeysAndValues(const ProviderOptions& options) {
    for (const auto& [key, value] : options) {
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
  }
  std::vector<const char*> keys;
  std::vector<const char*> values;
};

struct Append {
  Library& library;
  abi::SessionOptions* session;
  const std::string& provider;

  void check(abi::Status* status) const {
    library.check(status, Code::ProviderUnavailable, {{"provider", provider}});
  }

  [[noreturn]] void refuse(std::string cause) const {
    throw Error(Code::ProviderUnavailable, {{"provider", provider}, {"cause", std::move(cause)}});
  }

  void cuda(const ProviderOptions& options) const {
    const Api& api = library.api();
    abi::CudaOptions* made = nullptr;
    check(api.CreateCUDAProviderOptions(&made));
    const Owned<abi::CudaOptions> owned(made, api.ReleaseCUDAProviderOptions);
    const KeysAndValues given(options);
    check(api.UpdateCUDAProviderOptions(made, given.keys.data(), given.values.data(), options.size()));
    check(api.SessionOptionsAppendExecutionProvider_CUDA_V2(session, made));
  }

  void tensorRt(const ProviderOptions& options) const {
    const Api& api = library.api();
    abi::TensorRtOptions* made = nullptr;
    check(api.CreateTensorRTProviderOptions(&made));
    const Owned<abi::TensorRtOptions> owned(made, api.ReleaseTensorRTProviderOptions);
    const KeysAndValues given(options);
    check(api.UpdateTensorRTProviderOptions(made, given.keys.data(), given.values.data(), options.size()));
    check(api.SessionOptionsAppendExecutionProvider_TensorRT_V2(session, made));
    ProviderOptions sameDevice;
    std::copy_if(options.begin(), options.end(), std::back_inserter(sameDevice),
                 [](const auto& option) { return option.first == "device_id"; });
    cuda(sameDevice);
  }

  void openVino(const ProviderOptions& options) const {
    const KeysAndValues given(options);
    check(library.api().SessionOptionsAppendExecutionProvider_OpenVINO_V2(session, given.keys.data(),
                                                                         given.values.data(), options.size()));
  }

  void plugin(const std::string& path, const ProviderOptions& options) const {
    const auto& devices = library.plugin(provider, path);
    if (devices.empty()) refuse("the plugin " + path + " found no device that it can use");
    const KeysAndValues given(options);
    check(library.plugins()->SessionOptionsAppendExecutionProvider_V2(session, library.environment(), devices.data(),
                                                                      devices.size(), given.keys.data(),
                                                                      given.values.data(), options.size()));
  }

  void byName(const ProviderOptions& options) const {
    const KeysAndValues given(options);
    check(library.api().SessionOptionsAppendExecutionProvider(session, registeredName().c_str(), given.keys.data(),
                                                              given.values.data(), options.size()));
  }

  /// The word that SessionOptionsAppendExecutionProvider knows a provider by: upper case, but for these.
  std::string registeredName() const {
    if (provider == "webgpu") return "WebGPU";
    if (provider == "coreml") return "CoreML";
    if (provider == "vitisai") return "VitisAI";
    if (provider == "js") return "JS";
    std::string name = provider;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
    return name;
  }
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

void appendProvider(Library& library, abi::SessionOptions* session, const std::string& provider,
                    const ProviderOptions& options, const std::vector<Plugin>& plugins) {
  const Append append{library, session, provider};
  const auto plugin = std::find_if(plugins.begin(), plugins.end(),
                                   [&](const Plugin& one) { return one.name == provider; });
  if (plugin != plugins.end()) return append.plugin(plugin->library, options);
  const auto has = library.providers();
  if (std::find(has.begin(), has.end(), provider) == has.end()) {
    append.refuse("this build of ONNX Runtime (" + library.version() + ") has " + joined(has));
  }
  if (provider == "cuda") return append.cuda(options);
  if (provider == "tensorrt") return append.tensorRt(options);
  if (provider == "openvino") return append.openVino(options);
  if (provider != "cpu") return append.byName(options);
  // The CPU is in every session as the last resort; it is not appended and has no options.
  if (!options.empty()) append.refuse("it takes no options, but was given " + options.front().first);
}

}  // namespace vedette::ort
