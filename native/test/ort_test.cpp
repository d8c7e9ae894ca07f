// Sessions without Node: results, refusals, and many threads asking while others close. Takes the path of a libonnxruntime
// and of the library that says it is too old.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "core/arena.hpp"
#include "ort/session_thread.hpp"
#include "ort_models.hpp"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

using namespace vedette;
using namespace vedette::ort;

namespace {

std::string library;
std::string oldLibrary;

SessionOptions optionsFor(std::span<const std::uint8_t> model) {
  SessionOptions options;
  options.library = library;
  options.model = std::as_bytes(model);
  options.name = "a-model";
  options.provider = "cpu";
  return options;
}

Input numbers(std::vector<float>& values) {
  return {"x", ElementType::Float32, {static_cast<std::int64_t>(values.size() / 4), 4},
          std::as_writable_bytes(std::span(values))};
}

float first(const Output& output) {
  float value = 0;
  std::memcpy(&value, output.memory.data(), sizeof(value));
  return value;
}

std::string causeOf(const SessionOptions& options) {
  try {
    Session::open(options);
    return "opened";
  } catch (const Error& error) {
    return error.what();
  }
}

bool says(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

void runs() {
  const auto session = Session::open(optionsFor(test::kDoubled));
  CHECK(session->model().metadata.at("stride") == "32");
  CHECK(describe(session->model().inputs.at(0)) == "float32 [batch, 4]");
  for (const std::size_t batch : {1u, 3u, 100u, 2u}) {
    std::vector<float> values(batch * 4, 21.0f);
    const std::vector<Input> inputs{numbers(values)};
    session->check(inputs);
    const auto outputs = session->run(inputs, batch % Session::kOutputSets);
    CHECK(outputs.size() == 1);
    CHECK(outputs[0].reused);
    CHECK((outputs[0].shape == Shape{static_cast<std::int64_t>(batch), 4}));
    CHECK(outputs[0].memory.size() == batch * 16);
    CHECK(first(outputs[0]) == 42.0f);
  }
}

void runsWithUnknownOutputs() {
  const auto session = Session::open(optionsFor(test::kPositions));
  std::vector<float> values{0, 1, 0, 1};
  const std::vector<Input> inputs{{"x", ElementType::Float32, {4}, std::as_writable_bytes(std::span(values))}};
  const auto outputs = session->run(inputs, 0);
  CHECK(!outputs[0].reused);
  CHECK((outputs[0].shape == Shape{1, 2}));
  std::vector<std::int64_t> at(2);
  std::memcpy(at.data(), outputs[0].memory.data(), 16);
  CHECK(at[0] == 1 && at[1] == 3);
}

void refusesInputs() {
  const auto session = Session::open(optionsFor(test::kDoubled));
  std::vector<float> values(4);
  const Input good = numbers(values);
  CHECK_THROWS(session->check({}), Code::TensorMismatch);
  CHECK_THROWS(session->check({good, good}), Code::TensorMismatch);
  Input bad = good;
  bad.shape = {1, INT64_MAX};
  CHECK_THROWS(session->check({bad}), Code::TensorMismatch);
  bad.shape = {INT64_MAX, 4};
  CHECK_THROWS(session->check({bad}), Code::TensorMismatch);
  bad.shape = {-1, 4};
  CHECK_THROWS(session->check({bad}), Code::TensorMismatch);
  bad = good;
  bad.memory = bad.memory.subspan(0, 15);
  CHECK_THROWS(session->check({bad}), Code::TensorMismatch);
}

void refusesToOpen() {
  auto options = optionsFor(test::kDoubled);
  options.library = "/nowhere.so";
  CHECK(says(causeOf(options), "RUNTIME_UNAVAILABLE cause=/nowhere.so: cannot open shared object file"));
  options.library = oldLibrary;
  CHECK(says(causeOf(options), "it is ONNX Runtime 1.16.3, 1.17 or newer is needed"));
  options.library = "libc.so.6";
  CHECK(says(causeOf(options), "it is no ONNX Runtime"));
  options = optionsFor(test::kDoubled);
  options.provider = "abacus";
  CHECK(says(causeOf(options), "PROVIDER_UNAVAILABLE provider=abacus"));
  const std::vector<std::uint8_t> garbage(100, 7);
  CHECK(says(causeOf(optionsFor(garbage)), "MODEL_UNREADABLE path=a-model"));
  CHECK(providerName("TensorrtExecutionProvider") == "tensorrt");
}

/// Whatever the library was built with either computes right here or says why it cannot.
void runsOnEveryProvider() {
  for (const std::string& provider : Library::open(library).providers()) {
    auto options = optionsFor(test::kDoubled);
    options.provider = provider;
    try {
      const auto session = Session::open(options);
      std::vector<float> values(8, 21.0f);
      CHECK(first(session->run({numbers(values)}, 0)[0]) == 42.0f);
      std::printf("     %s works\n", provider.c_str());
    } catch (const Error& error) {
      CHECK(error.code() == Code::ProviderUnavailable && provider != "cpu");
      std::printf("     %.150s\n", error.what());
    }
  }
}

/// ONNX Runtime loses 14 bytes whenever it makes its environment; every other leak counts.
void makeEnvironment() {
#ifdef __SANITIZE_ADDRESS__
  const __lsan::ScopedDisabler paused;
#endif
  Library::open(library).environment();
}

/// Four threads ask while results come in and a fifth closes: every request is answered exactly once.
void closesUnderLoad() {
  for (int round = 0; round < 20; ++round) {
    std::promise<void> opened;
    std::promise<void> closed;
    std::atomic<int> asked = 0;
    std::atomic<int> answered = 0;
    std::atomic<int> wrong = 0;
    SessionThread session(optionsFor(test::kDoubled), [&](const ModelDescription&, std::exception_ptr failed) {
      if (failed != nullptr) ++wrong;
      opened.set_value();
    });
    opened.get_future().wait();
    std::vector<std::thread> askers;
    for (int i = 0; i < 4; ++i) {
      askers.emplace_back([&, i] {
        for (int at = 0; at < 50; ++at) {
          const auto values = std::make_shared<std::vector<float>>(4, static_cast<float>(i));
          try {
            session.submit({numbers(*values)}, {}, [&, i, values](std::vector<Output> outputs, auto, std::exception_ptr failed) {
              ++answered;
              if (failed != nullptr) return;
              if (first(outputs[0]) != 2.0f * static_cast<float>(i)) ++wrong;
              session.release();
            });
            ++asked;
          } catch (const Error& error) {
            if (error.code() != Code::InferenceFailed) ++wrong;
          }
        }
      });
    }
    std::thread closer([&] { session.close([&] { closed.set_value(); }); });
    for (std::thread& asker : askers) asker.join();
    closer.join();
    closed.get_future().wait();
    CHECK(wrong == 0);
    CHECK(asked == answered);
  }
}

void waitsForRelease() {
  std::promise<void> opened;
  SessionThread session(optionsFor(test::kDoubled),
                        [&](const ModelDescription&, std::exception_ptr) { opened.set_value(); });
  opened.get_future().wait();
  std::vector<float> values(4, 1.0f);
  std::vector<std::promise<void>> done(3);
  for (auto& one : done) {
    session.submit({numbers(values)}, {}, [&](std::vector<Output>, auto, std::exception_ptr) { one.set_value(); });
  }
  done[0].get_future().wait();
  done[1].get_future().wait();
  auto third = done[2].get_future();
  CHECK(third.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout);
  session.release();
  third.wait();
}

/// A camera process that hangs holds up its own run only; when it is gone, that run is skipped.
void overtakesWhoWaitsForPrints() {
  std::promise<void> opened;
  SessionThread session(optionsFor(test::kDoubled),
                        [&](const ModelDescription&, std::exception_ptr) { opened.set_value(); });
  opened.get_future().wait();
  const Arena memory = Arena::create(link::sharedBytes()).arena;
  const auto agent = std::make_shared<link::AgentEnd>(memory.memory());
  link::CameraEnd camera(memory.memory());
  std::vector<float> values(4, 1.0f);
  const auto submit = [&](bool prints) {
    link::Prints awaited;
    if (prints) awaited.add(agent, *agent->ask({}));
    const auto done = std::make_shared<std::promise<std::size_t>>();
    session.submit({numbers(values)}, awaited, [&, done](std::vector<Output> outputs, auto, std::exception_ptr failed) {
      if (!outputs.empty()) session.release();
      done->set_value(failed == nullptr ? outputs.size() : 99);
    });
    return done->get_future();
  };
  auto printed = submit(true);
  auto hangs = submit(true);
  CHECK(submit(false).get() == 1);
  CHECK(printed.wait_for(std::chrono::milliseconds(20)) == std::future_status::timeout);
  camera.answer(*camera.take(std::chrono::seconds(10)), {});
  CHECK(printed.get() == 1);
  CHECK(submit(false).get() == 1);
  CHECK(hangs.wait_for(std::chrono::milliseconds(20)) == std::future_status::timeout);
  agent->close();
  CHECK(hangs.get() == 0);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return EXIT_FAILURE;
  library = arguments[1];
  oldLibrary = arguments[2];
  makeEnvironment();
  return test::run({
      {"runs a model into memory of its own", runs},
      {"hands out what the runtime allocated", runsWithUnknownOutputs},
      {"refuses inputs that do not fit", refusesInputs},
      {"runs on every provider that works here", runsOnEveryProvider},
      {"refuses what cannot be opened", refusesToOpen},
      {"answers every request once while closing", closesUnderLoad},
      {"waits until results are released", waitsForRelease},
      {"goes on while a camera process hangs", overtakesWhoWaitsForPrints},
  });
}
