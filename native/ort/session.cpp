#include "ort/session.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace vedette::ort {

namespace {

/// What ONNX Runtime's own allocations are aligned to; AVX-512 stores need it.
constexpr std::size_t kAlignment = 64;

Code codeOf(int status, const std::string& provider) {
  switch (status) {
    case abi::kNoModel:
    case abi::kInvalidProtobuf:
    case abi::kInvalidGraph:
    case abi::kNotImplemented:
      return Code::ModelUnreadable;
    case abi::kEpFail:
      return Code::ProviderUnavailable;
    default:
      return provider == "cpu" ? Code::ModelUnreadable : Code::ProviderUnavailable;
  }
}

/// A model that comes as bytes has no folder in which weights of its own could lie, and ONNX Runtime says so in its way.
std::string modelCause(std::string text) {
  const bool isSplit = text.find("model_path must not be empty") != std::string::npos ||
                       text.find("External data path validation failed") != std::string::npos;
  return isSplit ? "its weights lie in another file; only models of one file are taken" : std::move(text);
}

[[noreturn]] void mismatch(const std::string& tensor, std::string cause) {
  throw Error(Code::TensorMismatch, {{"name", tensor}, {"cause", std::move(cause)}});
}

bool fits(const TensorInfo& info, const Input& input) {
  return info.type == input.type && info.shape.size() == input.shape.size() &&
         std::equal(info.shape.begin(), info.shape.end(), input.shape.begin(),
                    [](const Dimension& dimension, std::int64_t size) {
                      return dimension.size < 0 ? size >= 0 : dimension.size == size;
                    });
}

void checkOne(const TensorInfo& info, const Input& input) {
  if (!fits(info, input)) {
    mismatch(input.name, "expected " + describe(info) + ", given " + describe(input.type, input.shape));
  }
  const auto bytes = bytesOf(input.type, input.shape);
  if (bytes != input.memory.size()) {
    mismatch(input.name, describe(input.type, input.shape) + " takes " +
                             (bytes ? std::to_string(*bytes) : "too many") + " bytes, given " +
                             std::to_string(input.memory.size()));
  }
  if (reinterpret_cast<std::uintptr_t>(input.memory.data()) % bytesOf(input.type) != 0) {
    mismatch(input.name, "its memory is not aligned to " + std::to_string(bytesOf(input.type)) + " bytes");
  }
}

}  // namespace

struct Session::Memory {
  explicit Memory(std::size_t wanted)
      : size((std::max<std::size_t>(wanted, 1) + kAlignment - 1) / kAlignment * kAlignment),
        data(static_cast<std::byte*>(std::aligned_alloc(kAlignment, size)), &std::free) {
    if (data == nullptr) throw std::bad_alloc();
  }
  std::size_t size;
  std::unique_ptr<std::byte, void (*)(void*)> data;
};

std::unique_ptr<Session> Session::open(const SessionOptions& options) {
  Library& library = Library::open(options.library);
  std::unique_ptr<Session> session(new Session(library, options.name, options.provider));
  Warnings warnings;
  session->load(options);
  session->describeTensors();
  session->readMetadata();
  session->model_.warnings = warnings.take();
  return session;
}

Session::Session(Library& library, std::string name, std::string provider)
    : library_(library),
      name_(std::move(name)),
      provider_(std::move(provider)),
      session_(nullptr, library.api().ReleaseSession),
      runOptions_(nullptr, library.api().ReleaseRunOptions),
      memoryInfo_(nullptr, library.api().ReleaseMemoryInfo) {}

Session::~Session() = default;

void Session::load(const SessionOptions& options) {
  const Api& api = library_.api();
  const abi::Env* const environment = library_.environment();
  const Error::Detail detail{{"path", name_}};
  abi::SessionOptions* made = nullptr;
  library_.check(api.CreateSessionOptions(&made), Code::RuntimeUnavailable);
  const Owned<abi::SessionOptions> owned(made, api.ReleaseSessionOptions);
  const auto set = [&](abi::Status* status) { library_.check(status, Code::ModelUnreadable, detail); };
  set(api.SetSessionLogSeverityLevel(made, abi::kWarning));
  set(api.SetSessionGraphOptimizationLevel(made, abi::kAllOptimisations));
  set(api.SetIntraOpNumThreads(made, options.threads));
  set(api.SetInterOpNumThreads(made, 1));
  // A thread that spins between operators takes the core that a decoder waits for.
  set(api.AddSessionConfigEntry(made, "session.intra_op.allow_spinning", "0"));
  set(api.AddSessionConfigEntry(made, "session.inter_op.allow_spinning", "0"));
  // A plan of the whole run's memory is one block, beside which what the first run took piece by piece stays. Without it two sessions of
  // YOLOX-nano weigh 40 MB instead of 49, of an INT8 model of 640 pixels 90 instead of 135, and take the same time.
  if (provider_ == "cpu") set(api.DisableMemPattern(made));
  for (const auto& [name, size] : options.dimensions) {
    set(api.AddFreeDimensionOverrideByName(made, name.c_str(), size));
  }
  appendProvider(library_, made, provider_, options.providerOptions, options.plugins);

  abi::Session* session = nullptr;
  auto failed = library_.failure(
      api.CreateSessionFromArray(environment, options.model.data(), options.model.size(), made, &session));
  if (failed) {
    throw Error(codeOf(failed->status, provider_),
                {{"path", name_}, {"provider", provider_}, {"cause", modelCause(std::move(failed->text))}});
  }
  session_.reset(session);
  abi::RunOptions* runOptions = nullptr;
  set(api.CreateRunOptions(&runOptions));
  runOptions_.reset(runOptions);
  abi::MemoryInfo* memoryInfo = nullptr;
  set(api.CreateCpuMemoryInfo(abi::kDeviceAllocator, abi::kDefaultMemory, &memoryInfo));
  memoryInfo_.reset(memoryInfo);
}

void Session::describeTensors() {
  const Api& api = library_.api();
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  library_.check(api.SessionGetInputCount(session_.get(), &inputs), Code::ModelUnreadable, {{"path", name_}});
  library_.check(api.SessionGetOutputCount(session_.get(), &outputs), Code::ModelUnreadable, {{"path", name_}});
  for (std::size_t i = 0; i < inputs; ++i) model_.inputs.push_back(describeTensor(true, i));
  for (std::size_t i = 0; i < outputs; ++i) model_.outputs.push_back(describeTensor(false, i));
  for (auto& set : memories_) set.resize(outputs);
}

TensorInfo Session::describeTensor(bool input, std::size_t index) const {
  const Api& api = library_.api();
  const auto set = [&](abi::Status* status) {
    library_.check(status, Code::ModelUnreadable, {{"path", name_}});
  };
  abi::Allocator* allocator = nullptr;
  set(api.GetAllocatorWithDefaultOptions(&allocator));
  char* name = nullptr;
  set((input ? api.SessionGetInputName : api.SessionGetOutputName)(session_.get(), index, allocator, &name));
  TensorInfo info;
  info.name = name;
  library_.failure(api.AllocatorFree(allocator, name));

  abi::TypeInfo* made = nullptr;
  set((input ? api.SessionGetInputTypeInfo : api.SessionGetOutputTypeInfo)(session_.get(), index, &made));
  const Owned<abi::TypeInfo> owned(made, api.ReleaseTypeInfo);
  int kind = 0;
  set(api.GetOnnxTypeFromTypeInfo(made, &kind));
  const abi::TensorTypeInfo* tensor = nullptr;
  set(api.CastTypeInfoToTensorInfo(made, &tensor));
  int onnxType = 0;
  if (kind == abi::kTensor) set(api.GetTensorElementType(tensor, &onnxType));
  const auto type = elementType(onnxType);
  if (!type) {
    throw Error(Code::ModelUnreadable,
                {{"path", name_},
                 {"cause", (input ? "input " : "output ") + info.name + " is no tensor of a type that Vedette carries" +
                               " (float32, float16, uint8, int8, int32, int64, bool)"}});
  }
  info.type = *type;
  std::size_t rank = 0;
  set(api.GetDimensionsCount(tensor, &rank));
  Shape sizes(rank);
  std::vector<const char*> symbols(rank, "");
  set(api.GetDimensions(tensor, sizes.data(), rank));
  set(api.GetSymbolicDimensions(tensor, symbols.data(), rank));
  for (std::size_t i = 0; i < rank; ++i) info.shape.push_back({sizes[i], symbols[i] == nullptr ? "" : symbols[i]});
  return info;
}

void Session::readMetadata() {
  const Api& api = library_.api();
  const auto set = [&](abi::Status* status) {
    library_.check(status, Code::ModelUnreadable, {{"path", name_}});
  };
  abi::Allocator* allocator = nullptr;
  set(api.GetAllocatorWithDefaultOptions(&allocator));
  abi::Metadata* made = nullptr;
  set(api.SessionGetModelMetadata(session_.get(), &made));
  const Owned<abi::Metadata> owned(made, api.ReleaseModelMetadata);
  char** keys = nullptr;
  std::int64_t count = 0;
  set(api.ModelMetadataGetCustomMetadataMapKeys(made, allocator, &keys, &count));
  const auto take = [&](void* memory) { library_.failure(api.AllocatorFree(allocator, memory)); };
  for (std::int64_t i = 0; i < count; ++i) {
    char* value = nullptr;
    set(api.ModelMetadataLookupCustomMetadataMap(made, allocator, keys[i], &value));
    model_.metadata[keys[i]] = value == nullptr ? "" : value;
    if (value != nullptr) take(value);
    take(keys[i]);
  }
  if (keys != nullptr) take(keys);
}

void Session::check(const std::vector<Input>& inputs) const {
  for (const Input& input : inputs) {
    const auto info = std::find_if(model_.inputs.begin(), model_.inputs.end(),
                                   [&](const TensorInfo& one) { return one.name == input.name; });
    if (info == model_.inputs.end()) {
      std::string names;
      for (const TensorInfo& one : model_.inputs) names += (names.empty() ? "" : ", ") + one.name;
      mismatch(input.name, "the model has no input of this name, it has " + names);
    }
    checkOne(*info, input);
  }
  for (const TensorInfo& info : model_.inputs) {
    const auto given =
        std::count_if(inputs.begin(), inputs.end(), [&](const Input& one) { return one.name == info.name; });
    if (given == 0) mismatch(info.name, "expected " + describe(info) + ", given nothing");
    if (given > 1) mismatch(info.name, "it was given " + std::to_string(given) + " times");
  }
}

std::vector<Output> Session::run(const std::vector<Input>& inputs, std::size_t set) {
  auto outputs = planOutputs(inputs, set);
  auto failed = runInto(inputs, outputs);
  const bool planned = std::any_of(outputs.begin(), outputs.end(), [](const Output& one) { return one.reused; });
  if (failed && planned && shapesAreTrue_) {
    // Shapes may follow from the inputs' values, or be none that the model keeps to; ONNX Runtime takes that only where it
    // allocates itself.
    shapesAreTrue_ = false;
    auto unplanned = planOutputs(inputs, set);
    const auto failedAgain = runInto(inputs, unplanned);
    shapesAreTrue_ = failedAgain.has_value();
    if (!failedAgain) return unplanned;
  }
  if (failed) {
    throw Error(Code::InferenceFailed, {{"path", name_}, {"provider", provider_}, {"cause", failed->text}});
  }
  learnShapes(inputs, outputs);
  return outputs;
}

void Session::learnShapes(const std::vector<Input>& inputs, const std::vector<Output>& outputs) {
  const bool isNews = std::any_of(outputs.begin(), outputs.end(), [](const Output& one) { return !one.reused; });
  if (!isNews || !shapesAreTrue_) return;
  seenInputs_.clear();
  seenOutputs_.clear();
  for (const Input& input : inputs) seenInputs_.push_back(input.shape);
  for (const Output& output : outputs) seenOutputs_.push_back(output.shape);
}

std::vector<Output> Session::planOutputs(const std::vector<Input>& inputs, std::size_t set) {
  std::map<std::string, std::int64_t> symbols;
  for (const TensorInfo& info : model_.inputs) {
    const auto input =
        std::find_if(inputs.begin(), inputs.end(), [&](const Input& one) { return one.name == info.name; });
    for (std::size_t i = 0; i < info.shape.size(); ++i) {
      if (!info.shape[i].symbol.empty()) symbols[info.shape[i].symbol] = input->shape[i];
    }
  }
  const bool isSeen = shapesAreTrue_ && std::equal(inputs.begin(), inputs.end(), seenInputs_.begin(), seenInputs_.end(),
                                                   [](const Input& one, const Shape& seen) { return one.shape == seen; });
  std::vector<Output> outputs;
  for (std::size_t i = 0; i < model_.outputs.size(); ++i) {
    const TensorInfo& info = model_.outputs[i];
    Output& output = outputs.emplace_back(Output{info.name, info.type, {}, {}, {}, nullptr});
    auto shape = plannedShape(info, symbols);
    if (!shape && isSeen) shape = seenOutputs_[i];
    const auto bytes = shape ? bytesOf(info.type, *shape) : std::nullopt;
    if (!bytes) continue;
    auto& memory = memories_[set][i];
    if (memory == nullptr || memory->size < *bytes) memory = std::make_shared<Memory>(*bytes);
    output.shape = *shape;
    output.memory = {memory->data.get(), *bytes};
    output.capacity = {memory->data.get(), memory->size};
    output.owner = memory;
    output.reused = true;
  }
  return outputs;
}

std::optional<Shape> Session::plannedShape(const TensorInfo& output,
                                           const std::map<std::string, std::int64_t>& symbols) const {
  if (!shapesAreTrue_) return std::nullopt;
  Shape shape;
  for (const Dimension& dimension : output.shape) {
    const auto symbol = symbols.find(dimension.symbol);
    if (dimension.size < 0 && symbol == symbols.end()) return std::nullopt;
    shape.push_back(dimension.size >= 0 ? dimension.size : symbol->second);
  }
  return shape;
}

Owned<abi::Value> Session::wrap(std::span<std::byte> memory, ElementType type, const Shape& shape) const {
  abi::Value* value = nullptr;
  library_.check(library_.api().CreateTensorWithDataAsOrtValue(memoryInfo_.get(), memory.data(), memory.size(),
                                                               shape.data(), shape.size(), static_cast<int>(type),
                                                               &value),
                 Code::InferenceFailed, {{"path", name_}, {"provider", provider_}});
  return {value, library_.api().ReleaseValue};
}

std::optional<Failure> Session::runInto(const std::vector<Input>& inputs, std::vector<Output>& outputs) {
  std::vector<Owned<abi::Value>> wrapped;
  std::vector<const char*> inputNames;
  std::vector<const abi::Value*> inputValues;
  for (const Input& input : inputs) {
    wrapped.push_back(wrap(input.memory, input.type, input.shape));
    inputNames.push_back(input.name.c_str());
    inputValues.push_back(wrapped.back().get());
  }
  std::vector<const char*> outputNames;
  std::vector<abi::Value*> outputValues;
  for (const Output& output : outputs) {
    if (output.reused) wrapped.push_back(wrap(output.memory, output.type, output.shape));
    outputNames.push_back(output.name.c_str());
    outputValues.push_back(output.reused ? wrapped.back().get() : nullptr);
  }
  const auto failed = library_.failure(library_.api().Run(
      session_.get(), runOptions_.get(), inputNames.data(), inputValues.data(), inputs.size(), outputNames.data(),
      outputNames.size(), outputValues.data()));
  if (failed) return failed;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].reused) adopt(outputs[i], outputValues[i]);
  }
  return std::nullopt;
}

void Session::adopt(Output& output, abi::Value* value) const {
  const Api& api = library_.api();
  output.owner = std::shared_ptr<void>(
      value, [release = api.ReleaseValue](void* held) { release(static_cast<abi::Value*>(held)); });
  const auto set = [&](abi::Status* status) {
    library_.check(status, Code::InferenceFailed, {{"path", name_}, {"provider", provider_}});
  };
  abi::TensorTypeInfo* made = nullptr;
  set(api.GetTensorTypeAndShape(value, &made));
  const Owned<abi::TensorTypeInfo> owned(made, api.ReleaseTensorTypeAndShapeInfo);
  std::size_t rank = 0;
  set(api.GetDimensionsCount(made, &rank));
  output.shape.resize(rank);
  set(api.GetDimensions(made, output.shape.data(), rank));
  void* data = nullptr;
  set(api.GetTensorMutableData(value, &data));
  output.memory = {static_cast<std::byte*>(data), bytesOf(output.type, output.shape).value_or(0)};
  output.capacity = output.memory;
}

void Session::terminate() noexcept { library_.failure(library_.api().RunOptionsSetTerminate(runOptions_.get())); }

}  // namespace vedette::ort
