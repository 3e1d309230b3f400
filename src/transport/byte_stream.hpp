// The two directions of a terminal session, so that the CLI can be driven over anything.
#pragma once

#include "transport/wait.hpp"

#include <string>
#include <string_view>
#include <thread>

namespace banpush {

class ByteStream {
public:
  virtual ~ByteStream() = default;
  // Takes some of the bytes, perhaps none, without waiting. Throws Error (Connect) when the other end is gone.
  virtual std::size_t write_some(std::string_view bytes) = 0;
  // What has come; waits for it at most until the deadline, and may return empty before that. Throws Error
  // (Connect) when the other end is gone and all it said has been read.
  virtual std::string read_some(Clock::time_point deadline) = 0;
  // Reads nothing for a moment. Throws Error (Connect) when cancelled.
  virtual void pause(std::chrono::milliseconds moment) { std::this_thread::sleep_for(moment); }
};

} // namespace banpush
