#include "core/bans/invisible.hpp"

#include <algorithm>
#include <iterator>

namespace banpush {

namespace {

struct Range {
  char32_t first, last;
};

// A table, not a library: what records a ban loads as little as it can.
constexpr Range ranges[] = {
#include "core/bans/invisible_ranges.inc"
};

} // namespace

bool is_invisible(char32_t character) noexcept {
  const auto *range =
      std::upper_bound(std::begin(ranges), std::end(ranges), character, [](char32_t code, const Range &one) { return code < one.first; });
  return range != std::begin(ranges) && character <= std::prev(range)->last;
}

} // namespace banpush
