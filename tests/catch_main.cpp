// The one translation unit with Catch2's main.
// A signal ends the process: Catch's own handler allocates memory, and with AddressSanitizer waits for ever where the signal came in the
// middle of an allocation. So a time limit did not end a test.
#define CATCH_CONFIG_NO_POSIX_SIGNALS
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>

namespace {

// Writes down which case has begun, for who finds the process dead (shard.py).
struct Begun : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  void testCaseStarting(const Catch::TestCaseInfo &info) override {
    TestEventListenerBase::testCaseStarting(info);
    if (const char *file = std::getenv("BANPUSH_CASE_BEGUN"))
      std::ofstream(file) << info.name;
  }
};
CATCH_REGISTER_LISTENER(Begun)

} // namespace
