// A seccomp filter of plain BPF: system calls that decoding video never needs fail with EPERM.
#pragma once

#include <string>

namespace vedette::sandbox {

/// For every thread of the process. `mayStart`: processes and programs can still be started. The result says why it is
/// not in force; empty when it is.
std::string applySeccomp(bool mayStart);

}  // namespace vedette::sandbox
