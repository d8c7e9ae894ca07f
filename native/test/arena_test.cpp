// The arena: what one mapping writes the other reads, and nobody can change its size.
#include "core/arena.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.hpp"
#include "test/check.hpp"

using vedette::Arena;
using vedette::Code;

namespace {

void twoMappingsShareMemory() {
  auto [arena, fd] = Arena::create(10'000);
  Arena other = Arena::map(fd, 10'000);
  arena.memory()[9'999] = std::byte{42};
  CHECK(other.memory()[9'999] == std::byte{42});
  CHECK(other.memory().size() == 10'000);
  close(fd);
  other.memory()[0] = std::byte{7};
  CHECK(arena.memory()[0] == std::byte{7});
}

void sizeIsSealed() {
  auto [arena, fd] = Arena::create(4096);
  CHECK(ftruncate(fd, 100) != 0 && errno == EPERM);
  CHECK(ftruncate(fd, 8192) != 0 && errno == EPERM);
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) != 0);
  close(fd);
}

void strangersAreRefused() {
  const int unsealed = memfd_create("stranger", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  CHECK(ftruncate(unsealed, 4096) == 0);
  CHECK_THROWS(Arena::map(unsealed, 4096), Code::Defect);
  close(unsealed);
  CHECK_THROWS(Arena::map(unsealed, 4096), Code::Defect);
  CHECK_THROWS(Arena::map(STDOUT_FILENO, 4096), Code::Defect);
}

void sizesAreChecked() {
  CHECK_THROWS(Arena::create(0), Code::Defect);
  CHECK_THROWS(Arena::create(std::size_t{1} << 62), Code::Defect);
  auto [arena, fd] = Arena::create(4096);
  CHECK_THROWS(Arena::map(fd, 4097), Code::Defect);
  CHECK_THROWS(Arena::map(fd, 0), Code::Defect);
  CHECK(Arena::map(fd, 100).memory().size() == 100);
  close(fd);
}

}  // namespace

int main() {
  return vedette::test::run({
      {"two mappings share memory", twoMappingsShareMemory},
      {"the size is sealed", sizeIsSealed},
      {"descriptors that are no arena are refused", strangersAreRefused},
      {"sizes are checked", sizesAreChecked},
  });
}
