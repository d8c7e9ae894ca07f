// What the native tests are written with: a failed CHECK says where and what, and the program ends with status 1.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <utility>

namespace vedette::test {

inline int failures = 0;

inline void fail(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what);
  ++failures;
}

using Case = std::pair<const char*, std::function<void()>>;

inline int run(std::initializer_list<Case> cases) {
  for (const auto& [name, body] : cases) {
    const int before = failures;
    body();
    std::printf("%s %s\n", failures == before ? "ok  " : "FAIL", name);
  }
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace vedette::test

#define CHECK(condition) \
  do { \
    if (!(condition)) vedette::test::fail(__FILE__, __LINE__, #condition); \
  } while (false)

/// Passes when `statement` throws a vedette::Error of `expected`.
#define CHECK_THROWS(statement, expected) \
  do { \
    try { \
      statement; \
      vedette::test::fail(__FILE__, __LINE__, #statement " did not throw"); \
    } catch (const vedette::Error& error) { \
      if (error.code() != (expected)) vedette::test::fail(__FILE__, __LINE__, error.what()); \
    } \
  } while (false)
