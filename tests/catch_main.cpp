// The one translation unit with Catch2's main.
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
