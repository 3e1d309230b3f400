#include "app/http/channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>

namespace banpush {

namespace {

using Is = TlsSession::Step::Is;

// What whoever is at the other end still sends is read for so long: closed with something unread, the answer may be lost.
constexpr std::size_t most_after_the_end = 64U << 10U;

} // namespace

Channel::Channel(int socket, const TlsIdentity *identity) : socket_(socket) {
  if (identity != nullptr)
    tls_.emplace(socket, *identity);
}

bool Channel::wait(For what, Time until) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd one{socket_, static_cast<short>(what == For::Read ? POLLIN : POLLOUT), 0};
    const int count = left <= 0 ? 0 : ::poll(&one, 1, static_cast<int>(std::min<long long>(left, 3'600'000)));
    if (count > 0)
      return true;
    if (count == 0 || errno != EINTR)
      return false;
  }
}

bool Channel::begin(Time until) {
  while (tls_) {
    const auto step = tls_->accept();
    if (step.is == Is::Done)
      break;
    if (step.is == Is::Broken || !wait(step.is == Is::Reads ? For::Read : For::Write, until))
      return false;
  }
  return true;
}

ssize_t Channel::read_some(char *to, std::size_t most, Time until) {
  for (;;) {
    if (std::chrono::steady_clock::now() >= until)
      return -1;
    For waits = For::Read;
    if (tls_) {
      const auto step = tls_->read(to, most);
      if (step.is == Is::Done || step.is == Is::Broken)
        return step.is == Is::Done ? static_cast<ssize_t>(step.bytes) : -1;
      waits = step.is == Is::Reads ? For::Read : For::Write;
    } else {
      const ssize_t count = ::recv(socket_, to, most, MSG_DONTWAIT);
      if (count >= 0 || (errno != EAGAIN && errno != EINTR))
        return count;
    }
    if (!wait(waits, until))
      return -1;
  }
}

Channel::Head Channel::head(std::size_t most, Time until) {
  Head head;
  std::array<char, 2048> part{};
  for (;;) {
    const ssize_t count = read_some(part.data(), part.size(), until);
    if (count <= 0) {
      head.lacks = Lacks::Time;
      return head;
    }
    head.text.append(part.data(), static_cast<std::size_t>(count));
    const std::size_t end = head.text.find("\r\n\r\n");
    if (end != std::string::npos && end + 4 <= most) {
      head.text.resize(end + 4);
      return head;
    }
    if (head.text.size() >= most) {
      head.lacks = Lacks::Room;
      return head;
    }
  }
}

bool Channel::write(std::string_view bytes, Time until) {
  while (!bytes.empty()) {
    For waits = For::Write;
    if (tls_) {
      const auto step = tls_->write(bytes.data(), bytes.size());
      if (step.is == Is::Broken)
        return false;
      if (step.is == Is::Done) {
        bytes.remove_prefix(step.bytes);
        continue;
      }
      waits = step.is == Is::Reads ? For::Read : For::Write;
    } else {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(count));
        continue;
      }
      if (errno != EAGAIN && errno != EINTR)
        return false;
    }
    if (!wait(waits, until))
      return false;
  }
  return true;
}

void Channel::end() noexcept {
  if (tls_)
    tls_->say_goodbye();
  ::shutdown(socket_, SHUT_WR);
  std::array<char, 4096> part{};
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{500};
  std::size_t read = 0;
  while (read < most_after_the_end && wait(For::Read, until)) {
    const ssize_t count = ::recv(socket_, part.data(), part.size(), MSG_DONTWAIT);
    if (count <= 0 && !(count < 0 && (errno == EAGAIN || errno == EINTR)))
      return;
    read += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  }
}

} // namespace banpush
