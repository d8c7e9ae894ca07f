// What a process says of itself to the kernel, and how it keeps its memory.
#pragma once

#include <sys/types.h>

#include <string>

namespace vedette::sandbox {

/// The kernel kills this process when the thread that started it ends, however it ends. If `parent` is no longer the
/// parent, that has happened already, and the process ends here.
void dieWithParent(pid_t parent) noexcept;

/// Two malloc arenas for all threads that begin from now on, and blocks from 256 KiB on in mappings of their own.
///
/// glibc gives each thread an arena (up to eight a core), and raises the other limit once such a block is freed. Sessions,
/// stills and calibration allocate on many threads, and each arena kept what was freed: an agent with two cameras and a model
/// of 4 MB had 142 MB of its own, with these limits 97. A process that can set its environment says the same before it starts.
void keepLittle() noexcept;

/// The name of the main thread in ps and top; the kernel keeps 15 bytes.
void setName(const std::string& name) noexcept;

}  // namespace vedette::sandbox
