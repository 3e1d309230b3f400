#include "core/policy/repeats.hpp"

#include "core/policy/address_bans.hpp"

#include <algorithm>
#include <numeric>

namespace banpush {

namespace {

Prefix widened(const Prefix &prefix, const Policy &policy) {
  const auto &length = prefix.family() == Family::IPv4 ? policy.widen4 : policy.widen6;
  return length && prefix.is_host() && *length < prefix.width() ? prefix.with_length(*length) : prefix;
}

// Calls with the rows of each address.
template <typename Call>
void each_address(const Bans &bans, const Policy &policy, Call call) {
  std::vector<Prefix> prefixes;
  prefixes.reserve(bans.rows().size());
  for (const Ban &ban : bans.rows())
    prefixes.push_back(widened(ban.block.prefix, policy));
  std::vector<std::uint32_t> order(prefixes.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return prefixes[a] < prefixes[b]; });
  for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
    while (last < order.size() && prefixes[order[last]] == prefixes[order[first]])
      ++last;
    call(Rows{order.data() + first, order.data() + last});
  }
}

// How far apart two rows may be to count for each other.
struct Reach {
  Seconds older, newer;
};

Reach reach_of(const Policy &policy) {
  const Seconds quorum = policy.quorum ? policy.quorum->within : -1;
  return {std::max(quorum, policy.escalate ? policy.escalate->window : -1), quorum};
}

} // namespace

std::vector<unsigned> places(const Bans &bans, const Policy &policy) {
  std::vector<unsigned> all(bans.rows().size(), 1);
  if (!policy.escalate)
    return all;
  AddressBans of_address(bans, policy);
  each_address(bans, policy, [&](Rows rows) {
    const auto found = of_address.places(rows);
    for (std::size_t i = 0; i < rows.size(); ++i)
      all[rows.first[i]] = found[i];
  });
  return all;
}

std::vector<bool> needed(const Bans &bans, const Policy &policy, Seconds ended_within) {
  std::vector<bool> all(bans.rows().size(), false);
  const Reach reach = reach_of(policy);
  if (reach.older < 0)
    return all;
  AddressBans of_address(bans, policy);
  const RowRules &rules = of_address.rules();
  each_address(bans, policy, [&](Rows rows) {
    std::vector<Seconds> lives{0}; // ages of those that others count for; 0: one to come
    const auto nth = of_address.places(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Ban &ban = bans.rows()[rows.first[i]];
      const Seconds left = rules.left(ban, nth[i]);
      if (rules.filter(ban) == Verdict::Wanted && !rules.revoked(ban) && (left == permanent || left + ended_within > 0))
        lives.push_back(rules.age(ban));
    }
    std::sort(lives.begin(), lives.end());
    for (const std::uint32_t row : rows) {
      if (rules.filter(bans.rows()[row]) != Verdict::Wanted)
        continue;
      const Seconds age = rules.age(bans.rows()[row]);
      const auto newest = std::lower_bound(lives.begin(), lives.end(), reach.older > age ? 0 : age - reach.older);
      all[row] = newest != lives.end() && (*newest <= age || (reach.newer >= 0 && *newest - age <= reach.newer));
    }
  });
  return all;
}

} // namespace banpush
