// How many devices are worked on side by side.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>

namespace banpush {

// At most so many at a time, not counting those that have been at it for more than a second: they wait for their
// device, and a dead one delays no other by more than that.
class Slots {
  using Since = std::chrono::steady_clock::time_point;

public:
  explicit Slots(unsigned most) : most_(most) {}

  class Taken {
  public:
    explicit Taken(Slots &slots) : slots_(slots), place_(slots.take()) {}
    Taken(const Taken &) = delete;
    Taken &operator=(const Taken &) = delete;
    ~Taken() { slots_.give(place_); }

  private:
    Slots &slots_;
    std::list<Since>::iterator place_;
  };

private:
  std::list<Since>::iterator take();
  void give(std::list<Since>::iterator place);

  const unsigned most_;
  std::mutex lock_;
  std::condition_variable changed_;
  std::list<Since> since_; // of each that is taken, oldest first
};

} // namespace banpush
