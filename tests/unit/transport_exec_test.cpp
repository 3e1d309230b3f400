#include "transport/transport.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

Driver a_driver() {
  Driver driver;
  driver.name = "linux_test";
  driver.transports = {TransportKind::Exec};
  driver.noise = {Pattern("^%SYS-")};
  driver.harmless = {Pattern("^done$")};
  driver.busy = {Pattern("lock")};
  return driver;
}

Device this_host() {
  Device device;
  device.name = "here";
  device.addresses = {"local"};
  return device;
}

Step a_step(std::string script) {
  Step step;
  step.kind = TransportKind::Exec;
  step.argv = {"sh", "-c", std::move(script)};
  step.lines = {"first", "second one", "third"};
  return step;
}

struct Here {
  Driver driver = a_driver();
  Device device = this_host();
  std::string told;
  std::unique_ptr<Transport> transport =
      make_transport(device, driver, {"hunter2", "", ""}, [this](std::string_view direction, std::string_view bytes) {
        told += std::string(direction) + ": " + std::string(bytes);
      });

  Delivery send(std::string script) { return transport->send(a_step(std::move(script))); }
};

} // namespace

TEST_CASE("exec: the lines are the standard input, and silence is consent", "[transport]") {
  Here here;
  here.transport->open();
  const Delivery delivery = here.send("cat >/dev/null; echo done; echo '%SYS-5-CONFIG: x'");
  CHECK(delivery.accepted);
  CHECK(delivery.lines == 3);
  CHECK(delivery.complaint.empty());
  CHECK(here.transport->ask({{}, {"sh", "-c", "cat; echo out; echo err >&2; exit 5"}, {}}).text == "out\n");
  const Delivery read = here.send("test \"$(cat)\" = \"$(printf 'first\\nsecond one\\nthird')\"");
  CHECK(read.accepted);
}

TEST_CASE("exec: a status is a failure unless the step says otherwise", "[transport]") {
  Here here;
  const Delivery delivery = here.send("cat >/dev/null; exit 4");
  CHECK_FALSE(delivery.accepted);
  CHECK(delivery.lines == 0);
  CHECK(delivery.complaint == "sh -c 'cat >/dev/null; exit 4': ended with status 4");
  Step step = a_step("exit 4");
  step.exits = {0, 4};
  CHECK(here.transport->send(step).accepted);
  CHECK(here.send("kill -15 $$").complaint == "sh -c 'kill -15 $$': killed by signal 15 (Terminated)");
}

TEST_CASE("exec: words that are not known to be harmless are a failure, whatever the status", "[transport]") {
  Here here;
  const Delivery delivery = here.send("echo failure: already have such entry");
  CHECK_FALSE(delivery.accepted);
  CHECK_THAT(delivery.complaint, Catch::EndsWith("device said \"failure: already have such entry\""));
  CHECK(delivery.words == "failure: already have such entry\n");
  CHECK_FALSE(delivery.busy);
  CHECK(here.send("echo cannot get lock >&2; exit 1").busy);
}

TEST_CASE("exec: the line a program complains of is named", "[transport]") {
  Here here;
  for (const char *message : {"ipset v7.17: Error in line 2: Element cannot be added", "/dev/stdin:2:1-9: Error: Could not process rule",
                              "Command failed -:2", "iptables-restore: line 2 failed"}) {
    const Delivery delivery = here.send(std::string("echo '") + message + "' >&2; exit 1");
    CHECK_THAT(delivery.complaint, Catch::StartsWith("line 2 \"second one\" of sh"));
    CHECK_THAT(delivery.complaint, Catch::Contains("ended with status 1, device said \"" + std::string(message)));
  }
  CHECK_THAT(here.send("echo 'Error in line 77: no' >&2; exit 1").complaint, Catch::StartsWith("sh -c"));
}

TEST_CASE("exec: what a step expects must be in the answer", "[transport]") {
  Here here;
  Step step = a_step("echo done");
  step.expect = Pattern("^done");
  CHECK(here.transport->send(step).accepted);
  step.expect = Pattern("^saved");
  CHECK_THAT(here.transport->send(step).complaint, Catch::Contains("its answer lacks `^saved`: \"done\""));
}

TEST_CASE("exec: no secret reaches the trace, the complaint, or the words", "[transport]") {
  Here here;
  const Delivery delivery = here.send("echo bad hunter2");
  CHECK_THAT(delivery.complaint, Catch::Contains("bad <secret>"));
  CHECK(delivery.words == "bad <secret>\n");
  CHECK(here.told.find("hunter2") == std::string::npos);
  CHECK_THAT(here.told, Catch::Contains("sent: $ sh -c 'echo bad <secret>'\nfirst\nsecond one\nthird\n") ||
                            Catch::Contains("sent: first\nsecond one\nthird\n"));
  CHECK_THAT(here.told, Catch::Contains("received: bad <secret>\n"));
}

TEST_CASE("exec: silence ends a program, and the device is named", "[transport]") {
  Here here;
  Step step = a_step("sleep 60");
  step.silence = std::chrono::seconds(1);
  CHECK_THROWS_WITH(here.transport->send(step), Catch::StartsWith("here: sh -c 'sleep 60': silent for 1 s"));
}

TEST_CASE("exec: a driver without it is refused for this host", "[transport]") {
  Driver driver = a_driver();
  driver.transports = {TransportKind::Cli};
  const Device device = this_host();
  CHECK_THROWS_WITH(make_transport(device, driver, {}), Catch::StartsWith("here: driver linux_test cannot be used over exec"));
}
