#include "config_folder.hpp"

#include <sstream>

using namespace banpush;

namespace {

std::string example() {
  std::ifstream file(BANPUSH_SOURCE_DIR "/config/banpush.yaml");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// Settings that are commented out: a `#` with no blank behind it.
std::string uncommented(const std::string &text) {
  std::istringstream lines(text);
  std::string all;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find_first_not_of(' ');
    if (at != std::string::npos && line[at] == '#' && at + 1 < line.size() && line[at + 1] != ' ' && line[at + 1] != '-')
      line.erase(at, 1);
    all += line + "\n";
  }
  return all;
}

void write_files(const ConfigFolder &folder) {
  for (const char *secret : {"db.pass", "id_ed25519", "enable", "key.pass", "login.pass", "http.key", "fw1.token", "prometheus.token"})
    folder.write(secret, "secret\n");
  folder.write("ca.pem", "", 0644);
  folder.write("http.pem", "", 0644);
  folder.write("hook.url", "https://hooks.example.net/banpush\n", 0600);
  folder.write("allow.d/office.txt", "# the office\n203.0.113.0/28\n2001:db8:1::/48 # and its IPv6\n", 0644);
}

} // namespace

TEST_CASE("the example configuration loads as it is") {
  const ConfigFolder folder;
  write_files(folder);
  const Config config = folder.load(replaced(example(), "/etc/banpush", folder.path()));
  CHECK(config.warnings.empty());
  CHECK(config.notes.empty());
  REQUIRE(config.devices.size() == 3);
  const Device &edge1 = *config.device("edge1");
  CHECK(edge1.policy.quorum->hosts == 3);
  CHECK(edge1.policy.quorum->bans == 3); // mappings are put together key by key
  CHECK(edge1.limits.add == 0.10);
  CHECK(edge1.save.minute_of_day == 210);
  CHECK(edge1.policy.allow.size() == 4);
  CHECK(config.device("edge2")->policy.bantime == 12 * hour);
  CHECK(config.device("edge2")->addresses.size() == 2);
  CHECK(config.device("here")->policy.protocols.empty());
}

TEST_CASE("the example configuration loads with every setting uncommented") {
  const ConfigFolder folder;
  write_files(folder);
  const std::string text = uncommented(replaced(example(), "/etc/banpush", folder.path()));
  CHECK(text.find("\n    honeypot: {weight: 0.2}") != std::string::npos);
  const Config config = folder.load(text);
  const Device &edge1 = *config.device("edge1");
  CHECK(edge1.login.jump == "banpush@bastion.example.net:22");
  CHECK(edge1.transport == TransportKind::Cli);
  CHECK(edge1.attach.front().interface == "eth0");
  CHECK(edge1.login.agent);
  CHECK(config.policy.hosts.size() == 2);
  CHECK(config.tables.front().only_hosts.size() == 2);
  for (const std::string &note : config.notes)
    CHECK(note.find("no effect") != std::string::npos);
}

TEST_CASE("an example cut anywhere, or with a byte changed, ends in a configuration or in an error") {
  const ConfigFolder folder;
  write_files(folder);
  const std::string text = replaced(example(), "/etc/banpush", folder.path());
  std::size_t loaded = 0, refused = 0;
  const auto attempt = [&](const std::string &broken) {
    try {
      folder.load(broken);
      ++loaded;
    } catch (const Error &error) {
      CHECK(error.kind() == ErrorKind::Config);
      CHECK_FALSE(std::string(error.what()).empty());
      ++refused;
    }
  };
  for (std::size_t length = 0; length < text.size(); length += 193)
    attempt(text.substr(0, length));
  std::uint32_t random = 12345; // a fixed sequence, the same in every run
  const auto next = [&random] { return random = random * 1664525U + 1013904223U; };
  for (int i = 0; i < 100; ++i) {
    std::string broken = text;
    for (std::uint32_t flips = 1 + (next() >> 8) % 3; flips > 0; --flips) {
      const std::size_t at = (next() >> 8) % broken.size();
      constexpr char signs[] = "{}[]:,&*!|>'\"%@`#-?<\n \t\x00\x80\xff"
                               "0";
      broken[at] = signs[(next() >> 8) % (sizeof signs - 1)];
    }
    attempt(broken);
  }
  CHECK(refused > 30);
  CHECK(loaded > 0);
}
