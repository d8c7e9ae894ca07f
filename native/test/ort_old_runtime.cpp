// A library that says it is ONNX Runtime 1.16, for ort_test: it must be refused by its version alone.
#include <cstdint>
#include <cstdlib>

#include "ort/abi.hpp"

namespace {
const vedette::ort::abi::ApiBase kBase{
    [](std::uint32_t) -> const void* { std::abort(); },
    []() -> const char* { return "1.16.3"; },
};
}  // namespace

extern "C" __attribute__((visibility("default"))) const vedette::ort::abi::ApiBase* OrtGetApiBase() { return &kBase; }
