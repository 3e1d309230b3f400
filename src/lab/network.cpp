#include "lab/network.hpp"

#include "lab/text_file.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <random>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace banpush::lab {

namespace {

std::string random_word() {
  static const char *const letters = "abcdefghjkmnpqrstuvwxyz23456789";
  std::random_device source;
  std::string word;
  for (int i = 0; i < 20; ++i)
    word += letters[source() % 31];
  return word;
}

int control_socket(const std::string &path) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (path.size() >= sizeof where.sun_path)
    throw Error(ErrorKind::Config, path + ": the path is too long for a socket");
  std::memcpy(where.sun_path, path.c_str(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (::bind(fd, reinterpret_cast<sockaddr *>(&where), sizeof where) != 0 || ::listen(fd, 16) != 0)
    throw Error(ErrorKind::Config, fmt::format("cannot listen on {}: {}", path, std::strerror(errno)));
  return fd;
}

} // namespace

Network::Network(const NetworkFile &file, const std::vector<std::string> &folders, const std::string &folder) : folder_(folder) {
  const std::string password = random_word(), enable = random_word();
  const KeyLine user = new_key(folder + "/id_ed25519");
  std::string known_hosts;
  for (const Member &given : file.members) {
    Running one{given, nullptr, nullptr};
    Variant &variant = one.member.variant;
    variant.password = variant.password.empty() ? password : variant.password;
    variant.enable = variant.enable.empty() ? enable : variant.enable;
    variant.public_key = user.base64;
    if (variant.host_key.empty()) {
      variant.host_key = fmt::format("{}/host_{}", folder, given.name);
      new_key(variant.host_key);
    }
    const KeyLine host = public_half(variant.host_key);
    Description description = read_description(description_file(given.device, folders), given.train);
    if (one.member.driver.empty())
      one.member.driver = given.device;
    one.emulated = std::make_unique<Emulated>(std::move(description), variant);
    for (const Fault &fault : given.faults)
      one.emulated->add_fault(fault);
    one.ssh = std::make_unique<SshDevice>(*one.emulated, given.address, given.port, variant.host_key);
    known_hosts += fmt::format("[{}]:{} {} {}\n", given.address, one.ssh->port(), host.type, host.base64);
    order_.push_back(given.name);
    if (!devices_.emplace(given.name, std::move(one)).second)
      throw Error(ErrorKind::Config, fmt::format("two devices are called \"{}\"", given.name));
  }
  write_file(folder + "/password", password + "\n");
  write_file(folder + "/enable", enable + "\n");
  write_file(folder + "/known_hosts", known_hosts);
  write_files(file);
  control_ = control_socket(folder + "/lab.sock");
}

Network::~Network() {
  devices_.clear();
  if (control_ >= 0)
    ::close(control_);
  ::unlink((folder_ + "/lab.sock").c_str());
}

void Network::write_files(const NetworkFile &file) {
  std::string text = file.banpush;
  const auto unless_said = [&](const std::string &key, const std::string &value) {
    if (("\n" + file.banpush).find("\n" + key + ":") == std::string::npos)
      text += key + ": " + value + "\n";
  };
  unless_said("bans", fmt::format("{{url: \"sqlite:{}/bans.db\"}}", folder_));
  unless_said("state", folder_ + "/state.db");
  unless_said("spool", folder_ + "/spool.db");
  text += "devices:\n";
  nlohmann::json ports = nlohmann::json::object();
  for (const std::string &name : order_) {
    const Running &one = devices_.at(name);
    const Variant &variant = one.emulated->variant();
    const auto secret = [&](const char *kind, const std::string &value) {
      const std::string path = fmt::format("{}/{}_{}", folder_, kind, name);
      write_file(path, value + "\n");
      return path;
    };
    text += fmt::format("  {}: {{address: {}, port: {}, driver: {}, username: {}, password: {{file: {}}}, enable: {{file: {}}}, "
                        "known_hosts: {}/known_hosts{}{}}}\n",
                        name, one.member.address, one.ssh->port(), one.member.driver,
                        one.member.variant.values.count("login") != 0 ? one.member.variant.values.at("login") : variant.username,
                        secret("password", variant.password), secret("enable", variant.enable), folder_,
                        one.member.banpush.find("accept_unproven") == std::string::npos ? ", accept_unproven: yes" : "", // a rehearsal
                        one.member.banpush.size() > 2 ? ", " + one.member.banpush.substr(1, one.member.banpush.size() - 2) : "");
    ports[name] = one.ssh->port();
  }
  configuration_ = folder_ + "/banpush.yaml";
  write_file(configuration_, text);
  write_file(folder_ + "/ports.json", ports.dump() + "\n");
}

void Network::serve(int stop) {
  while (!down_) {
    std::vector<pollfd> fds{{stop, POLLIN, 0}, {control_, POLLIN, 0}};
    std::optional<Clock::time_point> first;
    for (const std::string &name : order_) {
      devices_.at(name).ssh->add_to(fds);
      if (const auto due = devices_.at(name).ssh->due(); due && (!first || *due < *first))
        first = due;
    }
    int wait = -1;
    if (first) {
      const auto left = std::chrono::ceil<milliseconds>(*first - Clock::now()).count();
      wait = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    }
    if (::poll(fds.data(), fds.size(), wait) < 0 && errno != EINTR)
      throw Error(ErrorKind::Config, fmt::format("poll: {}", std::strerror(errno)));
    const auto now = Clock::now();
    if (fds[0].revents != 0)
      return;
    std::size_t at = 2;
    for (const std::string &name : order_) {
      devices_.at(name).emulated->tick(now);
      at = devices_.at(name).ssh->serve(fds, at, now);
    }
    if (fds[1].revents != 0)
      converse(now);
  }
}

// One line, one answer, and the line is over: whoever speaks here is a test or a person at hand.
void Network::converse(Clock::time_point) {
  const int fd = ::accept4(control_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0)
    return;
  const timeval limit{20, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  std::string line;
  char buffer[4096];
  while (line.find('\n') == std::string::npos) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got <= 0)
      break;
    line.append(buffer, static_cast<std::size_t>(got));
  }
  std::string answer = command(line.substr(0, line.find('\n'))) + "\n";
  for (std::string_view rest = answer; !rest.empty();) {
    const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      break;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  ::close(fd);
}

std::string Network::command(const std::string &line) {
  try {
    std::vector<std::string> words = words_of(line);
    if (words.size() == 1 && words[0] == "down") {
      down_ = true;
      return R"({"done":true})";
    }
    if (words.empty() || devices_.count(words[0]) == 0)
      throw Error(ErrorKind::Usage, fmt::format("no device is called \"{}\"", words.empty() ? "" : words[0]));
    Emulated &device = *devices_.at(words[0]).emulated;
    words.erase(words.begin());
    return tell(device, words);
  } catch (const std::exception &error) {
    return nlohmann::json{{"error", error.what()}}.dump();
  }
}

} // namespace banpush::lab
