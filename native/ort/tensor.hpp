// Names, types and shapes of a model's inputs and outputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vedette::ort {

/// ONNXTensorElementDataType, as far as Vedette carries it.
enum class ElementType : int {
  Float32 = 1,
  UInt8 = 2,
  Int8 = 3,
  Int32 = 6,
  Int64 = 7,
  Bool = 9,
  Float16 = 10,
};

std::string_view name(ElementType type) noexcept;
std::optional<ElementType> elementType(std::string_view name) noexcept;
/// Empty for an ONNX type that Vedette does not carry (strings, doubles, complex numbers …).
std::optional<ElementType> elementType(int onnxType) noexcept;
std::size_t bytesOf(ElementType type) noexcept;

using Shape = std::vector<std::int64_t>;

/// One dimension as the model declares it: fixed, named, or neither.
struct Dimension {
  std::int64_t size = -1;  // -1: decided by each run
  std::string symbol;
};

struct TensorInfo {
  std::string name;
  ElementType type = ElementType::Float32;
  std::vector<Dimension> shape;
};

/// Bytes of a tensor; empty when a dimension is negative or the product leaves std::size_t.
std::optional<std::size_t> bytesOf(ElementType type, const Shape& shape) noexcept;

/// "float32 [batch, 3, 416, 416]"; an unnamed dimension is "?".
std::string describe(const TensorInfo& info);
std::string describe(ElementType type, const Shape& shape);

}  // namespace vedette::ort
