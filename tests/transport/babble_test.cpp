// Peers that talk without end: what they cost is bounded in bytes, memory and time, over every transport and at every stage.
#include "transport/allowance.hpp"
#include "transport/exec/local.hpp"
#include "transport/netconf/netconf_frames.hpp"
#include "transport/transport.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <netinet/in.h>
#include <sstream>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

using namespace banpush;
using namespace std::chrono_literals;

namespace {

struct Babbler {
  explicit Babbler(const std::string &name, TransportKind transport) {
    const char *value = std::getenv(("BANPUSH_TEST_" + name).c_str());
    if (value == nullptr)
      throw std::runtime_error("run by run_with_strict_sshd.py");
    std::istringstream words(value);
    std::string sshd;
    words >> device.port >> sshd;
    driver.name = "test";
    driver.transports = {transport};
    driver.prompts = {{"exec", Pattern("router#")}};
    device.name = "edge1";
    device.addresses = {"127.0.0.1"};
    device.transport = transport;
    device.login.username = std::getenv("BANPUSH_TEST_SSHD_USER");
    device.login.key = std::string(std::getenv("BANPUSH_TEST_FOLDER")) + "/known_key";
    device.login.known_hosts = sshd + "/known_hosts";
    device.connect_timeout = 60; // of a machine that has other things to do
  }

  // What an attempt to log in and to ask something ends in.
  std::string failure() {
    const auto begin = Clock::now();
    std::string said = "no failure";
    try {
      const auto transport = make_transport(device, driver, {});
      transport->open();
      transport->ask({"show", {"show"}, {}});
    } catch (const Error &error) {
      said = error.what();
      kind = error.kind();
    }
    took = Clock::now() - begin;
    return said;
  }

  Driver driver;
  Device device;
  ErrorKind kind = ErrorKind::Usage;
  Clock::duration took{};
};

std::size_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) << 10U;
}

std::string failure_of(const std::vector<std::string> &argv, std::size_t most_bytes = Allowance::least,
                       std::chrono::milliseconds silence = 30s) {
  try {
    LocalRunner("here").run({argv, {}, silence, most_bytes});
  } catch (const Error &error) {
    return error.what();
  }
  return "no failure";
}

} // namespace

TEST_CASE("babble: an allowance counts what came, and what becomes of it", "[babble]") {
  Allowance one(Allowance::least, 30s);
  one.received(Allowance::least);
  CHECK_THROWS_WITH(one.received(1), "it has said 4194305 bytes, where 4194304 is the limit");
  Allowance lines(Allowance::least, 30s);
  lines.received(100'000);
  CHECK_THROWS_WITH(lines.pieces(70'000),
                    "it has said 100000 bytes in 70000 pieces, each counted with 64 more, where 4194304 is the limit");
  Allowance screen(Allowance::least, 30s);
  screen.received(100'000);
  CHECK_THROWS_WITH(screen.pieces(0, 5'000'000), "it has said 100000 bytes that become 5000000 on a screen, where 4194304 is the limit");
  Allowance shortly(Allowance::least, 50ms);
  std::this_thread::sleep_for(220ms);
  CHECK_THROWS_WITH(shortly.check_time(), Catch::StartsWith("it has been talking for 0 s without coming to an end (0 bytes came)"));
  CHECK(Allowance(64U << 20U, 30s).end() > Clock::now() + 5min); // a whole list over a slow line
}

TEST_CASE("babble: what all exchanges of the process have is bounded, and all come to an end", "[babble]") {
  constexpr std::size_t each = 20U << 20U, part = 64U << 10U;
  std::atomic<std::size_t> held = 0, most = 0, finished = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 32; ++i)
    threads.emplace_back([&] {
      std::size_t mine = 0;
      {
        Allowance allowance(each, 30s);
        for (; mine < each; mine += part) {
          while (!allowance.has_room())
            std::this_thread::sleep_for(1ms);
          allowance.received(part);
          std::size_t now = held += part, before = most;
          while (before < now && !most.compare_exchange_weak(before, now))
            ;
          std::this_thread::sleep_for(100us); // all of them at the same time
        }
        held -= mine;
      }
      ++finished;
    });
  for (std::thread &thread : threads)
    thread.join();
  CHECK(finished == 32);
  CHECK(most > Allowance::together);
  CHECK(most < Allowance::together + 32 * Allowance::least + each + (8U << 20U));
  Allowance small(each, 30s);
  small.received(Allowance::least); // its own, which nobody can take from it
  CHECK(small.has_room());
}

TEST_CASE("babble: a program on this host", "[babble]") {
  CHECK_THAT(failure_of({"yes"}),
             Catch::StartsWith("here: yes: it has said 4") && Catch::Contains("bytes, where 4194304 is the limit, ended by us; "
                                                                              "the last it said was \"y / y"));
  CHECK_THAT(failure_of({"cat", "/dev/zero"}), Catch::Contains("where 4194304 is the limit"));
  CHECK_THAT(failure_of({"sh", "-c", "yes >&2"}), Catch::Contains("where 4194304 is the limit"));
  CHECK_THAT(failure_of({"sh", "-c", "while :; do echo; sleep 0.1; done"}, Allowance::least, 500ms),
             Catch::Contains("has been talking for 2 s"));
  CHECK(LocalRunner("here").run({{"head", "-c", "20000000", "/dev/zero"}, {}, 30s, 20'000'000}).output.size() == 20'000'000);
}

TEST_CASE("babble: lines without end where SSH's version is waited for", "[babble]") {
  const Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr *>(&address), size) == 0);
  REQUIRE(::listen(listener.get(), 4) == 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr *>(&address), &size);
  std::thread peer([&] {
    std::string lines;
    while (lines.size() < 60'000)
      lines += "welcome to a device that greets for ever\r\n";
    for (int i = 0; i < 2; ++i) {
      const Descriptor one(::accept(listener.get(), nullptr, nullptr));
      while (one && ::send(one.get(), lines.data(), lines.size(), MSG_NOSIGNAL) > 0)
        ;
    }
  });
  Driver driver;
  driver.transports = {TransportKind::Exec};
  Device device;
  device.name = "edge1";
  device.addresses = {"127.0.0.1"};
  device.port = ntohs(address.sin_port);
  device.login.username = "banpush";
  device.connect_timeout = 2;
  const std::size_t before = peak_memory();
  const auto begin = Clock::now();
  CHECK_THROWS_WITH(host_key(device, driver, "127.0.0.1"), Catch::Contains("no SSH there: no answer in 2 s"));
  CHECK_THROWS_WITH(make_transport(device, driver, {})->open(), Catch::Contains("no SSH there: no answer in 2 s"));
  CHECK(Clock::now() - begin < 30s);
#ifdef __SANITIZE_ADDRESS__ // which keeps 256 MB of what was freed (quarantine_size_mb)
  CHECK(peak_memory() - before < ((256U + 64U) << 20U));
#else
  CHECK(peak_memory() - before < (64U << 20U));
#endif
  peer.join();
}

TEST_CASE("babble: a message of NETCONF is as long as its exchange may be", "[babble]") {
  NetconfFrames frames;
  frames.take_at_most(1000);
  frames.feed(std::string(1001, ' '));
  CHECK_THROWS_AS(frames.next(), Error);
}

TEST_CASE("strict sshd: babblers over every transport", "[strict_sshd]") {
  for (const char *name : {"ZERO", "YES", "ERRORS", "PROMPT"})
    for (const TransportKind kind : {TransportKind::Cli, TransportKind::Exec, TransportKind::Netconf}) {
      if (kind == TransportKind::Netconf && std::string(name) == "ERRORS")
        continue; // sshd drops the errors of a subsystem
      Babbler babbler(name, kind);
      INFO(name << " over " << word(kind));
      const std::string failure = babbler.failure();
      CHECK(babbler.took < 60s);
      if (std::string(name) == "PROMPT" && failure == "no failure")
        continue; // what was asked for may have come between two prompts
      CHECK_THAT(failure, Catch::StartsWith("edge1: ") && Catch::Contains("it has said ") && Catch::Contains(" is the limit"));
      CHECK(babbler.kind == ErrorKind::Device);
    }
  Babbler marks("MARKS", TransportKind::Netconf); // empty messages without end
  CHECK_THAT(marks.failure(), !Catch::Contains("no failure"));
}

TEST_CASE("strict sshd: one that talks slowly and without end", "[strict_sshd]") {
  for (const TransportKind kind : {TransportKind::Cli, TransportKind::Exec}) {
    Babbler babbler("DRIP", kind);
    babbler.device.silence = 1;
    CHECK_THAT(babbler.failure(), Catch::Contains("it has been talking for ") && Catch::Contains("without coming to an end"));
    CHECK(babbler.took < 40s);
  }
}

TEST_CASE("strict sshd: thirty-two babblers cost less than a gigabyte", "[strict_sshd]") {
  std::vector<std::thread> threads;
  std::atomic<int> ended = 0;
  for (int i = 0; i < 32; ++i)
    threads.emplace_back([&, i] {
      Babbler babbler(i % 2 == 0 ? "YES" : "ZERO", i % 4 < 2 ? TransportKind::Cli : TransportKind::Exec);
      ended += babbler.failure().find(" is the limit") != std::string::npos ? 1 : 0;
    });
  for (std::thread &thread : threads)
    thread.join();
  CHECK(ended == 32);
  CHECK(peak_memory() < (1U << 30U));
}
