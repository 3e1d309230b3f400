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
  // Called from many threads at a time. With a request, or, where what came is none, with the answer that it gets.
  struct Answers {
    std::function<HttpAnswer(const HttpRequest &request)> answer;
    std::function<void(int status)> refused;
  };
  // With whom a connection is encrypted; null: it is not.
  using Identity = std::function<std::shared_ptr<const TlsIdentity>()>;

  // Listens at once, at an IP address. Throws Error (Usage) where it cannot.
  Listener(const std::string &address, std::uint16_t port, Identity identity, Answers answers);
  Listener(const Listener &) = delete;
  Listener &operator=(const Listener &) = delete;
  // Throws Error (Usage) where nothing can be listened at there, whatever the port.
  static void require_address(const std::string &address);
  // Waits for the connections there are, which have little time.
  ~Listener();

private:
  struct Connection {
    Descriptor socket;
    std::string from, network; // an address; that, or of IPv6 its /64
    std::chrono::steady_clock::time_point since;
    std::atomic<bool> asked = false, done = false; // asked: its request has come
    std::thread thread;
  };

  void run() noexcept;
  void once();
  void take(Descriptor socket, std::string from, std::string network);
  void serve(Connection &connection) noexcept;
  void reply(Connection &connection);
  HttpAnswer answer(HttpRequest &request, const std::string &from) noexcept;
  HttpAnswer refuse(int status, std::string text) noexcept;
  bool full();
  void drop_who_asks_nothing();
  std::size_t connections_from(const std::string &network) const;

  const Identity identity_;
  const Answers answers_;
  Descriptor socket_, ended_; // ended_: readable once it is to end
  std::list<Connection> connections_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

} // namespace banpush
