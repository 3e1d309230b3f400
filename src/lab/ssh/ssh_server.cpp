#include "lab/ssh/ssh_connection.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <libssh/server.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banpush::lab {

namespace {

struct FreeKey {
  void operator()(ssh_key key) const noexcept { ssh_key_free(key); }
};
using Key = std::unique_ptr<ssh_key_struct, FreeKey>;

KeyLine line_of(ssh_key key) {
  char *base64 = nullptr;
  if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK)
    throw Error(ErrorKind::Config, "cannot write a key");
  KeyLine line{ssh_key_type_to_char(ssh_key_type(key)), base64};
  ssh_string_free_char(base64);
  return line;
}

sockaddr_storage socket_address(const std::string &address, std::uint16_t port, socklen_t &length) {
  sockaddr_storage all{};
  auto *four = reinterpret_cast<sockaddr_in *>(&all);
  auto *six = reinterpret_cast<sockaddr_in6 *>(&all);
  if (::inet_pton(AF_INET, address.c_str(), &four->sin_addr) == 1) {
    all.ss_family = AF_INET;
    four->sin_port = htons(port);
    length = sizeof *four;
  } else if (::inet_pton(AF_INET6, address.c_str(), &six->sin6_addr) == 1) {
    all.ss_family = AF_INET6;
    six->sin6_port = htons(port);
    length = sizeof *six;
  } else {
    throw Error(ErrorKind::Config, fmt::format("\"{}\" is no address to listen on", address));
  }
  return all;
}

} // namespace

KeyLine new_key(const std::string &path) {
  ssh_key made = nullptr;
  if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &made) != SSH_OK)
    throw Error(ErrorKind::Config, "cannot make a key");
  const Key key(made);
  const mode_t before = ::umask(077);
  const int written = ssh_pki_export_privkey_file(made, nullptr, nullptr, nullptr, path.c_str());
  ::umask(before);
  if (written != SSH_OK)
    throw Error(ErrorKind::Config, "cannot write the key " + path);
  KeyLine line = line_of(made);
  std::ofstream(path + ".pub") << line.type << ' ' << line.base64 << '\n';
  return line;
}

KeyLine public_half(const std::string &path) {
  ssh_key read = nullptr;
  if (ssh_pki_import_privkey_file(path.c_str(), nullptr, nullptr, nullptr, &read) != SSH_OK)
    throw Error(ErrorKind::Config, "cannot read the key " + path);
  return line_of(Key(read).get());
}

struct SshDevice::Bind {
  ssh_bind bind = ssh_bind_new();
  ~Bind() { ssh_bind_free(bind); }
};

SshDevice::SshDevice(Emulated &device, const std::string &address, std::uint16_t port, const std::string &host_key)
    : device_(device), bind_(std::make_unique<Bind>()) {
  const bool no_files = false;
  ssh_bind_options_set(bind_->bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no_files);
  if (ssh_bind_options_set(bind_->bind, SSH_BIND_OPTIONS_HOSTKEY, host_key.c_str()) != SSH_OK)
    throw Error(ErrorKind::Config, "cannot use the host key " + host_key);
  socklen_t length = 0;
  sockaddr_storage where = socket_address(address, port, length);
  listener_ = ::socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener_, reinterpret_cast<sockaddr *>(&where), length) != 0 || ::listen(listener_, 512) != 0)
    throw Error(ErrorKind::Config, fmt::format("cannot listen on {} port {}: {}", address, port, std::strerror(errno)));
  ::getsockname(listener_, reinterpret_cast<sockaddr *>(&where), &length);
  port_ = ntohs(where.ss_family == AF_INET ? reinterpret_cast<sockaddr_in *>(&where)->sin_port
                                           : reinterpret_cast<sockaddr_in6 *>(&where)->sin6_port);
}

SshDevice::~SshDevice() {
  connections_.clear();
  if (listener_ >= 0)
    ::close(listener_);
}

void SshDevice::add_to(std::vector<pollfd> &fds) const {
  fds.push_back({listener_, POLLIN, 0});
  for (const auto &connection : connections_)
    fds.push_back(connection->poll_for());
}

std::size_t SshDevice::serve(const std::vector<pollfd> &fds, std::size_t at, Clock::time_point now) {
  const bool knocked = (fds[at++].revents & POLLIN) != 0;
  for (std::size_t i = 0; i < connections_.size(); ++i, ++at)
    if (fds[at].revents != 0 || (connections_[i]->due() && *connections_[i]->due() <= now))
      connections_[i]->serve(now);
  if (generation_ != device_.generation)
    cut();
  generation_ = device_.generation;
  const auto over = [](const auto &connection) { return connection->over(); };
  connections_.erase(std::remove_if(connections_.begin(), connections_.end(), over), connections_.end());
  if (knocked)
    accept(now);
  return at;
}

void SshDevice::cut() {
  for (auto &connection : connections_)
    connection->cut();
}

void SshDevice::accept(Clock::time_point now) {
  for (int fd; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    const Description &description = device_.description();
    const bool too_many = connections_.size() >= device_.variant().sessions.value_or(description.sessions);
    if (too_many && !description.sessions_at_login) {
      ++device_.seen.refused;
      ::close(fd);
      continue;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // 40 ms stalls otherwise
    ssh_session session = ssh_new();
    const int quiet = 0;
    ssh_options_set(session, SSH_OPTIONS_LOG_VERBOSITY, &quiet);
    if (ssh_bind_accept_fd(bind_->bind, session, fd) != SSH_OK) {
      ssh_free(session);
      ::close(fd);
      continue;
    }
    connections_.push_back(std::make_unique<SshConnection>(device_, session, now));
  }
}

std::optional<Clock::time_point> SshDevice::due() const {
  std::optional<Clock::time_point> first = device_.due();
  for (const auto &connection : connections_)
    if (const auto due = connection->due(); due && (!first || *due < *first))
      first = due;
  return first;
}

} // namespace banpush::lab
