// One connection, in the clear or over TLS, with an end of its time.
#pragma once

#include "app/http/tls.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace banpush {

class Channel {
public:
  using Time = std::chrono::steady_clock::time_point;

  // The socket stays the caller's. The identity, where it is not null, outlives the channel.
  Channel(int socket, const TlsIdentity *identity);

  // TLS's handshake. False: it did not come about in time.
  bool begin(Time until);
  // What comes up to the end of a request's head, and nothing behind it; of so many bytes at most. Nothing where it does not
  // come whole in time.
  enum class Lacks { Time, Room };
  struct Head {
    std::string text;
    std::optional<Lacks> lacks;
  };
  Head head(std::size_t most, Time until);
  // False: the other end did not take it all in time.
  bool write(std::string_view bytes, Time until);
  void end() noexcept;

private:
  enum class For { Read, Write };
  bool wait(For what, Time until) const;
  // Below zero: broken, or not in time.
  ssize_t read_some(char *to, std::size_t most, Time until);

  int socket_;
  std::optional<TlsSession> tls_;
};

} // namespace banpush
