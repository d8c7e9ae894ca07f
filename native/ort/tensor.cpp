#include "ort/tensor.hpp"

#include <array>
#include <utility>

namespace vedette::ort {

namespace {

struct Kind {
  ElementType type;
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array kKinds{
    Kind{ElementType::Float32, "float32", 4}, Kind{ElementType::UInt8, "uint8", 1},
    Kind{ElementType::Int8, "int8", 1},       Kind{ElementType::Int32, "int32", 4},
    Kind{ElementType::Int64, "int64", 8},     Kind{ElementType::Bool, "bool", 1},
    Kind{ElementType::Float16, "float16", 2},
};

template <class Matches>
const Kind* find(Matches matches) noexcept {
  for (const Kind& kind : kKinds) {
    if (matches(kind)) return &kind;
  }
  return nullptr;
}

const Kind& kindOf(ElementType type) noexcept {
  return *find([type](const Kind& kind) { return kind.type == type; });
}

std::string bracketed(std::string_view type, const std::vector<std::string>& sizes) {
  std::string text(type);
  text += " [";
  for (std::size_t i = 0; i < sizes.size(); ++i) text += (i == 0 ? "" : ", ") + sizes[i];
  return text + "]";
}

}  // namespace

std::string_view name(ElementType type) noexcept { return kindOf(type).name; }

std::size_t bytesOf(ElementType type) noexcept { return kindOf(type).bytes; }

std::optional<ElementType> elementType(std::string_view name) noexcept {
  const Kind* kind = find([name](const Kind& one) { return one.name == name; });
  return kind == nullptr ? std::nullopt : std::optional(kind->type);
}

std::optional<ElementType> elementType(int onnxType) noexcept {
  const Kind* kind = find([onnxType](const Kind& one) { return static_cast<int>(one.type) == onnxType; });
  return kind == nullptr ? std::nullopt : std::optional(kind->type);
}

std::optional<std::size_t> bytesOf(ElementType type, const Shape& shape) noexcept {
  std::size_t bytes = bytesOf(type);
  for (const std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(bytes, static_cast<std::size_t>(size), &bytes)) return std::nullopt;
  }
  return bytes;
}

std::string describe(const TensorInfo& info) {
  std::vector<std::string> sizes;
  for (const Dimension& dimension : info.shape) {
    if (dimension.size >= 0) {
      sizes.push_back(std::to_string(dimension.size));
    } else {
      sizes.push_back(dimension.symbol.empty() ? "?" : dimension.symbol);
    }
  }
  return bracketed(name(info.type), sizes);
}

std::string describe(ElementType type, const Shape& shape) {
  std::vector<std::string> sizes;
  for (const std::int64_t size : shape) sizes.push_back(std::to_string(size));
  return bracketed(name(type), sizes);
}

}  // namespace vedette::ort
