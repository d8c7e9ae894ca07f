#include "ort/session_thread.hpp"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "ort/exit.hpp"

namespace vedette::ort {

namespace {

/// A print takes a millisecond or two. What is not there by then may belong to a process that hangs: time to look at others.
constexpr std::chrono::milliseconds kPatience{4};
/// Inference fills whatever time there is. Decoders cannot ask their cameras to wait, and the event loop and printing are
/// short and hold up everybody: they go first.
constexpr int kYield = 10;

/// Of this thread and those that it starts.
void giveWay() {
  const int nice = getpriority(PRIO_PROCESS, 0);
  setpriority(PRIO_PROCESS, 0, nice + kYield);
}

}  // namespace

SessionThread::SessionThread(SessionOptions options, Opened opened)
    : name_(options.name),
      provider_(options.provider),
      thread_([this, options = std::move(options), opened = std::move(opened)] { work(options, opened); }) {}

SessionThread::~SessionThread() {
  close([] {});
  thread_.join();
}

void SessionThread::submit(std::vector<Input> inputs, link::Prints prints, Ran ran) {
  const std::lock_guard lock(mutex_);
  if (closing_ || session_ == nullptr) std::rethrow_exception(closedError());
  session_->check(inputs);
  requests_.push_back({std::move(inputs), std::move(prints), std::move(ran)});
  changed_.notify_one();
}

void SessionThread::release() {
  const std::lock_guard lock(mutex_);
  if (unreleased_ > 0) --unreleased_;
  changed_.notify_one();
}

void SessionThread::close(std::function<void()> closed) {
  const std::lock_guard lock(mutex_);
  if (closing_) return;
  closing_ = true;
  closed_ = std::move(closed);
  if (session_ != nullptr) session_->terminate();
  changed_.notify_one();
}

void SessionThread::work(const SessionOptions& options, const Opened& opened) {
  pthread_setname_np(pthread_self(), "vedette-session");
  // Where another device infers, the thread only hands over, and the device would wait for it.
  if (provider_ == "cpu") giveWay();
  try {
    auto session = [&] {
      const Inside inside(Inside::Work::Opening);
      return Session::open(options);
    }();
    const ModelDescription model = session->model();
    {
      const std::lock_guard lock(mutex_);
      session_ = std::move(session);
      if (closing_) session_->terminate();
    }
    opened(model, nullptr);
  } catch (...) {
    opened({}, std::current_exception());
  }
  std::size_t set = 0;
  for (Request request; next(request); request = {}) {
    std::vector<Output> outputs;
    std::exception_ptr failed;
    const auto started = std::chrono::steady_clock::now();
    if (request.prints.areWorthwhile()) {
      try {
        const Inside inside;
        outputs = session_->run(request.inputs, set);
        set = (set + 1) % Session::kOutputSets;
        const std::lock_guard lock(mutex_);
        ++unreleased_;
      } catch (...) {
        failed = std::current_exception();
      }
    }
    request.ran(std::move(outputs), std::chrono::steady_clock::now() - started, failed);
  }
  finish();
}

/// Waits for the next request whose prints are answered and whose outputs have a free set; false when it is time to end.
bool SessionThread::next(Request& request) {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closing_ || (!requests_.empty() && unreleased_ < Session::kOutputSets); });
    if (closing_) return false;
    if (takePrinted(request)) return true;
    const link::Prints awaited = requests_.front().prints;
    lock.unlock();
    awaited.wait(kPatience);
    lock.lock();
  }
}

bool SessionThread::takePrinted(Request& request) {
  const auto found = std::find_if(requests_.begin(), requests_.end(),
                                  [](const Request& one) { return one.prints.wait(std::chrono::nanoseconds::zero()); });
  if (found == requests_.end()) return false;
  request = std::move(*found);
  requests_.erase(found);
  return true;
}

void SessionThread::finish() {
  std::deque<Request> abandoned;
  std::unique_ptr<Session> session;
  {
    const std::lock_guard lock(mutex_);
    abandoned.swap(requests_);
    session.swap(session_);
  }
  for (Request& request : abandoned) request.ran({}, {}, closedError());
  {
    const Inside inside;
    session.reset();
  }
  closed_();
}

std::exception_ptr SessionThread::closedError() const {
  return std::make_exception_ptr(
      Error(Code::InferenceFailed, {{"path", name_}, {"provider", provider_}, {"cause", "the session was closed"}}));
}

}  // namespace vedette::ort
