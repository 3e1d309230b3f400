// Callers at the doorbell, each answered in a thread of its own.
#pragma once

#include "app/request/doorbell.hpp"
#include "app/serve/running.hpp"

#include <atomic>
#include <list>
#include <thread>

namespace banpush {

class Callers {
public:
  explicit Callers(Running &running) : running_(running) {}
  Callers(const Callers &) = delete;
  Callers &operator=(const Callers &) = delete;
  // Waits for all of them.
  ~Callers();

  // No more are to be taken now: the others wait in the socket's queue.
  bool full();

  // Where no thread can be had, the tables are looked at all the same, and the caller is told to ask again.
  void take(Descriptor socket);

private:
  struct Caller {
    Descriptor socket;
    std::atomic<bool> done = false;
    std::thread thread;
  };

  void serve(int socket) noexcept;
  void turn_away(int socket) noexcept;

  Running &running_;
  std::list<Caller> callers_;
};

} // namespace banpush
