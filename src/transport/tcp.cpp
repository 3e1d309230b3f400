#include "transport/tcp.hpp"

#include "core/error.hpp"
#include "transport/name_lookup.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace banpush {

namespace {

ResolvedName resolve(const std::string &host, std::uint16_t port, std::chrono::milliseconds timeout, const Cancellation &cancellation) {
  if (ResolvedName numeric = resolve_now(host, port, AI_NUMERICHOST); numeric.error == 0)
    return numeric;
  NameLookup lookup(host, port);
  std::vector<pollfd> fds{{lookup.fd(), POLLIN, 0}};
  if (!wait_for(fds, Clock::now() + timeout, cancellation))
    throw Error(ErrorKind::Connect, fmt::format("{}: no answer from the name servers in {} s", host, timeout.count() / 1000));
  return lookup.take().value_or(ResolvedName{{}, EAI_SYSTEM});
}

std::optional<Prefix> address_of(const sockaddr_storage &address) {
  std::array<char, NI_MAXHOST> text;
  if (::getnameinfo(reinterpret_cast<const sockaddr *>(&address), sizeof address, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) !=
      0)
    return std::nullopt;
  std::string plain = text.data();
  plain = plain.substr(0, plain.find('%')); // a link-local address names its interface
  if (const auto prefix = Prefix::parse(plain))
    return *prefix;
  return std::nullopt;
}

// The reason why this one address cannot be reached, or the connection.
struct Attempt {
  Descriptor fd;
  std::string failure;
};

Attempt connect_one(const addrinfo &address, std::chrono::milliseconds timeout, const Cancellation &cancellation) {
  Descriptor fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd)
    return {{}, std::strerror(errno)};
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0 && errno != EINPROGRESS)
    return {{}, std::strerror(errno)};
  std::vector<pollfd> fds{{fd.get(), POLLOUT, 0}};
  if (!wait_for(fds, Clock::now() + timeout, cancellation))
    return {{}, fmt::format("no answer in {} s", timeout.count() / 1000)};
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0)
    return {{}, std::strerror(error)};
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // else 40 ms for each small packet
  set_keep_alive(fd.get());
  return {std::move(fd), {}};
}

} // namespace

void set_keep_alive(int fd) {
  const auto set = [fd](int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 3);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 10'000);
}

bool is_acknowledged(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_unacked == 0;
}

std::string place(const std::string &host, std::uint16_t port) { return fmt::format("{} port {}", host, port); }

Descriptor connect_tcp(const std::string &host, std::uint16_t port, std::chrono::milliseconds timeout, const Cancellation &cancellation) {
  const ResolvedName resolved = resolve(host, port, timeout, cancellation);
  if (resolved.error != 0)
    throw Error(ErrorKind::Connect, fmt::format("cannot find {}: {}", host, ::gai_strerror(resolved.error)));
  std::string failures;
  for (const addrinfo *address = resolved.addresses.get(); address != nullptr; address = address->ai_next) {
    Attempt attempt = connect_one(*address, timeout, cancellation);
    if (attempt.fd)
      return std::move(attempt.fd);
    sockaddr_storage stored{};
    std::memcpy(&stored, address->ai_addr, address->ai_addrlen);
    const auto numeric = address_of(stored);
    failures += failures.empty() ? "" : "; ";
    if (numeric && numeric->address() != host)
      failures += numeric->address() + ": ";
    failures += attempt.failure;
  }
  throw Error(ErrorKind::Connect, fmt::format("cannot connect to {}: {}", place(host, port), failures));
}

std::optional<Prefix> own_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size) != 0)
    return std::nullopt;
  return address_of(address);
}

std::optional<Prefix> peer_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr *>(&address), &size) != 0)
    return std::nullopt;
  return address_of(address);
}

} // namespace banpush
