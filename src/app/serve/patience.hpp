// How long a device that failed is left alone before it is tried again.
#pragma once

#include "core/error.hpp"

#include <chrono>
#include <random>

namespace banpush {

// Doubles with each failure in a row, from a second to five minutes; after a refused login from five minutes to an
// hour, so that no account is locked. Up to a quarter is added by chance: devices that failed together come apart.
class Patience {
public:
  explicit Patience(std::uint_fast32_t seed) : chance_(seed) {}

  std::chrono::milliseconds failed(ErrorKind why);
  void succeeded() noexcept { failures_ = 0; }
  unsigned failures() const noexcept { return failures_; }

private:
  std::minstd_rand chance_;
  unsigned failures_ = 0;
};

} // namespace banpush
