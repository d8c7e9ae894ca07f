// Holds native/ort/abi.hpp against ONNX Runtime's own header; a difference is a compile error. scripts/runtimes.mjs
// fetches headers from Debian and compiles this with each of them.
#include <onnxruntime_c_api.h>

#include <cstddef>
#include <type_traits>

#include "ort/abi.hpp"
#include "ort/tensor.hpp"

namespace abi = vedette::ort::abi;

namespace {

template <class A, class B>
constexpr bool same = sizeof(A) == sizeof(B) && std::is_pointer_v<A> == std::is_pointer_v<B> &&
                      std::is_void_v<A> == std::is_void_v<B>;
template <>
constexpr bool same<void, void> = true;

/// Ours and theirs take and return the same kinds of values: as many, each as large, pointers where pointers are.
template <class Ours, class Theirs>
struct Agree : std::false_type {};
template <class R1, class... A1, class R2, class... A2>
struct Agree<R1 (*)(A1...), R2 (*)(A2...)> {
  static constexpr bool value = [] {
    if constexpr (sizeof...(A1) == sizeof...(A2)) {
      return same<R1, R2> && (same<A1, A2> && ...);
    } else {
      return false;
    }
  }();
};
// ONNX Runtime declares most of its functions noexcept.
template <class R1, class... A1, class R2, class... A2>
struct Agree<R1 (*)(A1...), R2 (*)(A2...) noexcept> : Agree<R1 (*)(A1...), R2 (*)(A2...)> {};

}  // namespace

#define CHECK_SLOT(slot, name, result, parameters)                                            \
  static_assert(offsetof(OrtApi, name) == (slot) * sizeof(void*), #name " has another slot"); \
  static_assert(Agree<result(*) parameters, decltype(OrtApi::name)>::value, #name " has another signature");

VEDETTE_ORT_CALLS(CHECK_SLOT)
#if ORT_API_VERSION >= 22
VEDETTE_ORT_PLUGIN_CALLS(CHECK_SLOT)
#endif

static_assert(offsetof(OrtApiBase, GetApi) == offsetof(abi::ApiBase, getApi));
static_assert(offsetof(OrtApiBase, GetVersionString) == offsetof(abi::ApiBase, getVersionString));
static_assert(ORT_NO_MODEL == abi::kNoModel);
static_assert(ORT_INVALID_PROTOBUF == abi::kInvalidProtobuf);
static_assert(ORT_NOT_IMPLEMENTED == abi::kNotImplemented);
static_assert(ORT_INVALID_GRAPH == abi::kInvalidGraph);
static_assert(ORT_EP_FAIL == abi::kEpFail);
static_assert(ORT_LOGGING_LEVEL_WARNING == abi::kWarning);
static_assert(OrtDeviceAllocator == abi::kDeviceAllocator);
static_assert(OrtMemTypeDefault == abi::kDefaultMemory);
static_assert(ORT_ENABLE_ALL == abi::kAllOptimisations);
static_assert(ONNX_TYPE_TENSOR == abi::kTensor);

using vedette::ort::ElementType;
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT == static_cast<int>(ElementType::Float32));
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 == static_cast<int>(ElementType::UInt8));
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8 == static_cast<int>(ElementType::Int8));
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 == static_cast<int>(ElementType::Int32));
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 == static_cast<int>(ElementType::Int64));
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL == static_cast<int>(ElementType::Bool));
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 == static_cast<int>(ElementType::Float16));
