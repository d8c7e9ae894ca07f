// The thread of a camera process that prints what the agent orders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <thread>

#include "core/camera_link.hpp"
#include "core/print.hpp"

namespace vedette {

/// Prints a picture as the ticket at hand asks.
using PrintPicture = std::function<link::Answer(const Picture&)>;
/// Finds the ticket's frame, has its picture printed and says which one it was; or refuses.
using PrintFrame = std::function<link::Answer(const link::Ticket&, const PrintPicture&)>;
/// Nobody will print this frame or those before it.
using PassFrame = std::function<void(std::uint64_t sequence)>;

/// Answers tickets, one after the other, with prints into the arena.
///
/// Owns:    one thread, which ends with it after the print at hand.
/// Threads: `print` and `pass` are called on that thread.
/// Fails:   a ticket that reaches beyond the arena, or is otherwise out of range, is refused.
/// Cost:    nothing while there are no tickets.
class PrintServer final {
 public:
  /// `end` and `arena` must outlive it.
  PrintServer(link::CameraEnd& end, std::span<std::byte> arena, PrintFrame print, PassFrame pass);
  ~PrintServer();
  PrintServer(const PrintServer&) = delete;

 private:
  void serve();
  link::Answer answer(const link::Ticket& ticket);

  // Given.
  link::CameraEnd& end_;
  const std::span<std::byte> arena_;
  const PrintFrame print_;
  const PassFrame pass_;
  // Owned; the thread last, so that it starts when everything above is there.
  Printer printer_;
  std::thread thread_;
};

}  // namespace vedette
