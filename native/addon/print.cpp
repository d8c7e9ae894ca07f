// Printing from plain memory, for JavaScript, and the choice of the kernel.
#include "core/print.hpp"

#include <algorithm>
#include <memory>
#include <string>

#include "addon/exports.hpp"
#include "addon/guard.hpp"
#include "addon/print_order.hpp"

namespace vedette::addon {

namespace {

/// JavaScript runs on one thread per environment, and prints on it.
std::unique_ptr<Printer>& printer() {
  static thread_local auto own = std::make_unique<Printer>();
  return own;
}

std::array<std::size_t, 3> perPlane(const Napi::Object& source, const char* field) {
  std::array<std::size_t, 3> values{};
  const Napi::Value given = source.Get(field);
  if (!given.IsArray()) return values;
  const auto list = given.As<Napi::Array>();
  for (std::uint32_t plane = 0; plane < std::min<std::uint32_t>(3, list.Length()); ++plane) {
    const Napi::Value item = list[plane];
    values[plane] = size(item, field);
  }
  return values;
}

Picture pictureOf(const Napi::Value& value) {
  if (!value.IsObject()) badArgument("source is no object");
  const auto source = value.As<Napi::Object>();
  const std::string format = text(source.Get("pixelFormat"), "pixelFormat");
  const auto pixels = pixelFormat(format);
  if (!pixels) badArgument("no pixel format " + format);
  const std::size_t width = size(source.Get("widthPx"), "widthPx");
  const std::size_t height = size(source.Get("heightPx"), "heightPx");
  if (width > kMaxSide || height > kMaxSide) badArgument("a side is longer than " + std::to_string(kMaxSide));
  auto picture = pictureIn(bytes(source.Get("data"), "data"), *pixels, static_cast<int>(width),
                           static_cast<int>(height), {perPlane(source, "offsets"), perPlane(source, "strides")});
  if (!picture) badArgument("the planes do not fit into data");
  if (const Napi::Value range = source.Get("fullRange"); range.IsBoolean()) picture->fullRange = range.ToBoolean();
  if (const Napi::Value matrix = source.Get("matrix"); matrix.IsString()) {
    picture->matrix = text(matrix, "matrix") == "bt601" ? Matrix::Bt601 : Matrix::Bt709;
  }
  return *picture;
}

/// printPixels(source, rectangle, format, memory, offset) → placement, or null when the ticket is bad.
Napi::Value printPixels(const Napi::CallbackInfo& info) {
  return guard(info, [&]() -> Napi::Value {
    const Picture picture = pictureOf(info[0]);
    const auto order = printOrderOf(info, 1);
    if (!order) return info.Env().Null();
    const auto placement = printer()->print(picture, order->rectangle, order->format, order->out);
    if (!placement) return info.Env().Null();
    return placementObject(info.Env(), *placement);
  });
}

Napi::Value printKernels(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    Napi::Array names = Napi::Array::New(info.Env());
    for (const Kernel kernel : kernels()) names.Set(names.Length(), std::string(name(kernel)));
    return names;
  });
}

Napi::Value setPrintKernel(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    const std::string wanted = text(info[0], "kernel");
    const auto found = std::find_if(kernels().begin(), kernels().end(), [&](Kernel k) { return name(k) == wanted; });
    if (found == kernels().end()) badArgument("this processor runs no kernel " + wanted);
    printer() = std::make_unique<Printer>(*found);
    return info.Env().Undefined();
  });
}

}  // namespace

void initPrint(Napi::Env env, Napi::Object exports) {
  exports.Set("printPixels", Napi::Function::New(env, printPixels, "printPixels"));
  exports.Set("printKernels", Napi::Function::New(env, printKernels, "printKernels"));
  exports.Set("setPrintKernel", Napi::Function::New(env, setPrintKernel, "setPrintKernel"));
}

}  // namespace vedette::addon
