// Work in a process of its own. Whatever it hangs on, a disk, a lock or a server: who waits for it has an end, and can
// end, too, which a process with a thread in an uninterruptible wait cannot.
#pragma once

#include "transport/descriptor.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>
#include <sys/types.h>

namespace banpush {

class BoundedWork {
public:
  using Clock = std::chrono::steady_clock;
  using Tell = std::function<void(const nlohmann::json &told)>;

  // Begins at once, on a copy of all that is here; to be made by a process of one thread. What the work writes to stderr
  // comes out on ours, its stdout does not. Where no process can be made the work is done here, without a bound.
  explicit BoundedWork(const std::function<void(const Tell &tell)> &work);
  BoundedWork(const BoundedWork &) = delete;
  BoundedWork &operator=(const BoundedWork &) = delete;
  ~BoundedWork(); // ends it, without waiting for that

  // What it tells next; nothing when it is silent until `end`, or has ended. Throws the Error that ended it.
  std::optional<nlohmann::json> next(Clock::time_point end);

private:
  void read_words();

  pid_t child_ = -1;
  Descriptor told_, words_;
  std::string rest_; // of a line not yet whole
  std::deque<std::string> lines_;
};

} // namespace banpush
