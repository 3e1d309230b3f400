#include "app/request/doorbell.hpp"

#include "core/error.hpp"
#include "files/socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

namespace banpush {

namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t longest_line = 16U << 20U;
constexpr int backlog = 512;
constexpr std::chrono::seconds a_moment{1}; // without an answer, before that is said

void require_path(const std::string &path) {
  if (path.empty() || path.size() > longest_socket_path())
    throw Error(ErrorKind::Config, fmt::format("serve.socket {}: a path of 1 to {} bytes is needed", path, longest_socket_path()));
}

bool ready(int socket, short events, Clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd one{socket, events, 0};
    const int count = ::poll(&one, 1, static_cast<int>(std::max<long long>(0, left)));
    if (count > 0)
      return true;
    if (count == 0 || errno != EINTR)
      return false;
  }
}

bool send_line(int socket, const std::string &line, Clock::time_point end) {
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t count = ::send(socket, line.data() + sent, line.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0)
      sent += static_cast<std::size_t>(count);
    else if (errno == EAGAIN || errno == EINTR ? !ready(socket, POLLOUT, end) : true)
      return false;
  }
  return true;
}

std::optional<std::string> receive_line(int socket, Clock::time_point end) {
  std::string line;
  std::array<char, 4096> part{};
  while (line.size() < longest_line && ready(socket, POLLIN, end)) {
    const ssize_t count = ::recv(socket, part.data(), part.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
      continue;
    if (count <= 0)
      return std::nullopt;
    line.append(part.data(), static_cast<std::size_t>(count));
    if (line.back() == '\n')
      return line;
  }
  return std::nullopt;
}

// The service runs as root, as ourselves, or as whoever keeps the folder of the state file; nobody else is told anything.
bool may_be_the_service(uid_t user, const Config &config) {
  if (user == 0 || user == geteuid())
    return true;
  const auto folder = Folder::around(config.state);
  return folder && folder->owner().user == user;
}

// What is at the other end of the path: a service, nobody, or one that has too much to do to be called now.
struct Call {
  Descriptor socket;
  bool busy = false;
};

std::optional<Call> call(const Config &config) {
  const std::string &path = config.serve.socket;
  require_path(path);
  Call made{Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), false};
  if (const auto connected = connect_to(made.socket.get(), path); !connected) {
    const int code = connected.error().code;
    if (code == ENOENT || code == ECONNREFUSED || code == ENOTDIR)
      return std::nullopt;
    if (code != EAGAIN)
      throw Error(ErrorKind::Usage, fmt::format("the service's socket {}: {}", path, connected.error().text));
    made.busy = true;
    return made;
  }
  const auto user = user_of(made.socket.get());
  if (!user || !may_be_the_service(*user, config))
    throw Error(
        ErrorKind::Usage,
        fmt::format("the socket {} belongs to user {}, who is neither root, nor us, nor the owner of the folder of {}: not spoken to", path,
                    user ? std::to_string(*user) : "unknown", config.state));
  return made;
}

} // namespace

std::optional<uid_t> user_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return std::nullopt;
  return peer.uid;
}

bool tell_service(const Config &config, const Json &request) {
  const auto made = call(config);
  if (!made)
    return false;
  // Where it does not take the line at once it has others waiting, and looks at the table for them anyway.
  if (!made->busy)
    send_line(made->socket.get(), request.dump() + "\n", Clock::now());
  return true;
}

bool is_served(const Config &config) { return call(config).has_value(); }

std::optional<Json> ask_service(const Config &config, const Json &request, std::chrono::seconds patience,
                                const StillWaiting &still_waiting) {
  const auto begin = Clock::now(), end = begin + patience;
  bool told = !still_waiting;
  const auto tell = [&] {
    if (!std::exchange(told, true))
      still_waiting();
  };
  auto made = call(config);
  while (made && made->busy && Clock::now() < end) {
    ::poll(nullptr, 0, 50);
    if (Clock::now() - begin > a_moment)
      tell();
    made = call(config);
  }
  if (!made)
    return std::nullopt;
  if (made->busy || !send_line(made->socket.get(), request.dump() + "\n", end))
    throw Error(ErrorKind::Connect, fmt::format("the service at {} takes no request", config.serve.socket));
  if (!ready(made->socket.get(), POLLIN, std::min(end, begin + a_moment)))
    tell();
  const auto line = receive_line(made->socket.get(), end);
  if (!line && Clock::now() < end)
    throw Error(ErrorKind::Connect,
                fmt::format("the service at {} hung up without a whole answer: it has ended, or starts anew", config.serve.socket));
  if (!line)
    throw Error(ErrorKind::Connect, fmt::format("the service at {} gave no answer within {} s", config.serve.socket, patience.count()));
  Json answer = Json::parse(*line, nullptr, false);
  if (!answer.is_object())
    throw Error(ErrorKind::Connect, fmt::format("the service at {} answered what is no JSON object", config.serve.socket));
  if (answer.contains("refused"))
    throw Error(ErrorKind::Usage, fmt::format("the service at {}: {}", config.serve.socket, answer["refused"].get<std::string>()));
  return answer;
}

Doorbell::Doorbell(const std::string &path) : path_(path) {
  require_path(path);
  socket_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Who holds the turn is the only service: what stands there was left behind by one that was killed.
  if (const auto bound = bind_to(socket_.get(), path); !bound)
    throw Error(ErrorKind::Usage, fmt::format("the service's socket {}: bind: {}", path, bound.error().text));
  if (::listen(socket_.get(), backlog) != 0)
    throw Error(ErrorKind::Usage, fmt::format("the service's socket {}: listen: {}", path, std::strerror(errno)));
}

Doorbell::~Doorbell() { static_cast<void>(remove_file(path_)); }

Descriptor Doorbell::accept() const { return Descriptor(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)); }

std::optional<Json> read_request(int socket, std::chrono::milliseconds patience) {
  const auto line = receive_line(socket, Clock::now() + patience);
  if (!line)
    return std::nullopt;
  Json request = Json::parse(*line, nullptr, false);
  return request.is_object() ? std::optional{std::move(request)} : std::nullopt;
}

bool send_answer(int socket, const Json &answer) {
  return send_line(socket, answer.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n", Clock::now() + std::chrono::seconds{10});
}

} // namespace banpush
