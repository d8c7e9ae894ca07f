// What a process gives up for good before it touches anything that came from outside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vedette::sandbox {

/// What stays possible. Paths that do not exist are passed over.
struct Confinement {
  std::vector<std::string> readable;
  /// Files and folders that may be read and written, devices among them.
  std::vector<std::string> writable;
  /// Programs that may be started; with none, no process can be started either.
  std::vector<std::string> executable;
  /// TCP ports that may be connected to; empty: any. Listening is never possible.
  std::optional<std::vector<std::uint16_t>> tcpPorts;
  /// Upper bound of private writable memory.
  std::optional<std::uint64_t> dataBytes;
};

/// One thing that was tried.
struct Measure {
  std::string name;
  bool isApplied;
  /// Why it is not in force, or what it leaves open; mostly empty.
  std::string remark;
};

/// Applies to all threads of the process: no new privileges, resource limits, Landlock (files, programs, TCP) and a
/// seccomp filter. Each is tried even when another cannot be had. There is no way back.
std::vector<Measure> confine(const Confinement& confinement);

}  // namespace vedette::sandbox
