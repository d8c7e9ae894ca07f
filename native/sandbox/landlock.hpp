// Landlock: the kernel refuses files, programs and TCP ports that are not on a list.
#pragma once

#include "sandbox/confine.hpp"

namespace vedette::sandbox {

/// The newest Landlock ABI that the kernel has; 0 without Landlock.
int landlockAbi() noexcept;

/// Restricts every thread of the process, but for those that take no signals (Node has one, which waits for SIGUSR1).
Measure applyLandlock(const Confinement& confinement);

}  // namespace vedette::sandbox
