// How much may be on its way to a command line unanswered: as much as makes the device any quicker, and never what it loses.
//
// It begins with what the platform is known to take, or what this device was seen to take before. While lines wait for their turn
// and answers take little longer than the quickest did, nothing lies in the device's buffer, and it doubles; where that brings no
// more answers a second, the step is taken back. The first damaged echo takes it down to one line at a time.
#pragma once

#include "core/driver/driver.hpp"
#include "transport/transport.hpp"
#include "transport/wait.hpp"

#include <cstddef>
#include <optional>

namespace banpush {

class CliPace {
public:
  // An exchange begins, in which no more may be on the way than this.
  void begin(const Window &window) noexcept;

  // Whether another line may go out, when with it so many lines and bytes are on the way. One may always.
  bool allows(std::size_t lines, std::size_t bytes) const noexcept;
  // Whether lines that were held back are to go out now, so many bytes being on the way: some together, not each by itself.
  bool is_time(std::size_t bytes) const noexcept { return bytes <= limit_ - limit_ / 4; }
  // The line of so many bytes that went out then was answered, its echo whole, and others wait for their turn or not.
  enum class Waiting { None, Lines };
  void answered(std::size_t bytes, Clock::time_point sent, Waiting waiting, Clock::time_point now) noexcept;
  // An echo came back damaged, or not at all, of a line that went out with so many bytes on the way.
  void damaged(std::size_t bytes) noexcept;

  bool is_lock_step() const noexcept { return lock_step_; }
  // Bytes that may be on the way now.
  std::size_t limit() const noexcept { return limit_; }

  void remember(Pace known) noexcept { known_ = known; }
  // What was learnt about the device, now and before.
  Pace learnt() const noexcept { return known_; }

private:
  void end_round(Clock::time_point now) noexcept;
  std::size_t most() const noexcept;

  Pace known_;
  Window window_;
  std::size_t limit_ = 0;
  bool lock_step_ = false; // for the rest of the session

  // A round: as many bytes are answered as may be on the way.
  std::optional<Clock::time_point> round_began_;
  std::size_t round_answered_ = 0;
  bool round_held_ = false;      // lines waited in it, so it says what the limit costs
  Clock::duration round_took_{}; // the answers in it, all together
  int round_lines_ = 0;
  Clock::duration least_ = Clock::duration::max(); // that an answer took in this session
  std::size_t fallback_ = 0;                       // the limit before the last step; 0: there was none
  double rate_ = 0;                                // answered bytes a second, before the last step
  unsigned vain_ = 0, rest_ = 0;                   // steps that brought nothing; rounds until the next is tried
};

} // namespace banpush
