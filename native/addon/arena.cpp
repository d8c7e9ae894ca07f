// Arena for JavaScript: a descriptor and one ArrayBuffer over the whole mapping.
#include "core/arena.hpp"

#include <memory>

#include "addon/arguments.hpp"
#include "addon/exports.hpp"
#include "addon/guard.hpp"

namespace vedette::addon {

namespace {

/// The mapping lives until JavaScript has let go of the buffer and of every view on it.
Napi::Value memoryOf(Napi::Env env, Arena arena) {
  auto owner = std::make_unique<Arena>(std::move(arena));
  const auto memory = owner->memory();
  return Napi::ArrayBuffer::New(
      env, memory.data(), memory.size(), [](Napi::Env, void*, Arena* held) { delete held; }, owner.release());
}

Napi::Value create(const Napi::CallbackInfo& info) {
  return guard(info, [&]() -> Napi::Value {
    auto [arena, fd] = Arena::create(size(info[0], "bytes"));
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("fd", fd);
    result.Set("memory", memoryOf(info.Env(), std::move(arena)));
    return result;
  });
}

Napi::Value map(const Napi::CallbackInfo& info) {
  return guard(info, [&] {
    const auto fd = static_cast<int>(size(info[0], "fd"));
    return memoryOf(info.Env(), Arena::map(fd, size(info[1], "bytes")));
  });
}

}  // namespace

void initArena(Napi::Env env, Napi::Object exports) {
  exports.Set("arenaCreate", Napi::Function::New(env, create, "arenaCreate"));
  exports.Set("arenaMap", Napi::Function::New(env, map, "arenaMap"));
}

}  // namespace vedette::addon
