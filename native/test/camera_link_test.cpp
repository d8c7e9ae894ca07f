// Camera links: both ends on threads, counts that wrap around, and a camera process that writes what it likes.
#include "core/camera_link.hpp"

#include <chrono>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "core/arena.hpp"
#include "core/print_server.hpp"
#include "test/check.hpp"

namespace {

using namespace vedette;
using namespace vedette::link;
using namespace std::chrono_literals;

/// Agent and camera on the same memory, their counts beginning just before they wrap around.
struct Pair {
  explicit Pair(std::uint32_t first = 0xffffff80U) : arena(Arena::create(sharedBytes()).arena), agent(arena.memory(), first), camera(arena.memory()) {}
  Arena arena;
  AgentEnd agent;
  CameraEnd camera;
};

Ticket ticketFor(std::uint64_t sequence, bool isHeard = false) {
  Ticket ticket;
  ticket.sequence = sequence;
  ticket.isHeard = isHeard;
  return ticket;
}

void answersInOrder() {
  constexpr std::uint64_t kCount = 20'000;
  Pair pair;
  std::thread server([&] {
    for (std::uint64_t i = 1; i <= kCount; ++i) {
      const auto ticket = pair.camera.take(10s);
      CHECK(ticket && ticket->sequence == i);
      Answer answer;
      answer.sequence = static_cast<double>(i);
      if (i % 3 == 0) answer = Answer::refused(Outcome::FrameGone);
      pair.camera.answer(*ticket, answer);
    }
  });
  std::mt19937 random(3);
  std::vector<std::pair<std::uint64_t, std::uint32_t>> asked;
  for (std::uint64_t sent = 0, taken = 0; taken < kCount;) {
    // Answers are taken in any order, but where the oldest one stands in the way.
    std::size_t at = asked.empty() ? 0 : random() % asked.size();
    if (sent < kCount && asked.size() < 1 + random() % 100) {
      if (const auto ticket = pair.agent.ask(ticketFor(sent + 1))) {
        asked.emplace_back(++sent, *ticket);
        continue;
      }
      at = 0;
    }
    const auto [sequence, ticket] = asked[at];
    asked.erase(asked.begin() + static_cast<std::ptrdiff_t>(at));
    CHECK(pair.agent.wait(ticket, 10s));
    CHECK(pair.agent.isPrinted(ticket) == (sequence % 3 != 0));
    const Answer answer = pair.agent.take(ticket);
    CHECK(answer.isPrinted() == (sequence % 3 != 0));
    if (answer.isPrinted()) CHECK(answer.sequence == static_cast<double>(sequence));
    ++taken;
  }
  server.join();
  CHECK(pair.agent.waiting() == 0 && !pair.agent.isBroken());
}

void keepsAnswersUntilTheyAreTaken() {
  Pair pair;
  const auto first = pair.agent.ask(ticketFor(1));
  std::uint32_t asked = 1;
  while (pair.agent.ask(ticketFor(0))) ++asked;
  CHECK(asked == kTickets);
  for (std::uint32_t i = 0; i < kTickets; ++i) {
    Answer answer;
    answer.sequence = i + 1;
    pair.camera.answer(*pair.camera.take(0ns), answer);
  }
  CHECK(!pair.agent.ask(ticketFor(0)));
  CHECK(pair.agent.take(*first).sequence == 1);
  CHECK(pair.agent.ask(ticketFor(0)));
  CHECK(!pair.agent.ask(ticketFor(0)));
}

void passesWithoutAnswers() {
  Pair pair;
  for (std::uint64_t i = 1; i <= 3ULL * kTickets; ++i) {
    Ticket pass = ticketFor(i);
    pass.kind = Ticket::Kind::Pass;
    CHECK(pair.agent.ask(pass));
    const auto taken = pair.camera.take(0ns);
    CHECK(taken && taken->kind == Ticket::Kind::Pass && taken->sequence == i);
    pair.camera.answer(*taken, {});
  }
}

void tellsEachOnceAndNoMoreThanAreRead() {
  Pair pair;
  double told = 0, heard = 0;
  std::mt19937 random(5);
  for (int i = 0; i < 5000; ++i) {
    Notice notice;
    notice.sequence = told + 1;
    if (random() % 2 == 0 && pair.camera.tell(notice)) ++told;
    CHECK(told - heard <= kNotices);
    if (random() % 2 == 0) continue;
    const auto read = pair.agent.takeNotice();
    CHECK(read.has_value() == (heard < told));
    if (read) CHECK(read->sequence == ++heard);
  }
  while (pair.camera.tell({})) {
  }
  CHECK(!pair.agent.isBroken());
}

void wakesWhoListens() {
  Pair pair;
  const auto began = std::chrono::steady_clock::now();
  std::thread camera([&] {
    std::this_thread::sleep_for(20ms);
    pair.camera.tell({});
    const auto ticket = pair.camera.take(10s);
    std::this_thread::sleep_for(20ms);
    pair.camera.answer(*ticket, {});
  });
  CHECK(pair.agent.listen() && pair.agent.takeNotice());
  const auto ticket = pair.agent.ask(ticketFor(1, true));
  CHECK(pair.agent.listen() && pair.agent.isAnswered(*ticket));
  camera.join();
  std::thread closer([&] {
    std::this_thread::sleep_for(20ms);
    pair.agent.close();
  });
  while (pair.agent.listen()) {
  }
  closer.join();
  CHECK(std::chrono::steady_clock::now() - began < 5s);
}

/// Nobody answers any more: who waits is let go, what was answered stays.
void closesOnWhoWaits() {
  Pair pair;
  const auto answered = pair.agent.ask(ticketFor(1));
  const auto owed = pair.agent.ask(ticketFor(2));
  pair.camera.answer(*pair.camera.take(0ns), {});
  CHECK(!pair.agent.wait(*owed, 1ms));
  std::thread closer([&] {
    std::this_thread::sleep_for(20ms);
    pair.agent.close();
  });
  CHECK(pair.agent.wait(*owed, 60s));
  closer.join();
  CHECK(pair.agent.take(*answered).isPrinted());
  CHECK(pair.agent.take(*owed).outcome == static_cast<double>(Outcome::FrameGone));
  CHECK(!pair.agent.ask(ticketFor(3)));
}

/// A camera process that was taken over writes anything anywhere in the memory, at any time.
void survivesAnyMemory() {
  std::mt19937 random(11);
  int broken = 0;
  for (int round = 0; round < 3000; ++round) {
    Pair pair(random());
    const auto memory = pair.arena.memory();
    std::vector<std::uint32_t> asked;
    for (int step = 0; step < 20; ++step) {
      if (const auto ticket = pair.agent.ask(ticketFor(1))) asked.push_back(*ticket);
      // The counts lie in the first lines; elsewhere there is only what is judged by others.
      const std::size_t reach = random() % 2 == 0 ? 320 : memory.size() - 4;
      const auto noise = static_cast<std::uint32_t>(random() % 3 == 0 ? random() % 200 : random());
      std::memcpy(memory.data() + random() % reach / 4 * 4, &noise, sizeof noise);
      pair.agent.takeNotice();
      if (!asked.empty()) {
        pair.agent.wait(asked.back(), 0ns);
        pair.agent.isPrinted(asked.back());
      }
      if (!asked.empty() && random() % 2 == 0) {
        pair.agent.take(asked.back());
        asked.pop_back();
      }
      CHECK(pair.agent.waiting() <= kTickets);
    }
    broken += pair.agent.isBroken() ? 1 : 0;
    pair.agent.close();
    CHECK(!pair.agent.listen());
  }
  CHECK(broken > 300);
}

void waitsForAllPrints() {
  Arena memory = Arena::create(sharedBytes()).arena;
  const auto agent = std::make_shared<AgentEnd>(memory.memory());
  CameraEnd camera(memory.memory());
  Prints none;
  CHECK(none.wait(0ns) && none.areWorthwhile());
  Prints prints;
  for (std::uint64_t i = 1; i <= 2; ++i) prints.add(agent, *agent->ask(ticketFor(i)));
  CHECK(!prints.wait(0ns));
  camera.answer(*camera.take(0ns), Answer::refused(Outcome::FrameGone));
  CHECK(!prints.wait(0ns) && !prints.areWorthwhile());
  camera.answer(*camera.take(0ns), {});
  CHECK(prints.wait(0ns) && prints.areWorthwhile());
}

/// What no agent asks for is refused, before a byte is written.
void servesOnlyWhatFits() {
  Pair pair;
  Arena arena = Arena::create(8192).arena;
  std::vector<std::byte> pixels(64 * 64, std::byte{77});
  std::uint64_t passed = 0;
  const auto picture = pictureIn(pixels, PixelFormat::GRAY8, 64, 64);
  PrintServer server(
      pair.camera, arena.memory(), [&](const Ticket&, const PrintPicture& print) { return print(*picture); },
      [&](std::uint64_t sequence) { passed = sequence; });
  const auto ask = [&](std::uint64_t offset, int width, int height) {
    Ticket ticket = ticketFor(1);
    ticket.rectangle = {0, 0, 1, 1};
    ticket.format = PrintFormat{width, height, TensorLayout::Planar, ChannelOrder::Rgb, DType::Uint8, Fit::Stretch, 0, {}, {}};
    ticket.offset = offset;
    const auto number = pair.agent.ask(ticket);
    CHECK(number && pair.agent.wait(*number, 10s));
    return static_cast<Outcome>(static_cast<int>(pair.agent.take(*number).outcome));
  };
  for (const auto& [offset, width, height] : {std::tuple{8192ULL - 64, 16, 16}, {1ULL, 16, 16}, {~0ULL - 63, 16, 16},
                                              {0ULL, 0, 16}, {0ULL, 16, -1}, {0ULL, 1 << 30, 1 << 30}}) {
    CHECK(ask(offset, width, height) == Outcome::BadTicket);
  }
  for (const std::byte byte : arena.memory()) CHECK(byte == std::byte{0});
  CHECK(ask(64, 16, 16) == Outcome::Printed);
  CHECK(arena.memory()[64] == std::byte{77} && arena.memory()[63] == std::byte{0});
  Ticket pass = ticketFor(9);
  pass.kind = Ticket::Kind::Pass;
  pair.agent.ask(pass);
  CHECK(ask(64, 16, 16) == Outcome::Printed && passed == 9);
}

}  // namespace

int main() {
  return vedette::test::run({
      {"tickets are answered in order, answers taken in any", answersInOrder},
      {"an answer stays until it is taken", keepsAnswersUntilTheyAreTaken},
      {"passed frames need no answer", passesWithoutAnswers},
      {"notices are read once, and no more told than are read", tellsEachOnceAndNoMoreThanAreRead},
      {"notices and heard answers wake", wakesWhoListens},
      {"a closed link lets go who waits", closesOnWhoWaits},
      {"any memory is survived", survivesAnyMemory},
      {"a run waits for all its prints", waitsForAllPrints},
      {"only what fits is printed", servesOnlyWhatFits},
  });
}
