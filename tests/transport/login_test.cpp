// Logins that end early: refused, cut off, or with more keys than a server allows tries. Against OpenSSH's own server and
// against devices in the process.
#include "fakes/ssh_device.hpp"
#include "transport/ssh/login_trials.hpp"
#include "transport/transport.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace banpush;
using namespace std::chrono_literals;
using fakes::SshDevice;
using fakes::SshDeviceOptions;

namespace {

std::string environment(const std::string &name) {
  const char *value = std::getenv(name.c_str());
  if (value == nullptr)
    throw std::runtime_error(name + " is not set: run by run_with_strict_sshd.py");
  return value;
}

// The agent that logins find while this lives.
struct Agent {
  explicit Agent(const std::string &socket) { ::setenv("SSH_AUTH_SOCK", socket.c_str(), 1); }
  ~Agent() { ::unsetenv("SSH_AUTH_SOCK"); }
};

struct Attempt {
  std::string failure; // empty: logged in
  ErrorKind kind = ErrorKind::Usage;
  std::chrono::steady_clock::duration took{};
  std::string told;
};

// A device of the configuration, whatever stands behind it.
struct Login {
  Login() {
    driver.name = "test";
    driver.transports = {TransportKind::Exec, TransportKind::Cli, TransportKind::Netconf};
    device.name = "edge1";
    device.addresses = {"127.0.0.1"};
    device.login.username = "banpush";
    device.connect_timeout = 10;
  }

  Attempt attempt() const {
    Attempt made;
    const auto begin = std::chrono::steady_clock::now();
    try {
      make_transport(device, driver, credentials, [&](std::string_view direction, std::string_view bytes) {
        made.told += std::string(direction) + ": " + std::string(bytes) + "\n";
      })->open();
    } catch (const Error &error) {
      made.failure = error.what();
      made.kind = error.kind();
    }
    made.took = std::chrono::steady_clock::now() - begin;
    return made;
  }

  Driver driver;
  Device device;
  Credentials credentials;
};

struct AtDevice : Login {
  explicit AtDevice(SshDeviceOptions options) : peer(std::move(options)) {
    known_hosts =
        std::filesystem::temp_directory_path() / ("banpush-login-" + std::to_string(::getpid()) + "-" + std::to_string(peer.port()));
    std::ofstream(known_hosts) << peer.known_host();
    device.port = peer.port();
    device.login.known_hosts = known_hosts;
    credentials.password = "login-pw";
  }
  ~AtDevice() { std::filesystem::remove(known_hosts); }

  SshDevice peer;
  std::string known_hosts;
};

struct AtSshd : Login {
  explicit AtSshd(const std::string &name) {
    std::istringstream words(environment("BANPUSH_TEST_" + name));
    std::string sshd;
    words >> device.port >> sshd;
    folder = environment("BANPUSH_TEST_FOLDER");
    device.login.username = environment("BANPUSH_TEST_SSHD_USER");
    device.login.known_hosts = sshd + "/known_hosts";
    log = sshd + "/sshd.log";
  }
  std::string said() const {
    std::ifstream in(log);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t count(const std::string &words) const {
    const std::string text = said();
    std::size_t found = 0;
    for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1))
      ++found;
    return found;
  }

  std::string folder, log;
};

Trial password() {
  Trial trial;
  trial.name = "password";
  return trial;
}

Trial agent_key(const std::string &name) {
  Trial trial{Trial::Kind::AgentKey};
  trial.name = name;
  return trial;
}

constexpr Offered all_offered{true, true, true};

} // namespace

TEST_CASE("login: what a server's last words mean", "[login]") {
  const auto refuses = [](const std::string &code_and_words) {
    return ending_of("Received SSH_MSG_DISCONNECT: " + code_and_words).refuses;
  };
  for (const char *words : {"2:Too many authentication failures", "2:Too many authentication failures for root from 192.0.2.1 port 22 ssh2",
                            "2:Too many password attempts for admin", "14:No more auth methods available", "2:Login incorrect",
                            "2:Max auth tries reached - user 'x'", "11:Permission denied", "15:whatever", "2:User account is locked",
                            "2:Authentication failed.", "2:Maximum login attempts exceeded"})
    CHECK((refuses(words) ? std::string() : std::string(words)).empty());
  for (const char *words :
       {"11:Bye Bye", "12:Too many users logged in", "2:maximum number of sessions reached", "2:Timeout before authentication",
        "2:Too many connections", "10:Connection lost", "2:All VTY lines are in use, login denied", "11:", "2:System is booting up"})
    CHECK((refuses(words) ? std::string(words) : std::string()).empty());
  CHECK(ending_of("Received SSH_MSG_DISCONNECT: 11:Bye Bye").words == "the server said \"Bye Bye\" (reason 11)");
  CHECK(ending_of("Socket error: disconnected").words == "Socket error: disconnected");
  CHECK_FALSE(ending_of("Socket error: disconnected").answered);
}

TEST_CASE("login: what comes next, and what is made of an end", "[login]") {
  const Ending told = ending_of("Received SSH_MSG_DISCONNECT: 2:Too many authentication failures"),
               silent = ending_of("Socket error: disconnected");
  LoginTrials trials;
  trials.prepare({agent_key("a"), agent_key("b"), agent_key("c"), password()}, {});
  trials.begin_connection();
  CHECK(trials.next({false, true, false})->name == "password");
  CHECK(trials.next(all_offered)->name == "a");
  trials.refused(*trials.next(all_offered));
  CHECK(trials.goes_on(trials.next(all_offered), told)); // b was the last it took
  CHECK(trials.text() == "1 key of the agent (refused), b (refused, and the connection ended: the server said "
                         "\"Too many authentication failures\" (reason 2))");
  trials.begin_connection();
  CHECK(trials.next(all_offered)->name == "password"); // before c: few tries are left on this one, too
  CHECK(trials.kind() == ErrorKind::Connect);
  CHECK_FALSE(trials.goes_on(trials.next(all_offered), silent));
  CHECK(trials.kind() == ErrorKind::Connect); // once
  trials.remember_unanswered(1);
  CHECK(trials.kind() == ErrorKind::Auth);

  LoginTrials nothing;
  nothing.begin_connection();
  CHECK_FALSE(nothing.goes_on(nullptr, silent));
  CHECK(nothing.kind() == ErrorKind::Connect);
  CHECK(nothing.text() == "nothing");

  LoginTrials many;
  many.prepare(std::vector<Trial>(100, agent_key("k")), {});
  int connections = 0;
  do {
    many.begin_connection();
    ++connections;
  } while (many.goes_on(many.next(all_offered), told));
  CHECK(connections == 8);
  CHECK(many.kind() == ErrorKind::Auth);
}

TEST_CASE("login: a connection that ends before anything was judged is no refusal", "[login]") {
  for (const TransportKind kind : {TransportKind::Exec, TransportKind::Cli, TransportKind::Netconf}) {
    SshDeviceOptions options;
    options.ends_at = "none";
    AtDevice login(options);
    login.device.transport = kind;
    if (kind == TransportKind::Cli)
      login.driver.prompts = {{"exec", Pattern("router#")}};
    const Attempt made = login.attempt();
    CHECK(made.kind == ErrorKind::Connect);
    CHECK_THAT(made.failure, Catch::Contains("broke off before the server had decided: tried nothing; the connection ended: "));
    CHECK_THAT(made.failure, !Catch::Contains("offers nothing"));
    CHECK(made.took < 8s); // and not the ten of a silent one
    CHECK(login.peer.passwords() == 0);
  }
}

TEST_CASE("login: a password that ends the connection is tried twice, and no more", "[login]") {
  SshDeviceOptions options;
  options.ends_at = "password";
  AtDevice login(options);
  const Attempt first = login.attempt();
  CHECK(first.kind == ErrorKind::Connect);
  CHECK_THAT(first.failure, Catch::Contains("tried password (not answered); the connection ended: Socket error: "));
  const Attempt second = login.attempt();
  CHECK(second.kind == ErrorKind::Auth);
  CHECK_THAT(second.failure, Catch::Contains("the account might be locked"));
  CHECK(login.peer.passwords() == 2);
}

TEST_CASE("login: a hang-up in place of the last refusal is a refusal where the server says so", "[login]") {
  for (const int tries : {1, 2}) {
    SshDeviceOptions options;
    options.most_tries = tries;
    options.last_words = "Too many authentication failures";
    AtDevice login(options);
    login.credentials.password = "wrong";
    const Attempt made = login.attempt();
    CHECK(made.kind == ErrorKind::Auth);
    CHECK_THAT(made.failure,
               Catch::Contains(tries == 1 ? "Too many authentication failures" : "tried password (refused); the server offers"));
    CHECK(made.took < 8s);
    CHECK(login.peer.passwords() == 1);
  }
}

TEST_CASE("login: an agent that does not answer holds nobody up", "[login]") {
  const std::string path = std::filesystem::temp_directory_path() / ("banpush-agent-" + std::to_string(::getpid()));
  const Descriptor silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(silent.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
  REQUIRE(::listen(silent.get(), 4) == 0);
  SshDeviceOptions options;
  AtDevice login(options);
  login.device.login.agent = true;
  login.device.connect_timeout = 1;
  {
    const Agent agent(path);
    CHECK(login.attempt().failure.empty()); // by the password
    login.credentials.password = "wrong";
    CHECK_THAT(login.attempt().failure, Catch::Contains("the agent (" + path + ": no answer in 1 s), password (refused)"));
  }
  std::filesystem::remove(path);
  const Agent none("/nonexistent/agent");
  CHECK_THAT(login.attempt().failure, Catch::Contains("the agent (/nonexistent/agent: No such file or directory), password (refused)"));
}

TEST_CASE("strict sshd: the last refused password is a refusal, however few it takes", "[strict_sshd]") {
  for (const char *tries : {"TRIES_1", "TRIES_2", "TRIES_6"}) {
    AtSshd login(tries);
    login.credentials.password = "wrong";
    const Attempt made = login.attempt();
    CHECK(made.kind == ErrorKind::Auth);
    CHECK_THAT(made.failure, Catch::Contains("refused: tried password (refused"));
    CHECK(made.took < 8s);
    login.device.login.key = login.folder + "/stranger0";
    const Attempt both = login.attempt();
    CHECK(both.kind == ErrorKind::Auth);
    CHECK_THAT(both.failure, Catch::Contains("/stranger0 (refused") && Catch::Contains("password (refused"));
    CHECK(login.count("Failed password") == 2);
  }
}

TEST_CASE("strict sshd: one channel at a time", "[strict_sshd]") {
  AtSshd login("ONE_SESSION");
  login.driver.transports = {TransportKind::Exec};
  login.device.login.key = login.folder + "/known_key";
  const auto transport = make_transport(login.device, login.driver, login.credentials, {});
  transport->open();
  for (int i = 0; i < 40; ++i)
    CHECK(transport->ask({{}, {"echo", std::to_string(i)}, {}}).text == std::to_string(i) + "\n");
}

TEST_CASE("strict sshd: keys of the agent use up no password's tries", "[strict_sshd]") {
  const Agent agent(environment("BANPUSH_TEST_AGENT")); // eight strangers, then the right one
  for (const char *tries : {"TRIES_2", "TRIES_6"}) {
    AtSshd login(tries);
    const Attempt made = login.attempt();
    CHECK(made.failure == "");
    CHECK_THAT(made.told, Catch::Contains("once more with what is left"));
    login.device.login.agent = true;
    login.credentials.password = "wrong";
    login.device.login.username = "nobody-here";
    const std::size_t before = login.count("Failed password");
    const Attempt refused = login.attempt();
    CHECK(refused.kind == ErrorKind::Auth);
    CHECK_THAT(refused.failure, Catch::Contains("password (refused") && Catch::Contains("of the agent (refused"));
    CHECK(login.count("Failed password") == before + 1);
  }
}

TEST_CASE("strict sshd: where a key is configured the agent is asked for that one only", "[strict_sshd]") {
  const Agent agent(environment("BANPUSH_TEST_AGENT"));
  AtSshd login("TRIES_1");
  login.device.login.agent = true;
  login.device.login.key = login.folder + "/locked_key";
  const Attempt made = login.attempt();
  CHECK(made.failure == "");
  CHECK_THAT(made.told, Catch::Contains("of the agent") && !Catch::Contains("once more"));
  login.device.login.agent = false;
  CHECK_THAT(login.attempt().failure, Catch::Contains("needs a `passphrase`"));
  login.device.login.agent = true;
  login.device.login.key = login.folder + "/known_key";
  CHECK(login.attempt().failure == "");
}

TEST_CASE("strict sshd: a server that has no room is none that refuses", "[strict_sshd]") {
  AtSshd login("FULL");
  const Descriptor first(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); // takes the one place before the login
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(login.device.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(first.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
  char byte = 0;
  REQUIRE(::recv(first.get(), &byte, 1, 0) == 1); // its banner: it counts
  login.credentials.password = "wrong";
  const Attempt made = login.attempt();
  CHECK(made.kind == ErrorKind::Connect);
  CHECK(login.count("Failed password") == 0);
}
