// The elements of this folder; each is registered in the process by its own file.
#pragma once

namespace vedette::gst {

bool registerFrames();
bool registerUnits();
bool registerBranch();
/// Those that the system's libavcodec has; loads it, so only where something is decoded.
void registerDecoders();

}  // namespace vedette::gst
