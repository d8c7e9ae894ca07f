// The part of ONNX Runtime's C ABI that Vedette calls, declared here so that no header of theirs has to be vendored.
//
// OrtApi is a table of function pointers that only ever grows at its end, so a function keeps its slot in every later
// release. native/test/ort_header_test.cpp holds the slots below against the official header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace vedette::ort {

namespace abi {

struct Allocator;
struct CudaOptions;
struct Env;
struct EpDevice;
struct MemoryInfo;
struct Metadata;
struct RunOptions;
struct Session;
struct SessionOptions;
struct Status;
struct TensorRtOptions;
struct TensorTypeInfo;
struct TypeInfo;
struct Value;

using Texts = const char* const*;
using LogFunction = void (*)(void* parameter, int severity, const char* category, const char* id, const char* where,
                             const char* message);

/// OrtErrorCode, as far as it tells a bad model from a bad provider.
enum StatusCode : int { kNoModel = 4, kInvalidProtobuf = 7, kNotImplemented = 9, kInvalidGraph = 10, kEpFail = 11 };

constexpr int kWarning = 2;            // OrtLoggingLevel
constexpr int kDeviceAllocator = 0;    // OrtAllocatorType
constexpr int kDefaultMemory = 0;      // OrtMemType
constexpr int kAllOptimisations = 99;  // GraphOptimizationLevel
constexpr int kTensor = 1;             // ONNXType

/// What OrtGetApiBase() points to.
struct ApiBase {
  const void* (*getApi)(std::uint32_t version);
  const char* (*getVersionString)();
};

}  // namespace abi

/// The API version that has every call of VEDETTE_ORT_CALLS: OpenVINO_V2 is the newest, of 1.17.
constexpr int kApiVersion = 17;
/// The one that has those of VEDETTE_ORT_PLUGIN_CALLS.
constexpr int kPluginApiVersion = 22;

// X(slot, name, result, parameters), in the order of the slots.
#define VEDETTE_ORT_CALLS(X)                                                                                          \
  X(1, GetErrorCode, int, (const abi::Status*))                                                                       \
  X(2, GetErrorMessage, const char*, (const abi::Status*))                                                            \
  X(4, CreateEnvWithCustomLogger, abi::Status*,                                                                       \
    (abi::LogFunction, void* parameter, int severity, const char* id, abi::Env**))                                    \
  X(8, CreateSessionFromArray, abi::Status*,                                                                          \
    (const abi::Env*, const void* model, std::size_t, const abi::SessionOptions*, abi::Session**))                    \
  X(9, Run, abi::Status*,                                                                                             \
    (abi::Session*, const abi::RunOptions*, abi::Texts inputNames, const abi::Value* const* inputs, std::size_t,      \
     abi::Texts outputNames, std::size_t, abi::Value** outputs))                                                      \
  X(10, CreateSessionOptions, abi::Status*, (abi::SessionOptions**))                                                  \
  X(17, DisableMemPattern, abi::Status*, (abi::SessionOptions*))                                                      \
  X(22, SetSessionLogSeverityLevel, abi::Status*, (abi::SessionOptions*, int))                                        \
  X(23, SetSessionGraphOptimizationLevel, abi::Status*, (abi::SessionOptions*, int))                                  \
  X(24, SetIntraOpNumThreads, abi::Status*, (abi::SessionOptions*, int))                                              \
  X(25, SetInterOpNumThreads, abi::Status*, (abi::SessionOptions*, int))                                              \
  X(30, SessionGetInputCount, abi::Status*, (const abi::Session*, std::size_t*))                                      \
  X(31, SessionGetOutputCount, abi::Status*, (const abi::Session*, std::size_t*))                                     \
  X(33, SessionGetInputTypeInfo, abi::Status*, (const abi::Session*, std::size_t, abi::TypeInfo**))                   \
  X(34, SessionGetOutputTypeInfo, abi::Status*, (const abi::Session*, std::size_t, abi::TypeInfo**))                  \
  X(36, SessionGetInputName, abi::Status*, (const abi::Session*, std::size_t, abi::Allocator*, char**))               \
  X(37, SessionGetOutputName, abi::Status*, (const abi::Session*, std::size_t, abi::Allocator*, char**))              \
  X(39, CreateRunOptions, abi::Status*, (abi::RunOptions**))                                                          \
  X(46, RunOptionsSetTerminate, abi::Status*, (abi::RunOptions*))                                                     \
  X(49, CreateTensorWithDataAsOrtValue, abi::Status*,                                                                 \
    (const abi::MemoryInfo*, void* data, std::size_t bytes, const std::int64_t* shape, std::size_t rank, int type,    \
     abi::Value**))                                                                                                   \
  X(51, GetTensorMutableData, abi::Status*, (abi::Value*, void**))                                                    \
  X(55, CastTypeInfoToTensorInfo, abi::Status*, (const abi::TypeInfo*, const abi::TensorTypeInfo**))                  \
  X(56, GetOnnxTypeFromTypeInfo, abi::Status*, (const abi::TypeInfo*, int*))                                          \
  X(60, GetTensorElementType, abi::Status*, (const abi::TensorTypeInfo*, int*))                                       \
  X(61, GetDimensionsCount, abi::Status*, (const abi::TensorTypeInfo*, std::size_t*))                                 \
  X(62, GetDimensions, abi::Status*, (const abi::TensorTypeInfo*, std::int64_t*, std::size_t))                        \
  X(63, GetSymbolicDimensions, abi::Status*, (const abi::TensorTypeInfo*, const char**, std::size_t))                 \
  X(65, GetTensorTypeAndShape, abi::Status*, (const abi::Value*, abi::TensorTypeInfo**))                              \
  X(69, CreateCpuMemoryInfo, abi::Status*, (int allocator, int memory, abi::MemoryInfo**))                            \
  X(76, AllocatorFree, abi::Status*, (abi::Allocator*, void*))                                                        \
  X(78, GetAllocatorWithDefaultOptions, abi::Status*, (abi::Allocator**))                                             \
  X(93, ReleaseStatus, void, (abi::Status*))                                                                          \
  X(94, ReleaseMemoryInfo, void, (abi::MemoryInfo*))                                                                  \
  X(95, ReleaseSession, void, (abi::Session*))                                                                        \
  X(96, ReleaseValue, void, (abi::Value*))                                                                            \
  X(97, ReleaseRunOptions, void, (abi::RunOptions*))                                                                  \
  X(98, ReleaseTypeInfo, void, (abi::TypeInfo*))                                                                      \
  X(99, ReleaseTensorTypeAndShapeInfo, void, (abi::TensorTypeInfo*))                                                  \
  X(100, ReleaseSessionOptions, void, (abi::SessionOptions*))                                                         \
  X(111, SessionGetModelMetadata, abi::Status*, (const abi::Session*, abi::Metadata**))                               \
  X(116, ModelMetadataLookupCustomMetadataMap, abi::Status*,                                                          \
    (const abi::Metadata*, abi::Allocator*, const char* key, char**))                                                 \
  X(118, ReleaseModelMetadata, void, (abi::Metadata*))                                                                \
  X(123, ModelMetadataGetCustomMetadataMapKeys, abi::Status*,                                                         \
    (const abi::Metadata*, abi::Allocator*, char***, std::int64_t*))                                                  \
  X(124, AddFreeDimensionOverrideByName, abi::Status*, (abi::SessionOptions*, const char* name, std::int64_t))        \
  X(125, GetAvailableProviders, abi::Status*, (char***, int*))                                                        \
  X(126, ReleaseAvailableProviders, abi::Status*, (char**, int))                                                      \
  X(130, AddSessionConfigEntry, abi::Status*, (abi::SessionOptions*, const char* key, const char* value))             \
  X(170, SessionOptionsAppendExecutionProvider_TensorRT_V2, abi::Status*,                                             \
    (abi::SessionOptions*, const abi::TensorRtOptions*))                                                              \
  X(171, CreateTensorRTProviderOptions, abi::Status*, (abi::TensorRtOptions**))                                       \
  X(172, UpdateTensorRTProviderOptions, abi::Status*,                                                                 \
    (abi::TensorRtOptions*, abi::Texts keys, abi::Texts values, std::size_t))                                         \
  X(174, ReleaseTensorRTProviderOptions, void, (abi::TensorRtOptions*))                                               \
  X(204, SessionOptionsAppendExecutionProvider_CUDA_V2, abi::Status*,                                                 \
    (abi::SessionOptions*, const abi::CudaOptions*))                                                                  \
  X(205, CreateCUDAProviderOptions, abi::Status*, (abi::CudaOptions**))                                               \
  X(206, UpdateCUDAProviderOptions, abi::Status*,                                                                     \
    (abi::CudaOptions*, abi::Texts keys, abi::Texts values, std::size_t))                                             \
  X(208, ReleaseCUDAProviderOptions, void, (abi::CudaOptions*))                                                       \
  X(216, SessionOptionsAppendExecutionProvider, abi::Status*,                                                         \
    (abi::SessionOptions*, const char* name, abi::Texts keys, abi::Texts values, std::size_t))                        \
  X(275, SessionOptionsAppendExecutionProvider_OpenVINO_V2, abi::Status*,                                             \
    (abi::SessionOptions*, abi::Texts keys, abi::Texts values, std::size_t))

#define VEDETTE_ORT_PLUGIN_CALLS(X)                                                                                   \
  X(301, RegisterExecutionProviderLibrary, abi::Status*, (abi::Env*, const char* name, const char* path))             \
  X(303, GetEpDevices, abi::Status*, (const abi::Env*, const abi::EpDevice* const**, std::size_t*))                   \
  X(304, SessionOptionsAppendExecutionProvider_V2, abi::Status*,                                                      \
    (abi::SessionOptions*, abi::Env*, const abi::EpDevice* const*, std::size_t, abi::Texts keys, abi::Texts values,   \
     std::size_t))                                                                                                    \
  X(312, EpDevice_EpName, const char*, (const abi::EpDevice*))

#define VEDETTE_ORT_MEMBER(slot, name, result, parameters) result(*name) parameters = nullptr;
#define VEDETTE_ORT_FETCH(slot, name, result, parameters) \
  std::memcpy(&name, static_cast<const char*>(table) + (slot) * sizeof(void*), sizeof(name));

/// The functions above, fetched from what getApi(kApiVersion) gave.
struct Api {
  explicit Api(const void* table) { VEDETTE_ORT_CALLS(VEDETTE_ORT_FETCH) }
  VEDETTE_ORT_CALLS(VEDETTE_ORT_MEMBER)
};

/// The same for getApi(kPluginApiVersion).
struct PluginApi {
  explicit PluginApi(const void* table) { VEDETTE_ORT_PLUGIN_CALLS(VEDETTE_ORT_FETCH) }
  VEDETTE_ORT_PLUGIN_CALLS(VEDETTE_ORT_MEMBER)
};

#undef VEDETTE_ORT_MEMBER
#undef VEDETTE_ORT_FETCH

}  // namespace vedette::ort
