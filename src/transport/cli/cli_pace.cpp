#include "transport/cli/cli_pace.hpp"

#include <algorithm>

namespace banpush {

namespace {

// What a step must bring to be kept, and how often one is tried in vain: a busy machine makes either look like the other.
constexpr double gain = 1.15;
constexpr unsigned most_vain = 2, rounds_of_rest = 8;

// Below this there is no room for two lines.
constexpr std::size_t least = 64;

} // namespace

std::size_t CliPace::most() const noexcept {
  const std::size_t lost_with = known_.lost_with == 0 ? window_.most : std::max<std::size_t>(1, known_.lost_with / 2);
  return std::min<std::size_t>(window_.most, lost_with);
}

void CliPace::begin(const Window &window) noexcept {
  window_ = window;
  limit_ = std::min(std::max<std::size_t>({window.bytes, known_.bytes, limit_}), most());
  round_began_.reset();
  round_answered_ = 0;
  round_held_ = false;
  round_took_ = {};
  round_lines_ = 0;
  fallback_ = 0;
}

bool CliPace::allows(std::size_t lines, std::size_t bytes) const noexcept {
  if (lines <= 1)
    return true;
  return !lock_step_ && limit_ >= least && lines <= window_.lines && bytes <= limit_;
}

void CliPace::answered(std::size_t bytes, Clock::time_point sent, Waiting waiting, Clock::time_point now) noexcept {
  if (lock_step_)
    return;
  least_ = std::min(least_, now - sent);
  if (!round_began_) { // the first answer has a round trip of its own
    round_began_ = now;
    return;
  }
  round_took_ += now - sent;
  ++round_lines_;
  round_held_ = round_held_ || waiting == Waiting::Lines;
  round_answered_ += bytes;
  if (round_answered_ >= limit_)
    end_round(now);
}

void CliPace::end_round(Clock::time_point now) noexcept {
  const double seconds = std::max(std::chrono::duration<double>(now - *round_began_).count(), 1e-6);
  const double rate = static_cast<double>(round_answered_) / seconds;
  const bool held = round_held_, lies_there = round_took_ > least_ * 3 / 2 * round_lines_;
  round_began_ = now;
  round_answered_ = 0;
  round_held_ = false;
  round_took_ = {};
  round_lines_ = 0;
  if (!held)
    return;
  if (fallback_ != 0 && rate < rate_ * gain) {
    limit_ = fallback_;
    ++vain_;
    rest_ = rounds_of_rest;
  }
  if (fallback_ != 0)
    known_.bytes = std::max(known_.bytes, limit_);
  fallback_ = 0;
  if (rest_ > 0) {
    --rest_;
    return;
  }
  if (lies_there || vain_ >= most_vain || limit_ >= most() || limit_ < least)
    return;
  rate_ = rate;
  fallback_ = limit_;
  limit_ = std::min(limit_ * 2, most());
}

void CliPace::damaged(std::size_t bytes) noexcept {
  lock_step_ = true;
  known_.lost_with = known_.lost_with == 0 ? bytes : std::min(known_.lost_with, bytes);
  known_.bytes = std::min(known_.bytes, most());
}

} // namespace banpush
