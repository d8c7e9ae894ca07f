// The memory that agent and camera processes share: one memfd whose size can no longer change.
#pragma once

#include <cstddef>
#include <span>

namespace vedette {

/// A mapped, sealed memfd.
///
/// Owns:    the mapping. `create` also hands out a descriptor, which the caller owns.
/// Threads: any; who may write where is agreed between the processes, not here.
/// Fails:   throws Error (DEFECT) when the kernel refuses, or when a file to be mapped is unsealed or too small:
///          a process that could shrink it could kill every other one with SIGBUS.
/// Cost:    pages are given by the kernel when first touched.
class Arena final {
 public:
  struct Created;

  static Created create(std::size_t bytes);
  /// Maps `bytes` of an inherited descriptor, which stays open and the caller's.
  static Arena map(int fd, std::size_t bytes);

  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) = delete;
  ~Arena();

  std::span<std::byte> memory() const noexcept { return memory_; }

 private:
  explicit Arena(std::span<std::byte> memory) noexcept : memory_(memory) {}

  // Owned.
  std::span<std::byte> memory_;
};

struct Arena::Created {
  Arena arena;
  int fd;
};

}  // namespace vedette
