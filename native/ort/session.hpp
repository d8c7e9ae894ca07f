// One model on one execution provider.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ort/library.hpp"
#include "ort/providers.hpp"
#include "ort/tensor.hpp"

namespace vedette::ort {

struct SessionOptions {
  std::string library;
  std::span<const std::byte> model;  // needed until open has returned
  std::string name;                  // of the model, for errors
  std::string provider;
  ProviderOptions providerOptions;
  int threads = 1;
  std::vector<Plugin> plugins;
  std::vector<std::pair<std::string, std::int64_t>> dimensions;  // that the model leaves open, by name
};

/// What a model says of itself, and what ONNX Runtime warned of while loading it.
struct ModelDescription {
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> warnings;
};

/// A tensor that the caller keeps alive and unchanged until the run is over.
struct Input {
  std::string name;
  ElementType type;
  Shape shape;
  std::span<std::byte> memory;
};

/// A tensor of a run's result.
struct Output {
  std::string name;
  ElementType type;
  Shape shape;
  std::span<std::byte> memory;
  std::span<std::byte> capacity;  // all that `owner` owns; starts where `memory` does
  std::shared_ptr<void> owner;
  bool reused = false;  // the session's own memory, which a later run fills again
};

/// Loads a model and runs it.
///
/// Owns:    the model in ONNX Runtime, and kOutputSets memories for its outputs, grown to the largest run so far.
/// Threads: open, run and the destructor on one thread at a time; check and terminate from any.
/// Fails:   open throws RUNTIME_UNAVAILABLE, PROVIDER_UNAVAILABLE or MODEL_UNREADABLE; check TENSOR_MISMATCH; run
///          INFERENCE_FAILED. After a failed run the session can be used again.
/// Cost:    inputs are read where they lie. Outputs are written into the session's memory when their shape follows from the
///          inputs' shapes, as the model declares or as the run before showed; otherwise ONNX Runtime allocates them.
class Session final {
 public:
  /// One set can be read by the caller while the next run fills the other.
  static constexpr std::size_t kOutputSets = 2;

  static std::unique_ptr<Session> open(const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const ModelDescription& model() const noexcept { return model_; }

  /// Throws when `inputs` are not exactly the model's, by name, type, shape and size in bytes.
  void check(const std::vector<Input>& inputs) const;
  /// `inputs` have passed `check`. Outputs that lie in the session's memory stay until `set` is used again.
  std::vector<Output> run(const std::vector<Input>& inputs, std::size_t set);
  /// Makes the present run and every later one fail soon.
  void terminate() noexcept;

 private:
  struct Memory;

  Session(Library& library, std::string name, std::string provider);
  void load(const SessionOptions& options);
  void describeTensors();
  void readMetadata();
  TensorInfo describeTensor(bool input, std::size_t index) const;
  std::optional<Shape> plannedShape(const TensorInfo& output, const std::map<std::string, std::int64_t>& symbols) const;
  void learnShapes(const std::vector<Input>& inputs, const std::vector<Output>& outputs);
  Owned<abi::Value> wrap(std::span<std::byte> memory, ElementType type, const Shape& shape) const;
  std::vector<Output> planOutputs(const std::vector<Input>& inputs, std::size_t set);
  std::optional<Failure> runInto(const std::vector<Input>& inputs, std::vector<Output>& outputs);
  void adopt(Output& output, abi::Value* value) const;

  // Given.
  Library& library_;
  const std::string name_;
  const std::string provider_;
  // Owned.
  Owned<abi::Session> session_;
  Owned<abi::RunOptions> runOptions_;
  Owned<abi::MemoryInfo> memoryInfo_;
  ModelDescription model_;
  // State.
  std::array<std::vector<std::shared_ptr<Memory>>, kOutputSets> memories_;
  bool shapesAreTrue_ = true;
  // Of the last run whose outputs' shapes the model did not tell before.
  std::vector<Shape> seenInputs_;
  std::vector<Shape> seenOutputs_;
};

}  // namespace vedette::ort
