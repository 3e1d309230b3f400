#include "core/address_bans.hpp"
#include "core/aggregate.hpp"
#include "core/live.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace banpush {

namespace {

// Named prefixes that can be looked up.
class NamedSet {
public:
  explicit NamedSet(const std::vector<NamedPrefix> &names) {
    std::vector<Prefix> prefixes;
    for (const NamedPrefix &named : names) {
      by_prefix_.push_back(&named);
      prefixes.push_back(named.prefix);
    }
    std::stable_sort(by_prefix_.begin(), by_prefix_.end(),
                     [](const NamedPrefix *a, const NamedPrefix *b) { return a->prefix < b->prefix; });
    set_ = PrefixSet(std::move(prefixes));
  }

  const PrefixSet &set() const noexcept { return set_; }

  // The one that contains the prefix or lies in it.
  const NamedPrefix *overlap(const Prefix &prefix) const {
    const auto found = set_.overlap(prefix);
    if (!found)
      return nullptr;
    return *std::lower_bound(by_prefix_.begin(), by_prefix_.end(), *found,
                             [](const NamedPrefix *named, const Prefix &p) { return named->prefix < p; });
  }

  // All that lie in the prefix.
  std::vector<const NamedPrefix *> inside(const Prefix &prefix) const {
    std::vector<const NamedPrefix *> found;
    auto named = std::lower_bound(by_prefix_.begin(), by_prefix_.end(), prefix,
                                  [](const NamedPrefix *one, const Prefix &p) { return one->prefix < p; });
    for (; named != by_prefix_.end() && prefix.contains((*named)->prefix); ++named)
      found.push_back(*named);
    return found;
  }

private:
  std::vector<const NamedPrefix *> by_prefix_;
  PrefixSet set_;
};

PrefixSet both(const PrefixSet &a, const PrefixSet &b) {
  std::vector<Prefix> all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  return PrefixSet(std::move(all)).collapsed();
}

unsigned shortest(const Policy &policy, Family family) noexcept { return family == Family::IPv4 ? policy.shortest4 : policy.shortest6; }

std::string by(const char *what, const NamedPrefix &named, const Prefix &banned) {
  if (named.prefix == banned)
    return fmt::format("{} by {}", what, named.why);
  if (named.prefix.contains(banned))
    return fmt::format("{} by {} ({})", what, named.why, named.prefix.text());
  return fmt::format("{} by {}, inside the ban of {}", what, named.why, banned.text());
}

class Evaluation {
public:
  Evaluation(const Bans &bans, const Policy &policy, const std::vector<NamedPrefix> &protect, Seconds elapsed)
      : bans_(bans), policy_(policy), allow_(policy.allow), protect_(protect), never_(both(allow_.set(), protect_.set())),
        of_address_(bans, policy, elapsed) {}

  // The rows by prefix, all or those of some prefixes, each prefix with all that is widened with it.
  Candidates run(const std::vector<std::uint32_t> &order) {
    for (std::size_t first = 0; first < order.size();) {
      const Prefix target = widened(prefix_of(order[first]));
      std::size_t last = first + 1;
      while (last < order.size() && (prefix_of(order[last]) == prefix_of(order[last - 1]) || widened(prefix_of(order[last])) == target))
        ++last;
      address(Rows{order.data() + first, order.data() + last}, target);
      first = last;
    }
    finish(order);
    return std::move(out_);
  }

private:
  const Prefix &prefix_of(std::uint32_t row) const noexcept { return bans_.rows()[row].block.prefix; }

  // The network a ban stands for: policy.widen, but never over what is allowed or protected.
  Prefix widened(const Prefix &prefix) const {
    const auto &widen = prefix.family() == Family::IPv4 ? policy_.widen4 : policy_.widen6;
    if (!widen || prefix.length() <= *widen)
      return prefix;
    const Prefix network = prefix.with_length(std::max(*widen, shortest(policy_, prefix.family())));
    return network.length() >= prefix.length() || never_.overlap(network) ? prefix : network;
  }

  void address(Rows rows, const Prefix &target) {
    const Tally tally = of_address_.tally(rows);
    if (tally.by_operator && !tally.in_force())
      unbanned_.push_back(target);
    if (!tally.in_force())
      return refuse(rows, target, tally.verdict,
                    tally.verdict == Verdict::Expired || tally.verdict == Verdict::Unbanned ? std::string() : of_address_.why(rows, tally));
    if (policy_.quorum && !of_address_.quorum(rows))
      return refuse(rows, target, Verdict::NoQuorum, of_address_.why_no_quorum(tally));
    if (target.length() < shortest(policy_, target.family()))
      return refuse(rows, target, Verdict::TooShort,
                    fmt::format("wider than /{}, the shortest that policy takes", shortest(policy_, target.family())));
    if (!policy_.reserved_allowed)
      if (const auto name = reserved(target))
        return refuse(rows, target, Verdict::Reserved, fmt::format("{} address space", *name));
    if (never_.overlap(target))
      return around_exceptions(rows, target, tally);
    want(rows, target, tally, 1);
  }

  void refuse(Rows rows, const Prefix &target, Verdict verdict, std::string reason) {
    out_.verdicts.emplace_back(target, verdict);
    for (const std::uint32_t row : rows)
      if (prefix_of(row) != out_.verdicts.back().first)
        out_.verdicts.emplace_back(prefix_of(row), verdict);
    if (!reason.empty())
      out_.left_out.push_back({target, verdict, std::move(reason)});
  }

  // Something allowed or protected contains the target, or lies in it.
  void around_exceptions(Rows rows, const Prefix &target, const Tally &tally) {
    const NamedPrefix *protecting = protect_.overlap(target), *allowing = allow_.overlap(target);
    if (protecting != nullptr && protecting->prefix.contains(target))
      return refuse(rows, target, Verdict::Protected, by("protected", *protecting, target));
    if (allowing != nullptr && allowing->prefix.contains(target))
      return refuse(rows, target, Verdict::Allowed, by("allowed", *allowing, target));
    refuse(rows, target, protecting != nullptr ? Verdict::Protected : Verdict::Allowed, {});
    for (const NamedPrefix *named : protect_.inside(target))
      out_.left_out.push_back({named->prefix, Verdict::Protected, by("protected", *named, target)});
    for (const NamedPrefix *named : allow_.inside(target))
      out_.left_out.push_back({named->prefix, Verdict::Allowed, by("allowed", *named, target)});
    const std::vector<Prefix> parts = never_.hole(target);
    for (const Prefix &part : parts)
      want(rows, part, tally, parts.size());
  }

  void want(Rows rows, const Prefix &prefix, const Tally &tally, std::size_t parts) {
    Candidate candidate;
    candidate.block.prefix = prefix;
    candidate.bans = tally.bans;
    candidate.hosts = tally.hosts;
    candidate.history = tally.history;
    candidate.jail = tally.jail;
    candidate.age = tally.age;
    candidate.since = tally.since;
    candidate.until = tally.until;
    candidate.worth = tally.worth / static_cast<double>(parts);
    if (!policy_.services) {
      out_.wanted.push_back(candidate);
      return;
    }
    for (const ServiceTally &one : of_address_.by_service(rows)) {
      candidate.block.service = one.service;
      candidate.bans = one.bans;
      candidate.until = one.until;
      out_.wanted.push_back(candidate);
    }
  }

  void finish(const std::vector<std::uint32_t> &order) {
    add_neighbours();
    std::vector<Prefix> never(never_.begin(), never_.end());
    never.insert(never.end(), unbanned_.begin(), unbanned_.end());
    Aggregated aggregated = aggregate(std::move(out_.wanted), policy_, PrefixSet(std::move(never)));
    out_.wanted = std::move(aggregated.blocks);
    out_.innocents = aggregated.innocents;
    out_.merges = policy_.aggregate.mode == Aggregate::Mode::Lossy;
    for (const std::size_t place : aggregated.merged)
      count_hosts(out_.wanted[place], order);
    out_.by_worth = ordered_by_worth(out_.wanted);
    const auto by_prefix = [](const LeftOut &a, const LeftOut &b) {
      return std::tie(a.prefix, a.verdict, a.reason) < std::tie(b.prefix, b.verdict, b.reason);
    };
    std::sort(out_.left_out.begin(), out_.left_out.end(), by_prefix);
    out_.left_out.erase(std::unique(out_.left_out.begin(), out_.left_out.end(),
                                    [](const LeftOut &a, const LeftOut &b) { return a.prefix == b.prefix && a.verdict == b.verdict; }),
                        out_.left_out.end());
    const auto first_of_prefix = [](const auto &a, const auto &b) { return a.first < b.first; };
    if (!std::is_sorted(out_.verdicts.begin(), out_.verdicts.end(), first_of_prefix))
      std::sort(out_.verdicts.begin(), out_.verdicts.end());
  }

  // Adds to each address's worth a share of that of the others in its network.
  void add_neighbours() {
    if (policy_.worth.neighbours <= 0)
      return;
    const auto network = [](const Candidate &one) {
      const Prefix &prefix = one.block.prefix;
      return prefix.with_length(std::min(prefix.length(), prefix.family() == Family::IPv4 ? 24U : 48U));
    };
    std::vector<Candidate> &all = out_.wanted;
    for (std::size_t first = 0; first < all.size();) {
      const Prefix around = network(all[first]);
      double sum = 0;
      std::size_t last = first;
      for (; last < all.size() && network(all[last]) == around; ++last)
        sum += all[last].worth;
      for (; first < last; ++first)
        all[first].worth += policy_.worth.neighbours * (sum - all[first].worth);
    }
  }

  // The hosts of a merged block are those of all bans in it, each counted once.
  void count_hosts(Candidate &block, const std::vector<std::uint32_t> &order) {
    const auto first =
        std::partition_point(order.begin(), order.end(), [&](std::uint32_t row) { return prefix_of(row) < block.block.prefix; });
    const auto last =
        std::partition_point(first, order.end(), [&](std::uint32_t row) { return block.block.prefix.contains(prefix_of(row)); });
    block.hosts =
        std::max(block.hosts, of_address_.hosts(Rows{order.data() + (first - order.begin()), order.data() + (last - order.begin())}));
  }

  const Bans &bans_;
  const Policy &policy_;
  NamedSet allow_, protect_;
  PrefixSet never_; // allowed and protected, collapsed
  AddressBans of_address_;
  std::vector<Prefix> unbanned_; // by an operator: lossy merging stays off them
  Candidates out_;
};

} // namespace

std::vector<std::uint32_t> ordered_by_worth(const std::vector<Candidate> &candidates) {
  std::vector<std::pair<double, std::uint32_t>> ranks;
  ranks.reserve(candidates.size());
  for (const Candidate &one : candidates)
    ranks.emplace_back(-one.worth, static_cast<std::uint32_t>(ranks.size()));
  std::sort(ranks.begin(), ranks.end());
  std::vector<std::uint32_t> order;
  order.reserve(ranks.size());
  for (const auto &[worth, place] : ranks)
    order.push_back(place);
  return order;
}

Candidates candidates(const Bans &bans, const Policy &policy, const std::vector<NamedPrefix> &protect) {
  if (bans.order().size() == bans.rows().size())
    return candidates_among(bans, policy, protect, bans.order(), 0);
  return candidates_among(bans, policy, protect, ordered_by_prefix(bans.rows()), 0);
}

Candidates candidates_among(const Bans &bans, const Policy &policy, const std::vector<NamedPrefix> &protect,
                            const std::vector<std::uint32_t> &order, Seconds elapsed) {
  return Evaluation(bans, policy, protect, elapsed).run(order);
}

} // namespace banpush
