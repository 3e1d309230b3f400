// How much one exchange with a device may bring in, and for how long: a peer that talks without end, whatever it says and
// however slowly, costs a known amount of memory and time, and no other device anything.
#pragma once

#include "transport/wait.hpp"

#include <cstddef>
#include <string>

namespace banpush {

// As received, before anything is dropped or made of it.
class Allowance {
public:
  // What an exchange may have that asks for no list.
  static constexpr std::size_t least = 4U << 20U;
  // What all exchanges of the process may have together above the `least` of each.
  static constexpr std::size_t together = 128U << 20U;
  // What the largest exchange may have.
  static constexpr std::size_t largest = 192U << 20U;
  // What each line, or each tag of XML, counts for beside its bytes: what it costs once it is told apart.
  static constexpr std::size_t piece = 64;

  // An exchange from now on. It may be silent for `silence`; in all it may take four times that, and what the bytes and the
  // lines that are sent need on a slow line.
  Allowance(std::size_t bytes, std::chrono::milliseconds silence, std::chrono::milliseconds for_sending = {});
  Allowance(const Allowance &) = delete;
  Allowance &operator=(const Allowance &) = delete;
  ~Allowance();

  // Counts bytes as they come. Throws Error (Device) `it has said 5,000,000 bytes, where 4,194,304 is the limit`.
  void received(std::size_t bytes);
  // Counts lines or tags, which cost more than their bytes, and what text became of all that came. Throws as above.
  void pieces(std::size_t count, std::size_t text = 0);
  // Throws Error (Device) when the time is over: `it has been talking for 120 s without coming to an end (300 bytes came)`.
  void check_time() const;
  // When that is.
  Clock::time_point end() const noexcept { return end_; }

  // Whether more may be read now. False while other exchanges have all that the process may have together; of those that want
  // more than the `least` the eldest always may: all come to an end, one after the other.
  bool has_room() const;
  // Nothing was read for so long because there was no room: that is not the device's time.
  void prolong(std::chrono::milliseconds paused) noexcept { end_ += paused; }
  // How long to pause where there is none.
  static constexpr std::chrono::milliseconds pause{20};

private:
  void settle(); // with what all have together, and with the limit

  const std::size_t most_;
  const Clock::time_point begin_;
  Clock::time_point end_;
  std::size_t bytes_ = 0, pieces_ = 0, text_ = 0,
              taken_ = 0; // taken_: from what all have together
};

} // namespace banpush
