// Waiting that has an end: deadlines, and the switch by which another thread ends a wait.
#pragma once

#include "transport/descriptor.hpp"

#include <atomic>
#include <chrono>
#include <poll.h>
#include <vector>

namespace banpush {

using Clock = std::chrono::steady_clock;

// Set once from any thread; every wait of the session it belongs to then ends at once.
class Cancellation {
public:
  Cancellation(); // throws Error (Connect) when the process has no descriptors left
  void cancel() noexcept;
  bool cancelled() const noexcept { return cancelled_; }
  // Readable once cancelled: for poll.
  int fd() const noexcept { return event_.get(); }

private:
  Descriptor event_;
  std::atomic<bool> cancelled_ = false;
};

// Polls until something is ready, the deadline is there, or the wait is cancelled. Entries with fd -1
// are left out. True when one of them is ready; throws Error (Connect) `cancelled`.
bool wait_for(std::vector<pollfd> &fds, Clock::time_point deadline, const Cancellation &cancellation);

} // namespace banpush
