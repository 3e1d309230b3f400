#include "app/http/listener.hpp"

#include "app/http/channel.hpp"
#include "core/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace banpush {

namespace {

using namespace std::chrono_literals;

// One address, or of IPv6 one /64 (what one host is given), has no more than a quarter: nobody keeps all others out alone. This
// host itself may have all, for a proxy does.
constexpr std::size_t most_connections = 64, most_of_one_network = 16;
constexpr std::size_t bytes_of_network = 8;
// Where all are taken, those that have asked for nothing for so long make room.
constexpr auto least_time_to_ask = 1s;
constexpr std::size_t longest_head = 8192;
constexpr auto patience_for_request = 10s, patience_for_answer = 10s;
constexpr std::size_t slowest_reader = 32U << 10U; // bytes a second, beyond the patience
constexpr auto pause_without_descriptors = 500ms;
constexpr int backlog = 128;

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

Address address_of(const std::string &text, std::uint16_t port) {
  Address made;
  auto *v4 = reinterpret_cast<sockaddr_in *>(&made.bytes);
  auto *v6 = reinterpret_cast<sockaddr_in6 *>(&made.bytes);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    made.size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    made.size = sizeof *v6;
  }
  return made;
}

std::string text_of(const sockaddr_storage &bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void *at = bytes.ss_family == AF_INET ? static_cast<const void *>(&reinterpret_cast<const sockaddr_in *>(&bytes)->sin_addr)
                                              : &reinterpret_cast<const sockaddr_in6 *>(&bytes)->sin6_addr;
  return ::inet_ntop(bytes.ss_family, at, text.data(), text.size()) == nullptr ? "?" : text.data();
}

std::string network_of(sockaddr_storage bytes) {
  if (bytes.ss_family == AF_INET6)
    if (in6_addr &address = reinterpret_cast<sockaddr_in6 *>(&bytes)->sin6_addr; !IN6_IS_ADDR_V4MAPPED(&address))
      std::fill(std::begin(address.s6_addr) + bytes_of_network, std::end(address.s6_addr), 0);
  return text_of(bytes);
}

bool is_this_host(const std::string &address) {
  return address.rfind("127.", 0) == 0 || address == "::1" || address.rfind("::ffff:127.", 0) == 0;
}

Descriptor listening_at(const std::string &address, std::uint16_t port) {
  const auto fail = [&](const char *what) {
    const std::string place = port == 0 ? address : fmt::format("{} port {}", address, port);
    throw Error(ErrorKind::Usage, fmt::format("serve.http: {}: {}: {}", place, what, std::strerror(errno)));
  };
  const Address where = address_of(address, port);
  if (where.size == 0)
    throw Error(ErrorKind::Usage, fmt::format("serve.http: {} is no IP address", address));
  Descriptor socket(::socket(where.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    fail("socket");
  if (::bind(socket.get(), reinterpret_cast<const sockaddr *>(&where.bytes), where.size) != 0)
    fail("bind");
  if (::listen(socket.get(), backlog) != 0)
    fail("listen");
  return socket;
}

} // namespace

Listener::Listener(const std::string &address, std::uint16_t port, Identity identity, Answers answers)
    : identity_(std::move(identity)), answers_(std::move(answers)), socket_(listening_at(address, port)),
      ended_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!ended_)
    throw Error(ErrorKind::Usage, fmt::format("serve.http: eventfd: {}", std::strerror(errno)));
  thread_ = std::thread([this] { run(); });
}

Listener::~Listener() {
  ending_ = true;
  ::eventfd_write(ended_.get(), 1);
  thread_.join();
  for (Connection &connection : connections_) {
    ::shutdown(connection.socket.get(), SHUT_RDWR);
    connection.thread.join();
  }
}

void Listener::require_address(const std::string &address) { listening_at(address, 0); }

void Listener::run() noexcept {
  while (!ending_)
    try {
      once();
    } catch (const std::exception &) { // no memory: later there may be some
      ::poll(nullptr, 0, static_cast<int>(std::chrono::milliseconds(pause_without_descriptors).count()));
    }
}

bool Listener::full() {
  connections_.remove_if([](Connection &one) {
    if (!one.done)
      return false;
    one.thread.join();
    return true;
  });
  return connections_.size() >= most_connections;
}

std::size_t Listener::connections_from(const std::string &network) const {
  return static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(), [&](const Connection &one) { return one.network == network && !one.done; }));
}

void Listener::drop_who_asks_nothing() {
  const auto late = std::chrono::steady_clock::now() - least_time_to_ask;
  for (Connection &one : connections_)
    if (!one.asked && !one.done && one.since < late)
      ::shutdown(one.socket.get(), SHUT_RDWR); // its thread sees the end
}

// Who cannot be taken now waits in the socket's queue.
void Listener::once() {
  const bool takes = !full();
  if (!takes)
    drop_who_asks_nothing();
  std::array<pollfd, 2> watched{{{ended_.get(), POLLIN, 0}, {takes ? socket_.get() : -1, POLLIN, 0}}};
  ::poll(watched.data(), watched.size(), takes ? -1 : 50);
  if (ending_ || (watched[1].revents & POLLIN) == 0)
    return;
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  Descriptor socket(::accept4(socket_.get(), reinterpret_cast<sockaddr *>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) {
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
      throw std::runtime_error("no descriptor");
    return;
  }
  std::string from = text_of(peer), network = network_of(peer);
  if (is_this_host(from) || connections_from(network) < most_of_one_network)
    take(std::move(socket), std::move(from), std::move(network));
}

void Listener::take(Descriptor socket, std::string from, std::string network) {
  Connection &connection = connections_.emplace_back();
  connection.socket = std::move(socket);
  connection.from = std::move(from);
  connection.network = std::move(network);
  connection.since = std::chrono::steady_clock::now();
  try {
    connection.thread = std::thread([this, &connection] { serve(connection); });
  } catch (const std::exception &) {
    connections_.pop_back();
    throw;
  }
}

void Listener::serve(Connection &connection) noexcept {
  try {
    reply(connection);
  } catch (const std::exception &) { // no memory: the other end sees its connection end
  }
  ::shutdown(connection.socket.get(), SHUT_RDWR);
  connection.done = true;
}

void Listener::reply(Connection &connection) {
  const auto identity = identity_();
  Channel channel(connection.socket.get(), identity.get());
  const auto until = std::chrono::steady_clock::now() + patience_for_request;
  if (!channel.begin(until))
    return;
  const Channel::Head head = channel.head(longest_head, until);
  if (head.lacks == Channel::Lacks::Time)
    return;
  connection.asked = true;
  std::optional<HttpRequest> request;
  if (!head.lacks)
    request = request_in(head.text);
  const HttpAnswer made = head.lacks ? refuse(431, fmt::format("a request has {} bytes at most\n", longest_head))
                          : request  ? answer(*request, connection.from)
                                     : refuse(400, "this is no request\n");
  const std::size_t length = made.body ? made.body->size() : 0;
  const auto end = std::chrono::steady_clock::now() + patience_for_answer + std::chrono::seconds(length / slowest_reader);
  if (channel.write(head_of(made, length), end) && length != 0 && made.status != 304 && (!request || request->method != "HEAD"))
    channel.write(*made.body, end);
  channel.end();
}

HttpAnswer Listener::answer(HttpRequest &request, const std::string &from) noexcept {
  try {
    request.from = from;
    if (request.method == "GET" || request.method == "HEAD")
      return answers_.answer(request);
  } catch (const std::exception &) {
    return refuse(503, {});
  }
  HttpAnswer refused = refuse(405, "only GET and HEAD are answered here\n");
  refused.headers.emplace_back("Allow", "GET, HEAD");
  return refused;
}

HttpAnswer Listener::refuse(int status, std::string text) noexcept {
  try {
    answers_.refused(status);
    return {status, std::move(text)};
  } catch (const std::exception &) { // no memory
    HttpAnswer failed;
    failed.status = status;
    return failed;
  }
}

} // namespace banpush
