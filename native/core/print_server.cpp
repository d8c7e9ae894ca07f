#include "core/print_server.hpp"

#include <pthread.h>

#include <chrono>
#include <utility>

namespace vedette {

namespace {

/// Model runtimes read the slots with vector loads.
constexpr std::uint64_t kSlotAlignment = 64;
constexpr std::chrono::hours kForever{1};

bool isSide(int pixels) { return pixels >= 1 && pixels <= kMaxSide; }

}  // namespace

PrintServer::PrintServer(link::CameraEnd& end, std::span<std::byte> arena, PrintFrame print, PassFrame pass)
    : end_(end), arena_(arena), print_(std::move(print)), pass_(std::move(pass)), thread_([this] { serve(); }) {}

PrintServer::~PrintServer() {
  end_.stop();
  thread_.join();
}

void PrintServer::serve() {
  pthread_setname_np(pthread_self(), "vedette-print");
  while (!end_.isStopped()) {
    const auto ticket = end_.take(kForever);
    if (!ticket) continue;
    try {
      end_.answer(*ticket, answer(*ticket));
    } catch (...) {
      end_.answer(*ticket, link::Answer::refused(link::Outcome::MapFailed));
    }
  }
}

link::Answer PrintServer::answer(const link::Ticket& ticket) {
  using link::Answer;
  using link::Outcome;
  if (ticket.kind == link::Ticket::Kind::Pass) {
    pass_(ticket.sequence);
    return {};
  }
  const auto started = std::chrono::steady_clock::now();
  const PrintFormat& format = ticket.format;
  if (!isSide(format.width) || !isSide(format.height)) return Answer::refused(Outcome::BadTicket);
  const std::size_t wanted = printedBytes(format);
  const bool fits = ticket.offset <= arena_.size() && wanted <= arena_.size() - ticket.offset;
  if (!fits || ticket.offset % kSlotAlignment != 0) return Answer::refused(Outcome::BadTicket);
  const auto out = arena_.subspan(ticket.offset, wanted);
  return print_(ticket, [&](const Picture& picture) {
    const auto placement = printer_.print(picture, ticket.rectangle, format, out);
    if (!placement) return Answer::refused(Outcome::BadTicket);
    Answer answer;
    answer.x = placement->x;
    answer.y = placement->y;
    answer.w = placement->w;
    answer.h = placement->h;
    answer.tookUs = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - started).count();
    return answer;
  });
}

}  // namespace vedette
