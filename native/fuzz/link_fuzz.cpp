// A camera process that writes anything into the link: the agent's end reads nothing out of bounds, counts no more than there is room
// for, and says so when counts are impossible.
#include <chrono>
#include <cstring>
#include <vector>

#include "core/camera_link.hpp"

using namespace vedette;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint64_t> words(link::sharedBytes() / sizeof(std::uint64_t) + 1);
  const std::span memory(reinterpret_cast<std::byte*>(words.data()), link::sharedBytes());
  link::AgentEnd agent(memory, size > 0 ? 0xffffffffu - data[0] : 0);
  link::CameraEnd camera(memory);
  std::vector<std::uint32_t> asked;
  std::optional<link::Ticket> given;
  for (std::size_t at = 1; at + 4 < size; at += 5) {
    const std::uint32_t where = data[at + 1] | data[at + 2] << 8;
    switch (data[at] % 8) {
      case 0: {
        const auto ticket = agent.ask({.orNewer = (where & 1) != 0, .sequence = where});
        if (ticket) asked.push_back(*ticket);
        if (asked.size() > link::kTickets) __builtin_trap();
        break;
      }
      case 1:
        if (asked.empty()) break;
        agent.isPrinted(asked.front());
        agent.wait(asked.front(), std::chrono::nanoseconds(0));
        agent.take(asked.front());
        asked.erase(asked.begin());
        break;
      case 2: agent.takeNotice(); break;
      case 3:
        if (agent.waiting() > link::kTickets && !agent.isBroken()) __builtin_trap();
        break;
      case 4: {
        link::Notice notice;
        notice.sequence = where;
        camera.tell(notice);
        break;
      }
      case 5: given = camera.take(std::chrono::nanoseconds(0)); break;
      case 6:
        if (given) camera.answer(*given, link::Answer::refused(link::Outcome::FrameGone));
        given.reset();
        break;
      default: {
        // The counts lie in front.
        const std::size_t room = where % 3 == 0 ? memory.size() : std::size_t{512};
        std::memcpy(memory.data() + where * 4 % (room - 4), data + at + 1, 4);
      }
    }
  }
  agent.close();
  return 0;
}
