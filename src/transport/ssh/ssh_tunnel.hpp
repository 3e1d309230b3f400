// A way to a device through another host: an SSH session to that, and on it one connection onwards.
#pragma once

#include "transport/ssh/ssh_session.hpp"

#include <thread>

namespace banpush {

// `user@host:port` of a jump host; user and port may be left out. Throws Error (Config).
struct JumpHost {
  std::string user, host;
  std::uint16_t port = 22;
};
JumpHost jump_host(const std::string &text);

// The jump host of a device as a target of its own, whose messages name both. Throws Error (Config).
SshTarget jump_target(const SshTarget &device);

class SshChannel;

class SshTunnel {
public:
  // Logs in at target.login.jump with the device's key or agent, never with its password, and connects
  // from there to `address`. Its host key stands in the same known_hosts. Throws Error (Connect, Auth).
  SshTunnel(const SshTarget &target, const std::string &address, const Credentials &credentials, std::shared_ptr<Dialogue> dialogue,
            const Cancellation &cancellation);
  SshTunnel(const SshTunnel &) = delete;
  SshTunnel &operator=(const SshTunnel &) = delete;
  ~SshTunnel(); // after our end has been closed

  // Our end of the connection, once.
  Descriptor take_end() noexcept { return std::move(ours_); }
  // The jump host's address, which is what the device sees as far as we know.
  std::optional<Prefix> seen_from() const noexcept { return seen_from_; }

private:
  void relay();

  SshSession session_;
  std::unique_ptr<SshChannel> channel_;
  std::optional<Prefix> seen_from_;
  Descriptor ours_, theirs_; // the two ends of a socket pair, the second the relay's
  std::thread thread_;
};

} // namespace banpush
