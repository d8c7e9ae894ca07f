// What a process says of itself to the kernel.
#pragma once

#include <sys/types.h>

#include <string>

namespace vedette::sandbox {

/// The kernel kills this process when the thread that started it ends, however it ends. If `parent` is no longer the
/// parent, that has happened already, and the process ends here.
void dieWithParent(pid_t parent) noexcept;

/// The name of the main thread in ps and top; the kernel keeps 15 bytes.
void setName(const std::string& name) noexcept;

}  // namespace vedette::sandbox
