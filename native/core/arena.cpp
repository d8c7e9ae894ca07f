#include "core/arena.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "core/error.hpp"

namespace vedette {

namespace {

constexpr int kSizeSeals = F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

std::span<std::byte> mapShared(int fd, std::size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) throw Error(Code::Defect, systemCause("mapping the arena"));
  return {static_cast<std::byte*>(at), bytes};
}

}  // namespace

Arena::Created Arena::create(std::size_t bytes) {
  if (bytes == 0) throw Error(Code::Defect, "an arena of 0 bytes was asked for");
  const int fd = memfd_create("vedette-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) throw Error(Code::Defect, systemCause("creating the arena"));
  try {
    if (ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
      throw Error(Code::Defect, systemCause("sizing the arena"));
    }
    if (fcntl(fd, F_ADD_SEALS, kSizeSeals) != 0) {
      throw Error(Code::Defect, systemCause("sealing the arena"));
    }
    return {Arena(mapShared(fd, bytes)), fd};
  } catch (...) {
    close(fd);
    throw;
  }
}

Arena Arena::map(int fd, std::size_t bytes) {
  if (bytes == 0) throw Error(Code::Defect, "an arena of 0 bytes was asked for");
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0) throw Error(Code::Defect, systemCause("descriptor " + std::to_string(fd) + " is no arena"));
  if ((seals & kSizeSeals) != kSizeSeals) {
    throw Error(Code::Defect, "the arena's size is not sealed");
  }
  struct stat facts {};
  if (fstat(fd, &facts) != 0) throw Error(Code::Defect, systemCause("reading the arena's size"));
  if (static_cast<std::size_t>(facts.st_size) < bytes) {
    throw Error(Code::Defect, "the arena has " + std::to_string(facts.st_size) + " bytes, not " +
                                  std::to_string(bytes));
  }
  return Arena(mapShared(fd, bytes));
}

Arena::Arena(Arena&& other) noexcept : memory_(std::exchange(other.memory_, {})) {}

Arena::~Arena() {
  if (!memory_.empty()) munmap(memory_.data(), memory_.size());
}

}  // namespace vedette
