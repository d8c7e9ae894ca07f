// The bindings that vedette.node is made of; each file in this folder defines one of these functions.
#pragma once

#include <napi.h>

namespace vedette::addon {

void initArena(Napi::Env env, Napi::Object exports);
void initCameraLink(Napi::Env env, Napi::Object exports);
void initFrameRing(Napi::Env env, Napi::Object exports);
void initPrint(Napi::Env env, Napi::Object exports);
void initSandbox(Napi::Env env, Napi::Object exports);
void initSession(Napi::Env env, Napi::Object exports);

}  // namespace vedette::addon
