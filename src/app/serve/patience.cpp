#include "app/serve/patience.hpp"

#include <algorithm>

namespace banpush {

std::chrono::milliseconds Patience::failed(ErrorKind why) {
  using namespace std::chrono_literals;
  const bool login = why == ErrorKind::Auth;
  const std::chrono::milliseconds first = login ? 5min : 1s, most = login ? 1h : 5min;
  const auto wait = std::min(most, first * (1U << std::min(failures_, 12U)));
  ++failures_;
  return wait + std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, wait.count() / 4)(chance_));
}

} // namespace banpush
