// The CLI transport over real SSH, against devices that refuse, ask, hang up and keep silent.
#include "fakes/ssh_device.hpp"
#include "transport/transport.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

using namespace banpush;
using namespace std::chrono_literals;
using fakes::CliDevice;
using fakes::small_router;
using fakes::SshDevice;
using fakes::SshDeviceOptions;

namespace {

// A device of the configuration for a device in the process.
struct Router {
  explicit Router(SshDeviceOptions options = {}) : peer(std::move(options)) {
    driver.name = "test_ios";
    driver.transports = {TransportKind::Cli, TransportKind::Exec};
    driver.prompts = {{"exec", Pattern(R"([\w.\-]{1,63}#)")},
                      {"config", Pattern(R"([\w.\-]{1,63}\(config[^)]*\)#)")},
                      {"user", Pattern(R"([\w.\-]{1,63}>)")}};
    driver.harmless = {Pattern("^Enter configuration commands")};
    driver.fatal = {Pattern("^% ")};
    driver.silence = 60s;
    driver.goodbye = {"exit"};
    known_hosts =
        std::filesystem::temp_directory_path() / ("banpush-known-" + std::to_string(::getpid()) + "-" + std::to_string(peer.port()));
    std::ofstream(known_hosts) << peer.known_host();
    device.name = "edge1";
    device.addresses = {"127.0.0.1"};
    device.port = peer.port();
    device.login.username = "banpush";
    device.login.known_hosts = known_hosts;
    device.connect_timeout = 60;
    credentials.password = "login-pw";
  }
  ~Router() { std::filesystem::remove(known_hosts); }

  std::unique_ptr<Transport> open() {
    auto transport = make_transport(device, driver, credentials, [this](std::string_view direction, std::string_view bytes) {
      told += std::string(direction) + ": " + std::string(bytes) + "\n";
    });
    facts = transport->open();
    return transport;
  }
  std::string failure() {
    try {
      open();
    } catch (const Error &error) {
      kind = error.kind();
      return error.what();
    }
    return "no failure";
  }

  SshDevice peer;
  Driver driver;
  Device device;
  Credentials credentials;
  Facts facts;
  ErrorKind kind = ErrorKind::Usage;
  std::string known_hosts, told;
};

Step step_of(std::vector<std::string> lines, unsigned window = 1) {
  Step step;
  step.lines = std::move(lines);
  step.window = {window, 4000};
  step.silence = 60s;
  return step;
}

std::vector<std::string> ok_lines(int count) {
  std::vector<std::string> lines;
  for (int i = 0; i < count; ++i)
    lines.push_back("ok deny ip host 203.0.113." + std::to_string(i) + " any");
  return lines;
}

std::size_t threads_here() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator("/proc/self/task"))
    ++count;
  return count;
}

std::size_t descriptors_here() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

} // namespace

TEST_CASE("device: a session from login to goodbye", "[device]") {
  for (const bool byte_by_byte : {false, true}) {
    SshDeviceOptions options;
    options.byte_by_byte = byte_by_byte;
    Router router(options);
    router.driver.session = {"ok terminal length 0"};
    const auto transport = router.open();
    CHECK(router.facts.seen_from->text() == "127.0.0.1/32");
    CHECK(router.peer.terminal() == "vt100 511x1000");
    CHECK(transport->ask({"show lines 3", {}, {}}).text == "line 1\nline 2\nline 3\n");
    Step step = step_of({"configure terminal"});
    step.until = router.driver.prompts.at("config");
    CHECK(transport->send(step).accepted);
    const Delivery delivery = transport->send(step_of(ok_lines(30), 8));
    CHECK(delivery.complaint == "");
    CHECK(delivery.lines == 30);
    CHECK(transport->send(step_of({"end"})).accepted);
    transport->close();
    CHECK(router.peer.received().size() == 1 + 1 + 1 + 30 + 1 + 1);
    CHECK(router.peer.received().back() == "exit");
    CHECK_THROWS_WITH(transport->send(step), Catch::Equals("edge1: not connected"));
  }
}

TEST_CASE("device: a complaint in the middle", "[device]") {
  Router router;
  const auto transport = router.open();
  auto lines = ok_lines(10);
  lines[6] = "bad line";
  CHECK(transport->send(step_of(lines, 4)).complaint == "line 7 \"bad line\": device said \"% Invalid input detected at '^' marker.\"");
  CHECK(transport->send(step_of(ok_lines(3))).accepted);
}

TEST_CASE("device: a megabyte of lines with little room ahead", "[device]") {
  Router router;
  const auto transport = router.open();
  std::vector<std::string> lines(5000, "ok " + std::string(200, 'x'));
  Step step = step_of(lines, 64);
  step.window.bytes = 20'000;
  CHECK(transport->send(step).lines == 5000);
  CHECK(transport->ask({"show lines 50000", {}, {}}).text.size() > 500'000);
}

TEST_CASE("device: the connection ends in the middle", "[device]") {
  for (const bool hard : {false, true}) {
    SshDeviceOptions options;
    options.hard_end = hard;
    options.cli = [] {
      CliDevice cli = small_router();
      cli.end_at = 3;
      return cli;
    };
    Router router(options);
    const auto transport = router.open();
    CHECK_THROWS_WITH(transport->send(step_of(ok_lines(10))),
                      Catch::StartsWith("edge1: the ") &&
                          Catch::Contains("at line 3 \"ok deny ip host 203.0.113.2 any\", 2 of 10 answered"));
    CHECK_THROWS_AS(transport->ask({"show lines 1", {}, {}}), Error);
    transport->close();
    router.open(); // the next session works
  }
}

TEST_CASE("device: silence in the middle", "[device]") {
  SshDeviceOptions options;
  options.cli = [] {
    CliDevice cli = small_router();
    cli.hang_at = 2;
    return cli;
  };
  Router router(options);
  const auto transport = router.open();
  Step step = step_of(ok_lines(3));
  step.silence = 1s;
  CHECK_THROWS_WITH(transport->send(step), Catch::StartsWith("edge1: silent for 1 s;"));
}

TEST_CASE("device: cancelled from another thread, whatever is under way", "[device]") {
  for (const bool at_connect : {false, true}) {
    SshDeviceOptions options;
    options.silent_at_connect = at_connect;
    options.cli = [] {
      CliDevice cli = small_router();
      cli.hang_at = 1;
      return cli;
    };
    Router router(options);
    router.device.connect_timeout = 60;
    router.driver.silence = 60s;
    auto transport = make_transport(router.device, router.driver, router.credentials);
    std::thread other([&] {
      std::this_thread::sleep_for(500ms);
      transport->cancel();
    });
    const auto begun = std::chrono::steady_clock::now();
    CHECK_THROWS_WITH(
        [&] {
          transport->open();
          transport->ask({"ok", {}, {}});
        }(),
        Catch::Contains("edge1: cancelled"));
    other.join();
    CHECK(std::chrono::steady_clock::now() - begun < 30s);
  }
}

TEST_CASE("device: that takes connections and says nothing", "[device]") {
  SshDeviceOptions options;
  options.silent_at_connect = true;
  Router silent(options);
  silent.device.connect_timeout = 1;
  CHECK_THAT(silent.failure(), Catch::Contains("no SSH there: no answer in 1 s"));
  CHECK(silent.kind == ErrorKind::Connect);
  options.silent_at_connect = false;
  options.silent_at_login = true;
  Router later(options);
  later.device.connect_timeout = 5;
  CHECK_THAT(later.failure(), Catch::Contains("login as banpush: no answer in 5 s"));
}

TEST_CASE("device: with no session left", "[device]") {
  SshDeviceOptions options;
  options.most_sessions = 1;
  Router router(options);
  const auto first = router.open();
  CHECK_THAT(router.failure(), Catch::StartsWith("edge1: no SSH session with 127.0.0.1 port"));
  CHECK(router.kind == ErrorKind::Connect);
}

TEST_CASE("device: a wrong password", "[device]") {
  Router router;
  router.credentials.password = "wrong";
  CHECK_THAT(router.failure(), Catch::StartsWith("edge1: login as banpush at 127.0.0.1 port ") &&
                                   Catch::EndsWith("refused: tried password (refused); the server offers publickey, password"));
  CHECK(router.kind == ErrorKind::Auth);
  CHECK(router.told.find("wrong") == std::string::npos);
  CHECK(router.peer.received().empty());
}

TEST_CASE("device: keyboard-interactive is answered when it asks for a password", "[device]") {
  SshDeviceOptions options;
  options.offers_password = false;
  options.question = "Password: ";
  Router router(options);
  router.open();
  router.credentials.password = "wrong";
  CHECK_THAT(router.failure(), Catch::Contains("tried keyboard-interactive password (refused)"));
  CHECK(router.kind == ErrorKind::Auth);
}

TEST_CASE("device: keyboard-interactive in another language, or in words that the configuration names", "[device]") {
  for (const char *question : {"Passwort: ", "Mot de passe : ", "Contraseña: ", "密码："}) {
    SshDeviceOptions options;
    options.offers_password = false;
    options.question = question;
    Router router(options);
    router.open();
  }
  SshDeviceOptions options;
  options.offers_password = false;
  options.question = "PIN of banpush: ";
  Router router(options);
  CHECK_THAT(router.failure(), Catch::Contains("`password_question` on this device names it"));
  router.device.login.password_question = Pattern("^PIN of ");
  router.open();
  Router by_driver(options);
  by_driver.driver.password_question = Pattern("^PIN of ");
  by_driver.open();
}

TEST_CASE("device: keyboard-interactive is not answered when it asks for something else", "[device]") {
  for (const auto &[question, shown] : {std::pair{"Verification code: ", false}, std::pair{"Password (shown): ", true}}) {
    SshDeviceOptions options;
    options.offers_password = false;
    options.question = question;
    options.echo_answer = shown;
    options.password = "login-pw";
    Router router(options);
    CHECK_THAT(router.failure(), Catch::Contains("which banpush does not answer"));
    CHECK(router.kind == ErrorKind::Auth);
  }
}

TEST_CASE("device: without a login", "[device]") {
  SshDeviceOptions options;
  options.none = true;
  options.banner = "Authorised use only\n";
  Router router(options);
  router.credentials.password.clear();
  router.open();
  CHECK_THAT(router.facts.greeting, Catch::Contains("Authorised use only"));
}

TEST_CASE("device: an unknown and a changed host key, before any secret is sent", "[device]") {
  Router router;
  std::ofstream(router.known_hosts, std::ios::trunc) << "";
  CHECK_THAT(router.failure(), Catch::Contains("it shows ssh-ed25519 " + router.peer.fingerprint()));
  const HostKey key = host_key(router.device, router.driver, "127.0.0.1");
  CHECK(key.fingerprint == router.peer.fingerprint());
  CHECK(key.stored.empty());
  store_host_key(router.device, key);
  router.open();
  const SshDevice other;
  std::string line = other.known_host();
  line.replace(0, line.find(' '), "[127.0.0.1]:" + std::to_string(router.peer.port()));
  std::ofstream(router.known_hosts, std::ios::trunc) << line;
  CHECK_THAT(router.failure(),
             Catch::Contains("HAS CHANGED") && Catch::Contains(router.peer.fingerprint()) && Catch::Contains(other.fingerprint()));
  CHECK(router.told.find("login-pw") == std::string::npos);
}

TEST_CASE("device: that gives no shell", "[device]") {
  SshDeviceOptions options;
  options.refuse_shell = true;
  Router router(options);
  CHECK_THAT(router.failure(), Catch::StartsWith("edge1: the server starts no shell"));
}

TEST_CASE("device: a session line that is refused", "[device]") {
  Router router;
  router.driver.session = {"terminal width 512"};
  CHECK_THAT(router.failure(), Catch::StartsWith("edge1: setting up the session: line 1 \"terminal width 512\": device said \"% Invalid"));
  CHECK(router.kind == ErrorKind::Device);
}

TEST_CASE("device: exec channels of a server that tells no status", "[device]") {
  SshDeviceOptions options;
  options.program = [](const std::string &command, const std::string &input) {
    return fakes::Program{0, command + "|" + input, "", command != "quiet"};
  };
  Router router(options);
  router.device.transport = TransportKind::Exec;
  const auto transport = router.open();
  CHECK(transport->ask({{}, {"show", "a b"}, {}}).text == "show 'a b'|");
  const Reply reply = transport->ask({{}, {"quiet"}, {}});
  CHECK(reply.exit == 255);
  CHECK_THAT(reply.errors, Catch::Contains("ended without telling a status"));
}

TEST_CASE("device: fifty sessions at once", "[device]") {
  Router router;
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 50; ++i)
    threads.emplace_back([&] {
      try {
        auto transport = make_transport(router.device, router.driver, router.credentials);
        transport->open();
        good += transport->send(step_of(ok_lines(20), 4)).accepted ? 1 : 0;
      } catch (const Error &error) {
        std::fprintf(stderr, "%s\n", error.what());
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  CHECK(good == 50);
}

TEST_CASE("device: nothing is left behind", "[device]") {
  Router router;
  router.open();
  std::this_thread::sleep_for(200ms);
  const std::size_t threads = threads_here(), descriptors = descriptors_here();
  for (int i = 0; i < 10; ++i) {
    router.open();
    router.credentials.password = "wrong";
    router.failure();
    router.credentials.password = "login-pw";
  }
  for (int i = 0; i < 100 && descriptors_here() > descriptors; ++i)
    std::this_thread::sleep_for(20ms);
  CHECK(threads_here() <= threads + 21); // the fake's own, which end with it
  CHECK(descriptors_here() <= descriptors);
}
