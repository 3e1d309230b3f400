// The listening end of HTTP: connections, bounded in number, size and time, each in a thread of its own that nothing else of
// the service waits for.
#pragma once

#include "app/http/message.hpp"
#include "app/http/tls.hpp"
#include "transport/descriptor.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>

namespace banpush {

class Listener {
public:
  // Called from many threads at a time.
  using Answers = std::function<HttpAnswer(const HttpRequest &request)>;
  // With whom a connection is encrypted; null: it is not.
  using Identity = std::function<std::shared_ptr<const TlsIdentity>()>;

  // Listens at once, at an IP address. Throws Error (Usage) where it cannot.
  Listener(const std::string &address, std::uint16_t port, Identity identity, Answers answers);
  Listener(const Listener &) = delete;
  Listener &operator=(const Listener &) = delete;
  // Waits for the connections there are, which have little time.
  ~Listener();

private:
  struct Connection {
    Descriptor socket;
    std::string from;
    std::atomic<bool> done = false;
    std::thread thread;
  };

  void run() noexcept;
  void once();
  void take(Descriptor socket, std::string from);
  void serve(Connection &connection) noexcept;
  void reply(Connection &connection);
  HttpAnswer answer(HttpRequest &request, const std::string &from) noexcept;
  bool full();
  std::size_t connections_from(const std::string &from) const;

  const Identity identity_;
  const Answers answers_;
  Descriptor socket_, ended_; // ended_: readable once it is to end
  std::list<Connection> connections_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

} // namespace banpush
