#include "transport/allowance.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <list>
#include <mutex>

namespace banpush {

namespace {

// The slowest line that a whole list is to come over.
constexpr std::size_t bytes_a_second = 256U << 10U;
constexpr int silences = 4;

// What all exchanges have together above the least of each.
class Common {
public:
  void take(const Allowance *who, std::size_t bytes) {
    const std::lock_guard lock(lock_);
    if (std::find(eldest_first_.begin(), eldest_first_.end(), who) == eldest_first_.end())
      eldest_first_.push_back(who);
    used_ += bytes;
  }
  void give_back(const Allowance *who, std::size_t bytes) {
    const std::lock_guard lock(lock_);
    eldest_first_.remove(who);
    used_ -= bytes;
  }
  bool has_room(const Allowance *who) {
    const std::lock_guard lock(lock_);
    return used_ < Allowance::together || (!eldest_first_.empty() && eldest_first_.front() == who);
  }

private:
  std::mutex lock_;
  std::size_t used_ = 0;
  std::list<const Allowance *> eldest_first_;
};

Common &common() {
  static Common one;
  return one;
}

std::chrono::milliseconds time_for(std::size_t bytes, std::chrono::milliseconds silence, std::chrono::milliseconds for_sending) {
  const std::size_t above = bytes - std::min(bytes, Allowance::least);
  return silences * silence + std::chrono::seconds(above / bytes_a_second) + for_sending;
}

} // namespace

Allowance::Allowance(std::size_t bytes, std::chrono::milliseconds silence, std::chrono::milliseconds for_sending)
    : most_(std::min(bytes, largest)), begin_(Clock::now()), end_(begin_ + time_for(most_, silence, for_sending)) {}

Allowance::~Allowance() {
  if (taken_ != 0)
    common().give_back(this, taken_);
}

void Allowance::settle() {
  const std::size_t all = std::max(bytes_, text_) + pieces_ * piece, above = all - std::min(all, least);
  if (above > taken_) {
    common().take(this, above - taken_);
    taken_ = above;
  }
  if (all <= most_)
    return;
  throw Error(ErrorKind::Device, fmt::format("it has said {} bytes{}, where {} is the limit", bytes_,
                                             bytes_ > most_ ? ""
                                             : pieces_ != 0 ? fmt::format(" in {} pieces, each counted with {} more", pieces_, piece)
                                                            : fmt::format(" that become {} on a screen", text_),
                                             most_));
}

void Allowance::received(std::size_t bytes) {
  bytes_ += bytes;
  settle();
}

void Allowance::pieces(std::size_t count, std::size_t text) {
  pieces_ += count;
  text_ = std::max(text_, text);
  settle();
}

void Allowance::check_time() const {
  const auto now = Clock::now();
  if (now < end_)
    return;
  throw Error(ErrorKind::Device,
              fmt::format("it has been talking for {} s without coming to an end ({} bytes came), where {} s is the limit",
                          std::chrono::round<std::chrono::seconds>(now - begin_).count(), bytes_,
                          std::chrono::round<std::chrono::seconds>(end_ - begin_).count()));
}

bool Allowance::has_room() const { return taken_ == 0 || common().has_room(this); }

} // namespace banpush
