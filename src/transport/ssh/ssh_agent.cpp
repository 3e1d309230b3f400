#include "transport/ssh/ssh_agent.hpp"

#include "core/error.hpp"
#include "transport/ssh/ssh_key.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <libssh/libssh.h>
#include <optional>
#include <sys/socket.h>
#include <sys/un.h>

namespace banpush {

namespace {

// draft-miller-ssh-agent, 6.1
constexpr char failure = 5, request_identities = 11, identities_answer = 12, sign_request = 13;
// What OpenSSH's agent takes and gives, too.
constexpr std::size_t longest_message = 256U << 10U;
constexpr std::uint32_t most_keys = 1024;

std::string number(std::size_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8)
    bytes += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xffU);
  return bytes;
}

std::string text(const std::string &bytes) { return number(bytes.size()) + bytes; }

// RFC 4251, 5: numbers and strings out of a message; nothing where it is too short.
class Parts {
public:
  explicit Parts(std::string_view bytes) : rest_(bytes) {}

  std::optional<std::uint32_t> number() {
    if (rest_.size() < 4)
      return std::nullopt;
    std::uint32_t value = 0;
    for (const char c : rest_.substr(0, 4))
      value = value << 8U | static_cast<unsigned char>(c);
    rest_.remove_prefix(4);
    return value;
  }
  std::optional<std::string> text() {
    const auto size = number();
    if (!size || *size > rest_.size())
      return std::nullopt;
    std::string out(rest_.substr(0, *size));
    rest_.remove_prefix(*size);
    return out;
  }

private:
  std::string_view rest_;
};

std::string base64_of(std::string_view bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8U | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      out += at + i <= bytes.size() ? letters[group >> (18 - 6 * i) & 0x3fU] : '=';
  }
  return out;
}

std::optional<PublicKey> key_of(const std::string &blob) {
  const auto type = Parts(blob).text();
  if (!type)
    return std::nullopt;
  ssh_key key = nullptr;
  if (ssh_pki_import_pubkey_base64(base64_of(blob).c_str(), ssh_key_type_from_name(type->c_str()), &key) != SSH_OK)
    return std::nullopt;
  return public_key(SshKey(key).get());
}

// Whether all went through in time.
bool move(int fd, short events, std::size_t size, Clock::time_point end, const Cancellation &cancellation,
          const std::function<ssize_t(std::size_t done)> &some) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = some(done);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      continue;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
      return false;
    std::vector<pollfd> fds{{fd, events, 0}};
    if (!wait_for(fds, end, cancellation) && Clock::now() >= end)
      return false;
  }
  return true;
}

bool send_message(int fd, const std::string &payload, Clock::time_point end, const Cancellation &cancellation) {
  const std::string bytes = text(payload);
  return move(fd, POLLOUT, bytes.size(), end, cancellation,
              [&](std::size_t done) { return ::send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT); });
}

std::optional<std::string> read_message(int fd, Clock::time_point end, const Cancellation &cancellation) {
  const auto read = [&](std::string &into) {
    return move(fd, POLLIN, into.size(), end, cancellation,
                [&](std::size_t done) { return ::recv(fd, into.data() + done, into.size() - done, MSG_DONTWAIT); });
  };
  std::string size(4, '\0');
  if (!read(size))
    return std::nullopt;
  const std::uint32_t bytes = *Parts(size).number();
  if (bytes == 0 || bytes > longest_message)
    return std::nullopt;
  std::string payload(bytes, '\0');
  return read(payload) ? std::optional(std::move(payload)) : std::nullopt;
}

// The real agent's answer; throws Error (Connect) where there is none.
std::string ask_agent(const std::string &request, std::chrono::milliseconds timeout, const Cancellation &cancellation) {
  const char *path = std::getenv("SSH_AUTH_SOCK");
  if (path == nullptr || *path == '\0')
    throw Error(ErrorKind::Connect, "there is none: SSH_AUTH_SOCK is not set");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof address.sun_path)
    throw Error(ErrorKind::Connect, fmt::format("SSH_AUTH_SOCK {} is too long for a socket", path));
  std::strcpy(address.sun_path, path);
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0)
    throw Error(ErrorKind::Connect, fmt::format("{}: {}", path, std::strerror(errno)));
  const auto end = Clock::now() + timeout;
  std::optional<std::string> answer;
  if (send_message(socket.get(), request, end, cancellation))
    answer = read_message(socket.get(), end, cancellation);
  if (!answer)
    throw Error(ErrorKind::Connect, fmt::format("{}: {}", path,
                                                Clock::now() >= end ? fmt::format("no answer in {} s", timeout.count() / 1000)
                                                                    : "it hung up without an answer"));
  return *std::move(answer);
}

} // namespace

std::vector<AgentKey> agent_keys(std::chrono::milliseconds timeout, const Cancellation &cancellation) {
  const std::string answer = ask_agent(std::string(1, request_identities), timeout, cancellation);
  if (answer.front() != identities_answer)
    throw Error(ErrorKind::Connect, "it does not tell its keys");
  Parts parts(std::string_view(answer).substr(1));
  std::vector<AgentKey> keys;
  const std::uint32_t count = std::min(parts.number().value_or(0), most_keys);
  for (std::uint32_t i = 0; i < count; ++i) {
    auto blob = parts.text(), comment = parts.text();
    if (!blob || !comment)
      throw Error(ErrorKind::Connect, "its answer is cut short");
    if (const auto key = key_of(*blob))
      keys.push_back({*key, std::move(*blob), std::move(*comment)});
  }
  return keys;
}

AgentRelay::AgentRelay(std::chrono::milliseconds timeout, const Cancellation &cancellation)
    : timeout_(timeout), cancellation_(cancellation) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Error(ErrorKind::Connect, fmt::format("cannot make a socket pair: {}", std::strerror(errno)));
  ours_ = Descriptor(ends[0]);
  theirs_ = Descriptor(ends[1]);
  thread_ = std::thread([this] {
    try {
      serve();
    } catch (const std::exception &) { // cancelled, or no memory: whoever waits at the other end sees it close
    }
    ::shutdown(ours_.get(), SHUT_RDWR);
  });
}

AgentRelay::~AgentRelay() {
  ::shutdown(ours_.get(), SHUT_RDWR);
  thread_.join();
}

void AgentRelay::hold(const AgentKey &key) {
  const std::lock_guard lock(lock_);
  key_ = key;
}

void AgentRelay::serve() {
  constexpr auto day = std::chrono::hours(24); // until the other end closes
  while (const auto request = read_message(ours_.get(), Clock::now() + day, cancellation_))
    if (!send_message(ours_.get(), answer(*request), Clock::now() + timeout_, cancellation_))
      return;
}

std::string AgentRelay::answer(const std::string &request) {
  AgentKey key;
  {
    const std::lock_guard lock(lock_);
    key = key_;
  }
  if (request.front() == request_identities)
    return identities_answer + number(1) + text(key.blob) + text(key.comment);
  if (request.front() != sign_request || Parts(std::string_view(request).substr(1)).text() != key.blob)
    return {failure};
  try {
    return ask_agent(request, timeout_, cancellation_);
  } catch (const Error &) {
    return {failure};
  }
}

} // namespace banpush
