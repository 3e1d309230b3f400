// Emulated devices behind real SSH (RFC 4253): one thread, one poll loop, any number of devices.
#pragma once

#include "lab/device/vty.hpp"

#include <functional>
#include <memory>
#include <poll.h>

namespace banpush::lab {

// Bytes of a host key as ssh writes them: `ssh-ed25519 AAAA…`.
struct KeyLine {
  std::string type, base64;
};

// A new ed25519 key pair in files `path` and `path.pub`. Throws Error (Config).
KeyLine new_key(const std::string &path);
// The public half of a private key file. Throws Error (Config).
KeyLine public_half(const std::string &path);

class SshConnection;

// One device listening on one address.
class SshDevice {
public:
  // Port 0 takes any free one. Throws Error (Config) when the address cannot be had.
  SshDevice(Emulated &device, const std::string &address, std::uint16_t port, const std::string &host_key);
  SshDevice(const SshDevice &) = delete;
  SshDevice &operator=(const SshDevice &) = delete;
  ~SshDevice();

  std::uint16_t port() const noexcept { return port_; }
  void add_to(std::vector<pollfd> &fds) const;
  // Takes what poll found, from the place where add_to put its own; the next place is given back.
  std::size_t serve(const std::vector<pollfd> &fds, std::size_t at, Clock::time_point now);
  std::optional<Clock::time_point> due() const;
  // Cuts every session, as when the power goes.
  void cut();

private:
  struct Bind;
  void accept(Clock::time_point now);

  Emulated &device_;
  std::unique_ptr<Bind> bind_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::uint64_t generation_ = 0;
  std::vector<std::unique_ptr<SshConnection>> connections_;
};

} // namespace banpush::lab
