#include "core/address/prefix_set.hpp"

#include <algorithm>

namespace banpush {

PrefixSet::PrefixSet(std::vector<Prefix> prefixes) : prefixes_(std::move(prefixes)) {
  std::sort(prefixes_.begin(), prefixes_.end());
  prefixes_.erase(std::unique(prefixes_.begin(), prefixes_.end()), prefixes_.end());
}

bool PrefixSet::has(const Prefix &prefix) const noexcept { return std::binary_search(prefixes_.begin(), prefixes_.end(), prefix); }

namespace {

// The widest member of the sorted set that contains the prefix. Members around it can be anywhere
// before it, so each length is looked up.
const Prefix *around(const std::vector<Prefix> &set, const Prefix &prefix) noexcept {
  for (unsigned length = 0; length <= prefix.length(); ++length) {
    const Prefix wider = prefix.with_length(length);
    const auto found = std::lower_bound(set.begin(), set.end(), wider);
    if (found == set.end())
      return nullptr;
    if (*found == wider)
      return &*found;
    // Nothing of the set lies between the wider network and the prefix: no longer one can be there.
    if (prefix < *found)
      return nullptr;
  }
  return nullptr;
}

} // namespace

bool PrefixSet::covers(const Prefix &prefix) const noexcept { return around(prefixes_, prefix) != nullptr; }

std::optional<Prefix> PrefixSet::overlap(const Prefix &prefix) const noexcept {
  if (const Prefix *wider = around(prefixes_, prefix))
    return *wider;
  const auto inside = std::lower_bound(prefixes_.begin(), prefixes_.end(), prefix);
  if (inside != prefixes_.end() && prefix.contains(*inside))
    return *inside;
  return std::nullopt;
}

PrefixSet PrefixSet::collapsed() const {
  // Sorted input: whatever is merged is at the end of the result, as on a stack.
  PrefixSet result;
  std::vector<Prefix> &stack = result.prefixes_;
  stack.reserve(prefixes_.size());
  for (const Prefix &prefix : prefixes_) {
    if (!stack.empty() && stack.back().contains(prefix))
      continue;
    Prefix merged = prefix;
    while (!stack.empty() && merged.length() > 0 && stack.back().length() == merged.length() && stack.back() == merged.sibling()) {
      stack.pop_back();
      merged = merged.with_length(merged.length() - 1);
    }
    stack.push_back(merged);
  }
  return result;
}

namespace {

// What IPv6 space stands for IPv4: no block of either family lies there.
bool is_mapped(const Prefix &prefix) noexcept {
  static const Prefix::Bytes start{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return prefix.family() == Family::IPv6 && prefix.length() >= 96 && std::equal(start.begin(), start.begin() + 12, prefix.bytes().begin());
}

// Halves the prefix until each part is free of members or lies in one. `inside` are the members in
// it, sorted.
void cut(const Prefix &prefix, std::vector<Prefix>::const_iterator first, std::vector<Prefix>::const_iterator last,
         std::vector<Prefix> &left) {
  if (first == last) {
    if (!is_mapped(prefix))
      left.push_back(prefix);
    return;
  }
  if (first->length() <= prefix.length())
    return;
  const Prefix low = prefix.with_length(prefix.length() + 1), high = low.sibling();
  const auto middle = std::lower_bound(first, last, high);
  cut(low, first, middle, left);
  cut(high, middle, last, left);
}

} // namespace

std::vector<Prefix> PrefixSet::hole(const Prefix &prefix) const {
  std::vector<Prefix> left;
  if (covers(prefix))
    return left;
  const auto first = std::lower_bound(prefixes_.begin(), prefixes_.end(), prefix);
  const auto last = std::find_if_not(first, prefixes_.end(), [&](const Prefix &member) { return prefix.contains(member); });
  cut(prefix, first, last, left);
  return left;
}

} // namespace banpush
