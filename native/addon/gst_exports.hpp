// The bindings that vedette_gst.node is made of.
#pragma once

#include <napi.h>

namespace vedette::addon {

void initFrames(Napi::Env env, Napi::Object exports);
void initUnits(Napi::Env env, Napi::Object exports);

}  // namespace vedette::addon
