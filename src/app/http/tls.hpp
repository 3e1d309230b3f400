// TLS of a server over sockets that do not block (OpenSSL), TLS 1.2 at least.
#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

namespace banpush {

// A certificate, with those that lead to its authority behind it, and its key.
class TlsIdentity {
public:
  // Both as PEM. Throws Error (Config) where they are none, or do not belong together.
  TlsIdentity(const std::string &certificates, const std::string &key);
  ~TlsIdentity();
  TlsIdentity(const TlsIdentity &) = delete;
  TlsIdentity &operator=(const TlsIdentity &) = delete;

private:
  friend class TlsSession;
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

class TlsSession {
public:
  // The socket stays the caller's, and the identity outlives the session.
  TlsSession(int socket, const TlsIdentity &identity);
  ~TlsSession();
  TlsSession(const TlsSession &) = delete;
  TlsSession &operator=(const TlsSession &) = delete;

  // Done: with `bytes` (0 of reading: the end); Reads, Writes: to be called again once the socket can do so; Broken: no more.
  struct Step {
    enum class Is { Done, Reads, Writes, Broken } is = Is::Broken;
    std::size_t bytes = 0;
  };
  Step accept() noexcept;
  Step read(char *to, std::size_t most) noexcept;
  Step write(const char *from, std::size_t size) noexcept;
  void say_goodbye() noexcept;

private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

} // namespace banpush
