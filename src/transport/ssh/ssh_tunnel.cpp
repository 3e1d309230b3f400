#include "transport/ssh/ssh_tunnel.hpp"

#include "transport/ssh/ssh_channel.hpp"
#include "transport/tcp.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <sys/socket.h>
#include <system_error>

namespace banpush {

JumpHost jump_host(const std::string &text) {
  JumpHost jump;
  std::string_view rest = text;
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    jump.user = rest.substr(0, at);
    rest.remove_prefix(at + 1);
  }
  std::string_view port;
  if (!rest.empty() && rest.front() == '[') { // [2001:db8::1]:2222
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos)
      throw Error(ErrorKind::Config, fmt::format("jump host \"{}\": `[` without `]`", text));
    port = rest.substr(end + 1);
    jump.host = rest.substr(1, end - 1);
  } else if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos && colon == rest.rfind(':')) {
    port = rest.substr(colon);
    jump.host = rest.substr(0, colon);
  } else { // a name, or an IPv6 address without a port
    jump.host = rest;
  }
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), jump.port);
    if (port.front() != ':' || error != std::errc() || end != port.data() + port.size() || jump.port == 0)
      throw Error(ErrorKind::Config, fmt::format("jump host \"{}\": \"{}\" is no port", text, port));
  }
  if (jump.host.empty())
    throw Error(ErrorKind::Config, fmt::format("jump host \"{}\" names no host; it is written user@host:port", text));
  return jump;
}

SshTarget jump_target(const SshTarget &device) {
  const JumpHost jump = jump_host(device.login.jump);
  SshTarget target = device;
  target.device = device.name;
  target.name = fmt::format("{} (jump host {})", device.name, jump.host);
  target.addresses = {jump.host};
  target.port = jump.port;
  target.login.username = jump.user.empty() ? device.login.username : jump.user;
  target.login.jump.clear();
  target.login_suffix.clear();
  target.password_question = {};
  target.login.legacy_algorithms = false; // asked for because of the device
  return target;
}

SshTunnel::SshTunnel(const SshTarget &target, const std::string &address, const Credentials &credentials,
                     std::shared_ptr<Dialogue> dialogue, const Cancellation &cancellation)
    : session_(jump_target(target), std::move(dialogue), cancellation) {
  session_.open({{}, credentials.passphrase, {}});
  seen_from_ = session_.peer();
  channel_ = std::make_unique<SshChannel>(session_, address, target.port, target.timeout);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Error(ErrorKind::Connect, fmt::format("cannot make a socket pair: {}", std::strerror(errno)));
  ours_ = Descriptor(ends[0]);
  theirs_ = Descriptor(ends[1]);
  set_nonblocking(theirs_.get());
  try {
    thread_ = std::thread([this] {
      try {
        relay();
      } catch (const std::exception &) { // the session that goes through sees its connection end, and says so
      }
      ::shutdown(theirs_.get(), SHUT_RDWR);
    });
  } catch (const std::system_error &error) {
    throw Error(ErrorKind::Connect, fmt::format("no thread for the way through {}: {}", target.login.jump, error.what()));
  }
}

SshTunnel::~SshTunnel() {
  ours_.reset();
  ::shutdown(theirs_.get(), SHUT_RDWR);
  if (thread_.joinable())
    thread_.join();
}

void SshTunnel::relay() {
  constexpr std::size_t most_held = 1U << 20U;
  std::string inward, outward; // on the way to us, and from us
  while (true) {
    if (inward.size() < most_held) { // else what comes stays with the network
                                     // until this side has read
      channel_->pump();
      inward += channel_->take_output();
      channel_->take_errors();
    }
    if (!inward.empty()) {
      const ssize_t n = ::send(theirs_.get(), inward.data(), inward.size(), MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN && errno != EINTR)
        return;
      inward.erase(0, n > 0 ? static_cast<std::size_t>(n) : 0);
    }
    if (outward.empty()) {
      std::array<char, 32768> buffer;
      const ssize_t n = ::recv(theirs_.get(), buffer.data(), buffer.size(), 0);
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return;
      outward.assign(buffer.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    }
    if (!outward.empty())
      outward.erase(0, channel_->write_some(outward));
    if (channel_->at_end() && inward.empty())
      return;
    const auto events = static_cast<short>((inward.empty() ? 0 : POLLOUT) | (outward.empty() ? POLLIN : 0));
    session_.wait(Clock::now() + std::chrono::hours(1), {theirs_.get(), events, 0});
  }
}

} // namespace banpush
