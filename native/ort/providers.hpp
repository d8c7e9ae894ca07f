// Execution providers: how each of them is put into the options of a session.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ort/library.hpp"

namespace vedette::ort {

using ProviderOptions = std::vector<std::pair<std::string, std::string>>;

struct Plugin {
  std::string name;
  std::string library;
};

/// Adds `provider` to `session`: cpu, cuda, tensorrt (with cuda behind it, for what TensorRT leaves), openvino, a name of
/// `plugins`, or any other word of Library::providers() that takes options by name. Throws PROVIDER_UNAVAILABLE, naming
/// what the library has, and for an option that the provider does not know.
void appendProvider(Library& library, abi::SessionOptions* session, const std::string& provider,
                    const ProviderOptions& options, const std::vector<Plugin>& plugins);

}  // namespace vedette::ort
