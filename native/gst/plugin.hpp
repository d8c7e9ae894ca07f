// The elements of this folder; each is registered in the process by its own file.
#pragma once

namespace vedette::gst {

bool registerFrames();
bool registerUnits();
bool registerBranch();

}  // namespace vedette::gst
