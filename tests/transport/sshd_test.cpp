// Exec channels, host keys and logins against OpenSSH's own server.
#include "transport/transport.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>

using namespace banpush;
using namespace std::chrono_literals;

namespace {

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  if (value == nullptr)
    throw std::runtime_error(std::string(name) + " is not set: run by run_with_sshd.py");
  return value;
}

std::string read_file(const std::string &path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string last_line(const std::string &text) {
  const std::string body = text.substr(0, text.find_last_not_of('\n') + 1);
  return body.substr(body.rfind('\n') + 1);
}

// A device that is the private sshd, and a folder for its known_hosts.
struct Host {
  Host() {
    driver.name = "linux_test";
    driver.transports = {TransportKind::Exec};
    folder = environment("BANPUSH_TEST_SSHD_FOLDER");
    device.name = "server1";
    device.addresses = {"127.0.0.1"};
    device.port = static_cast<std::uint16_t>(std::stoi(environment("BANPUSH_TEST_SSHD_PORT")));
    device.login.username = environment("BANPUSH_TEST_SSHD_USER");
    device.login.key = folder + "/client_key";
    device.login.known_hosts = folder + "/known_hosts";
    own_known_hosts = folder + "/known_hosts." + std::to_string(::getpid());
  }
  ~Host() { std::filesystem::remove(own_known_hosts); }

  std::unique_ptr<Transport> open() {
    auto transport = make_transport(device, driver, credentials, [this](std::string_view direction, std::string_view bytes) {
      told += std::string(direction) + ": " + std::string(bytes) + "\n";
    });
    facts = transport->open();
    return transport;
  }
  // Uses a known_hosts file of this text.
  void know(const std::string &text) {
    std::ofstream(own_known_hosts) << text;
    device.login.known_hosts = own_known_hosts;
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

  Driver driver;
  Device device;
  Credentials credentials;
  Facts facts;
  ErrorKind kind = ErrorKind::Usage;
  std::string folder, own_known_hosts, told;
};

Reply ask(Transport &transport, std::vector<std::string> argv) { return transport.ask({{}, std::move(argv), {}}); }

Step step_of(std::vector<std::string> argv) {
  Step step;
  step.kind = TransportKind::Exec;
  step.argv = std::move(argv);
  return step;
}

} // namespace

TEST_CASE("sshd: a program's output, errors and status come back", "[sshd]") {
  Host host;
  const auto transport = host.open();
  CHECK(host.facts.seen_from->text() == "127.0.0.1/32");
  CHECK_THAT(host.facts.greeting, Catch::StartsWith("SSH-2.0-OpenSSH"));
  const Reply reply = ask(*transport, {"sh", "-c", "echo good; echo bad >&2; exit 3"});
  CHECK(reply.text == "good\n");
  CHECK(reply.errors == "bad\n");
  CHECK(reply.exit == 3);
  CHECK(ask(*transport, {"printf", "<%s>", "a b", "$HOME", "it's", "", "x\ny"}).text == "<a b><$HOME><it's><><x\ny>");
  CHECK(ask(*transport, {"no-such-program-here"}).exit == 127);
  const Reply killed = ask(*transport, {"sh", "-c", "kill -9 $$"});
  CHECK(killed.exit == 137);
  CHECK_THAT(killed.errors, Catch::Contains("killed by signal KILL"));
  transport->close();
}

TEST_CASE("sshd: a step is the standard input of its program", "[sshd]") {
  Host host;
  const auto transport = host.open();
  Step step = step_of({"sh", "-c", "test \"$(sha256sum)\" = \"$(printf 'one\\ntwo\\n' | sha256sum)\""});
  step.lines = {"one", "two"};
  CHECK(transport->send(step).accepted);
  step = step_of({"sh", "-c", "cat >/dev/null; echo 'Error in line 2: no' >&2; exit 1"});
  step.lines = {"one", "two"};
  const Delivery delivery = transport->send(step);
  CHECK_FALSE(delivery.accepted);
  CHECK_THAT(delivery.complaint, Catch::StartsWith("line 2 \"two\" of sh -c"));
}

TEST_CASE("sshd: five megabytes each way at once", "[sshd]") {
  Host host;
  const auto transport = host.open();
  Step step = step_of({"cat"});
  std::string text;
  for (int i = 0; text.size() < 5'000'000; ++i) {
    step.lines.push_back("add element inet banpush hosts4 { 203.0.113." + std::to_string(i % 256) + " }");
    text += step.lines.back() + "\n";
  }
  const Delivery delivery = transport->send(step);
  CHECK((delivery.words == text));              // in brackets: a difference must not print 10 MB
  CHECK_FALSE(delivery.accepted);               // cat's words are not known to be harmless
  step.argv = {"sh", "-c", "exec <&-; exit 7"}; // a program that reads nothing
  CHECK_THAT(transport->send(step).complaint, Catch::EndsWith("ended with status 7"));
  Ask much{{}, {"sh", "-c", "head -c 5000000 /dev/zero"}, {}, 6'000'000};
  CHECK(transport->ask(much).text.size() == 5'000'000);
  much.most_bytes = most_answer;
  CHECK_THROWS_WITH(transport->ask(much), Catch::Contains("where 4194304 is the limit"));
}

TEST_CASE("sshd: a program that is silent too long is given up", "[sshd]") {
  Host host;
  const auto transport = host.open();
  Step step = step_of({"sleep", "30"});
  step.silence = 1s;
  const auto begun = std::chrono::steady_clock::now();
  CHECK_THROWS_WITH(transport->send(step), Catch::Equals("server1: sleep 30: silent for 1 s"));
  CHECK(std::chrono::steady_clock::now() - begun < 25s);
}

TEST_CASE("sshd: the far end dies in the middle", "[sshd]") {
  Host host;
  const auto transport = host.open();
  // The parent of the shell is the sshd of this very connection.
  CHECK_THROWS_WITH(ask(*transport, {"sh", "-c", "echo before; kill -9 $PPID; sleep 20"}),
                    Catch::Contains("server1: ") && Catch::Contains("lost"));
}

TEST_CASE("sshd: cancelled from another thread", "[sshd]") {
  Host host;
  const auto transport = host.open();
  std::thread other([&] {
    std::this_thread::sleep_for(200ms);
    transport->cancel();
  });
  CHECK_THROWS_WITH(ask(*transport, {"sleep", "30"}), Catch::Contains("cancelled"));
  other.join();
}

TEST_CASE("sshd: an unknown host key is refused and shown", "[sshd]") {
  Host host;
  host.know("");
  const std::string said = host.failure();
  CHECK(host.kind == ErrorKind::Connect);
  CHECK_THAT(said, Catch::StartsWith("server1: host key of 127.0.0.1 port ") &&
                       Catch::Contains(" is not known: it shows ssh-ed25519 SHA256:") && Catch::Contains("`banpush trust server1`"));
  CHECK(host.told.find("logged in") == std::string::npos);
  std::filesystem::remove(host.own_known_hosts);
  CHECK_THAT(host.failure(), Catch::Contains("is not known")); // no file at all
}

TEST_CASE("sshd: a changed host key is refused, and both are shown", "[sshd]") {
  Host host;
  std::string line = last_line(read_file(host.folder + "/known_hosts"));
  const std::string good = host_key(host.device, host.driver, "127.0.0.1").fingerprint;
  const std::string other = read_file(host.folder + "/client_key.pub"); // some other key of the same type
  host.know(line.substr(0, line.find(' ')) + " " + other);
  const std::string said = host.failure();
  CHECK(host.kind == ErrorKind::Connect);
  const std::string stored = host_key(host.device, host.driver, "127.0.0.1").stored;
  CHECK(stored != good);
  CHECK_THAT(said, Catch::Contains("HAS CHANGED: it shows ssh-ed25519 " + good) && Catch::Contains("has ssh-ed25519 " + stored));
}

TEST_CASE("sshd: a revoked host key is refused", "[sshd]") {
  Host host;
  const std::string line = last_line(read_file(host.folder + "/known_hosts"));
  host.know(line + "\n@revoked * " + line.substr(line.find(' ') + 1) + "\n");
  CHECK_THAT(host.failure(), Catch::Contains("is revoked in"));
}

TEST_CASE("sshd: trust stores the key in the place of the old one", "[sshd]") {
  Host host;
  const std::string line = last_line(read_file(host.folder + "/known_hosts"));
  const std::string name = line.substr(0, line.find(' '));
  const std::string other = read_file(host.folder + "/client_key.pub");
  host.know("# ours\n198.51.100.1," + name + " " + other + "198.51.100.2 " + other);
  const HostKey key = host_key(host.device, host.driver, "127.0.0.1");
  CHECK(key.type == "ssh-ed25519");
  CHECK_FALSE(key.stored.empty());
  store_host_key(host.device, key);
  CHECK(read_file(host.own_known_hosts) == "# ours\n198.51.100.1 " + other + "198.51.100.2 " + other + line + "\n");
  struct stat about {};
  REQUIRE(::stat(host.own_known_hosts.c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 0644); // no secret, and the service's user must be able to read it
  CHECK(host_key(host.device, host.driver, "127.0.0.1").stored == key.fingerprint);
  host.open();

  host.know("*.example.net," + name + " " + other);
  store_host_key(host.device, key); // this wildcard covers somebody else
  CHECK(read_file(host.own_known_hosts) == "*.example.net " + other + line + "\n");
  host.know("[127.*]:* " + other);
  CHECK_THROWS_WITH(store_host_key(host.device, key), Catch::Contains(":1: its names cover"));
  host.device.login.known_hosts = "/no/such/folder/known_hosts";
  CHECK_THROWS_WITH(store_host_key(host.device, key), Catch::Contains("cannot write /no/such/folder/known_hosts: /no: No such file"));
}

TEST_CASE("sshd: hashed names are understood", "[sshd]") {
  Host host;
  host.know(read_file(host.folder + "/known_hosts"));
  REQUIRE(std::system(("ssh-keygen -q -H -f " + host.own_known_hosts + " >/dev/null 2>&1").c_str()) == 0);
  std::filesystem::remove(host.own_known_hosts + ".old");
  REQUIRE_THAT(read_file(host.own_known_hosts), Catch::StartsWith("|1|"));
  host.open();
  store_host_key(host.device, host_key(host.device, host.driver, "127.0.0.1"));
  CHECK(read_file(host.own_known_hosts) == read_file(host.folder + "/known_hosts")); // the hashed line is replaced
}

TEST_CASE("sshd: keys with a passphrase, and of RSA", "[sshd]") {
  Host host;
  host.device.login.key = host.folder + "/rsa_key";
  host.open();
  host.device.login.key = host.folder + "/locked_key";
  CHECK_THAT(host.failure(), Catch::Contains("cannot use the private key") && Catch::Contains("`passphrase`"));
  host.credentials.passphrase = "wrong";
  CHECK_THAT(host.failure(), Catch::Contains("the passphrase is wrong"));
  CHECK(host.kind == ErrorKind::Config);
  host.credentials.passphrase = "open sesame";
  host.open();
  CHECK_THAT(host.told, Catch::Contains("logged in as"));
}

TEST_CASE("sshd: what was tried is told when the login is refused", "[sshd]") {
  Host host;
  host.device.login.key = host.folder + "/stranger_key";
  std::string said = host.failure();
  CHECK(host.kind == ErrorKind::Auth);
  CHECK_THAT(said, Catch::StartsWith("server1: login as " + host.device.login.username) &&
                       Catch::Contains("tried key " + host.folder + "/stranger_key (refused); the server offers publickey, password"));
  host.credentials.password = "not the password";
  said = host.failure();
  CHECK_THAT(said, Catch::Contains("stranger_key (refused), password (refused);"));
  CHECK(said.find("not the password") == std::string::npos);
  host.device.login.key.clear();
  host.credentials.password.clear();
  CHECK_THAT(host.failure(), Catch::Contains("tried nothing") && Catch::Contains("there is no `key`, `agent` or `password` that fits"));
  host.device.login.key = "/no/such/key";
  CHECK_THAT(host.failure(), Catch::Equals("server1: cannot read the private key /no/such/key: /no: No such file or directory"));
  CHECK(host.kind == ErrorKind::Config);
}

TEST_CASE("sshd: a private key that others can read is not used", "[sshd]") {
  Host host;
  const std::string copy = host.folder + "/open_key";
  std::filesystem::copy_file(host.folder + "/client_key", copy, std::filesystem::copy_options::overwrite_existing);
  ::chmod(copy.c_str(), 0644);
  host.device.login.key = copy;
  CHECK_THAT(host.failure(), Catch::Contains("can be read or changed by others (mode 0644)"));
}

TEST_CASE("sshd: old algorithms only where the device asks for them", "[sshd]") {
  Host host;
  host.device.port = static_cast<std::uint16_t>(std::stoi(environment("BANPUSH_TEST_OLD_SSHD_PORT")));
  const std::string folder = environment("BANPUSH_TEST_OLD_SSHD_FOLDER");
  host.device.login.known_hosts = folder + "/known_hosts";
  host.device.login.key = folder + "/client_key";
  CHECK_THAT(host.failure(), Catch::Contains("`legacy_algorithms: yes`"));
  CHECK(host.kind == ErrorKind::Connect);
  host.device.login.legacy_algorithms = true;
  CHECK(ask(*host.open(), {"echo", "old"}).text == "old\n");
}

TEST_CASE("sshd: through a jump host", "[sshd]") {
  Host host;
  const std::uint16_t inner = static_cast<std::uint16_t>(std::stoi(environment("BANPUSH_TEST_OLD_SSHD_PORT")));
  // One sshd is the way to the other; both take the same key here.
  const std::string folder = environment("BANPUSH_TEST_OLD_SSHD_FOLDER");
  std::ofstream(folder + "/authorized_keys", std::ios::app) << read_file(host.folder + "/client_key.pub");
  host.know(read_file(host.folder + "/known_hosts") + read_file(folder + "/known_hosts"));
  host.device.login.jump = host.device.login.username + "@127.0.0.1:" + std::to_string(host.device.port);
  host.device.port = inner;
  host.device.login.legacy_algorithms = true;
  const auto transport = host.open();
  CHECK(host.facts.seen_from->text() == "127.0.0.1/32");
  CHECK(ask(*transport, {"sh", "-c", "echo $SSH_CONNECTION | cut -d ' ' -f 4"}).text == std::to_string(inner) + "\n");
  CHECK(ask(*transport, {"sh", "-c", "head -c 3000000 /dev/zero"}).text.size() == 3'000'000);
  transport->close();

  host.device.login.jump = "127.0.0.1:1";
  CHECK_THAT(host.failure(), Catch::Equals("server1 (jump host 127.0.0.1): cannot connect to 127.0.0.1 port 1: Connection refused"));
}

TEST_CASE("sshd: of several addresses the one that answers is taken", "[sshd]") {
  Host host;
  host.device.addresses = {"127.0.0.2", "127.0.0.1"};
  CHECK(ask(*host.open(), {"echo", "here"}).text == "here\n");
  CHECK_THAT(host.told, Catch::Contains("server1: cannot connect to 127.0.0.2 port"));
  host.device.addresses = {"127.0.0.2", "127.0.0.3"};
  CHECK_THAT(host.failure(), Catch::StartsWith("server1: cannot connect to 127.0.0.2 port ") &&
                                 Catch::Contains("refused; cannot connect to 127.0.0.3 port "));
  host.device.addresses = {"no-such-host.invalid"};
  CHECK_THAT(host.failure(), Catch::StartsWith("server1: cannot find no-such-host.invalid: "));
}
