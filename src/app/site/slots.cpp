#include "app/site/slots.hpp"

#include <algorithm>

namespace banpush {

namespace {

constexpr std::chrono::seconds at_work{1};

} // namespace

std::list<Slots::Since>::iterator Slots::take() {
  std::unique_lock lock(lock_);
  for (;;) {
    const Since now = std::chrono::steady_clock::now();
    const auto first = std::find_if(since_.begin(), since_.end(), [&](Since since) { return since + at_work > now; });
    if (std::distance(first, since_.end()) < static_cast<std::ptrdiff_t>(most_))
      return since_.insert(since_.end(), now);
    changed_.wait_until(lock, *first + at_work);
  }
}

void Slots::give(std::list<Since>::iterator place) {
  const std::lock_guard lock(lock_);
  since_.erase(place);
  changed_.notify_one();
}

} // namespace banpush
