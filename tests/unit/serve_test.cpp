// Parts of the service that need neither tables nor devices.
#include "app/request/doorbell.hpp"
#include "app/serve/patience.hpp"
#include "app/site/slots.hpp"
#include "config_folder.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace banpush;
using namespace std::chrono_literals;

TEST_CASE("a device that fails is left alone longer each time, up to a limit, and after a refused login long") {
  Patience patience(7);
  CHECK(patience.failures() == 0);
  auto before = patience.failed(ErrorKind::Connect);
  CHECK((before >= 1s && before <= 1250ms));
  for (int again = 0; again < 20; ++again) {
    const auto wait = patience.failed(ErrorKind::Device);
    CHECK((wait >= std::min<std::chrono::milliseconds>(5min, before * 8 / 5) || wait >= 5min));
    CHECK(wait <= 375s);
    before = wait;
  }
  CHECK(patience.failures() == 21);
  patience.succeeded();
  CHECK(patience.failures() == 0);
  CHECK(patience.failed(ErrorKind::Connect) < 2s);

  Patience refused(7);
  auto wait = refused.failed(ErrorKind::Auth);
  CHECK((wait >= 5min && wait <= 375s));
  for (int again = 0; again < 40; ++again)
    wait = refused.failed(ErrorKind::Auth);
  CHECK((wait >= 1h && wait <= 75min));
}

TEST_CASE("devices that failed together do not come back together") {
  Patience one(1), other(2);
  bool apart = false;
  for (int again = 0; again < 5; ++again)
    apart = one.failed(ErrorKind::Connect) != other.failed(ErrorKind::Connect) || apart;
  CHECK(apart);
}

TEST_CASE("no more than so many work side by side, and one that hangs gives way") {
  Slots slots(2);
  std::atomic<int> at_work = 0, most = 0;
  std::vector<std::jthread> threads;
  for (int number = 0; number < 8; ++number)
    threads.emplace_back([&] {
      const Slots::Taken taken(slots);
      const int now = ++at_work;
      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);)
        ;
      std::this_thread::sleep_for(10ms);
      --at_work;
    });
  threads.clear();
  CHECK(most == 2);

  const Slots::Taken one(slots), two(slots); // these hang
  const auto begin = std::chrono::steady_clock::now();
  { const Slots::Taken third(slots); }
  const auto waited = std::chrono::steady_clock::now() - begin;
  CHECK((waited > 500ms && waited < 60s));
}

TEST_CASE("the doorbell: one line each way, and who is at the other end") {
  const ConfigFolder folder;
  Config config;
  config.serve.socket = folder.path() + "/s.sock";
  config.state = folder.path() + "/state.db";
  CHECK_FALSE(tell_service(config, {{"do", "look"}})); // nobody is there
  CHECK_FALSE(ask_service(config, {{"do", "status"}}, 1s));

  const Doorbell doorbell(config.serve.socket);
  struct stat there {};
  REQUIRE(::stat(config.serve.socket.c_str(), &there) == 0);
  CHECK((there.st_mode & 0777U) == 0660);
  std::jthread service([&] {
    for (int calls = 0; calls < 3;) {
      const Descriptor caller = doorbell.accept();
      if (!caller) {
        std::this_thread::sleep_for(2ms);
        continue;
      }
      ++calls;
      const auto request = read_request(caller.get(), 60s);
      if (request && user_of(caller.get()) == geteuid())
        send_answer(caller.get(), request->value("do", "") == "forbidden" ? nlohmann::json{{"refused", "not you"}}
                                                                          : nlohmann::json{{"heard", request->value("do", "")}});
    }
  });
  CHECK(tell_service(config, {{"do", "look"}}));
  const auto answer = ask_service(config, {{"do", "status"}}, 60s);
  REQUIRE(answer);
  CHECK(answer->at("heard") == "status");
  CHECK_THROWS_WITH(ask_service(config, {{"do", "forbidden"}}, 60s), Catch::Contains("not you"));
}

TEST_CASE("a service that says nothing is given up, and a request that never ends is no request") {
  const ConfigFolder folder;
  Config config;
  config.serve.socket = folder.path() + "/s.sock";
  const Doorbell doorbell(config.serve.socket);
  CHECK_THROWS_WITH(ask_service(config, {{"do", "status"}}, 1s), Catch::Contains("no answer within 1 s"));
  const Descriptor caller = doorbell.accept();
  REQUIRE(caller);
  CHECK(read_request(caller.get(), 500ms)); // the line that was sent all the same
  CHECK_FALSE(read_request(caller.get(), 50ms));
  CHECK_FALSE(doorbell.accept());
  config.serve.socket = std::string(200, 'x');
  CHECK_THROWS_AS(tell_service(config, {{"do", "look"}}), Error);
}
