#include "core/policy/candidates.hpp"

#include "core/policy/address_bans.hpp"
#include "core/policy/aggregate.hpp"

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

  // The rows by prefix, all or those of some prefixes.
  Candidates run(const std::vector<std::uint32_t> &order) {
    addresses(order);
    finish(order);
    return std::move(out_);
  }

private:
  const Prefix &prefix_of(std::uint32_t row) const noexcept { return bans_.rows()[row].block.prefix; }

  // Each prefix with the hosts that are widened to it. Networks between those hosts stand for themselves.
  void addresses(const std::vector<std::uint32_t> &order) {
    for (std::size_t first = 0; first < order.size();) {
      const Prefix target = widened(prefix_of(order[first]));
      std::size_t last = first + 1;
      while (last < order.size() && (prefix_of(order[last]) == target || widened(prefix_of(order[last])) == target))
        ++last;
      if (last == order.size() || !takes_hosts(target) || !target.contains(prefix_of(order[last]))) {
        address(Rows{order.data() + first, order.data() + last}, target);
        first = last;
        continue;
      }
      std::vector<std::uint32_t> of_target(order.begin() + static_cast<std::ptrdiff_t>(first),
                                           order.begin() + static_cast<std::ptrdiff_t>(last));
      std::vector<std::uint32_t> others;
      for (; last < order.size() && target.contains(prefix_of(order[last])); ++last)
        (widened(prefix_of(order[last])) == target ? of_target : others).push_back(order[last]);
      address(Rows{of_target.data(), of_target.data() + of_target.size()}, target);
      addresses(others);
      first = last;
    }
  }

  const std::optional<unsigned> &widen(Family family) const noexcept { return family == Family::IPv4 ? policy_.widen4 : policy_.widen6; }

  // Whether hosts are widened to a network of this length.
  bool takes_hosts(const Prefix &network) const noexcept {
    const auto &length = widen(network.family());
    return length && network.length() == std::max(*length, shortest(policy_, network.family())) && !network.is_host();
  }

  // What the ban of a host stands for: policy.widen, but never over what is allowed or protected.
  Prefix widened(const Prefix &prefix) const {
    const auto &length = widen(prefix.family());
    if (!length || !prefix.is_host())
      return prefix;
    const Prefix network = prefix.with_length(std::max(*length, shortest(policy_, prefix.family())));
    return never_.overlap(network) ? prefix : network;
  }

  void address(Rows rows, const Prefix &target) {
    const Tally tally = of_address_.tally(rows);
    if (tally.by_operator && !tally.in_force())
      unbanned_.push_back(target);
    if (!tally.in_force()) {
      // A row dated in the future explains nothing, and hides no other that does.
      const Verdict verdict = tally.verdict == Verdict::Future && !tally.only_ahead ? Verdict::Expired : tally.verdict;
      refuse(rows, target, verdict, {});
      refuse_parts(target, verdict);
      if (tally.verdict == Verdict::Expired || tally.verdict == Verdict::Unbanned)
        return;
      if (std::string why = of_address_.why(rows, tally); !why.empty())
        out_.left_out.push_back({target, tally.verdict, std::move(why)});
      return;
    }
    if (policy_.quorum && !of_address_.quorum(rows)) {
      refuse_parts(target, Verdict::NoQuorum);
      return refuse(rows, target, Verdict::NoQuorum, of_address_.why_no_quorum(tally));
    }
    if (target.length() < shortest(policy_, target.family()))
      return refuse(rows, target, Verdict::TooShort,
                    fmt::format("wider than /{}, the shortest that policy takes", shortest(policy_, target.family())));
    if (!policy_.reserved_allowed)
      if (const auto name = reserved(target))
        return refuse(rows, target, Verdict::Reserved, fmt::format("{} address space", *name));
    if (never_.overlap(target))
      return around_exceptions(rows, target, tally);
    name_rows(rows, target, Verdict::Covered);
    note_making(rows, target, tally);
    want(rows, target, tally, 1);
  }

  // What the target is made of, where that is more or else than the ban of its own prefix.
  void note_making(Rows rows, const Prefix &target, const Tally &tally) {
    if (std::any_of(rows.begin(), rows.end(), [&](std::uint32_t row) { return prefix_of(row) != target; })) {
      for (const Prefix &prefix : of_address_.prefixes_in_force(rows))
        making_.push_back({target, {prefix, tally.until}});
    } else if (cut_ && cut_->contains(target)) { // a part of that may be just this
      making_.push_back({target, {target, tally.until}});
    }
  }

  void refuse(Rows rows, const Prefix &target, Verdict verdict, std::string reason) {
    name_rows(rows, target, verdict);
    if (std::all_of(rows.begin(), rows.end(), [&](std::uint32_t row) { return prefix_of(row) == target; }))
      out_.verdicts.emplace_back(target, verdict);
    else
      out_.parts.emplace_back(target, verdict); // a ban of just this prefix is another than those of the hosts in it
    if (!reason.empty())
      out_.left_out.push_back({target, verdict, std::move(reason)});
  }

  // Of bans that are widened: each address, and each network among them, is known by itself.
  void name_rows(Rows rows, const Prefix &target, Verdict verdict) {
    if (std::all_of(rows.begin(), rows.end(), [&](std::uint32_t row) { return prefix_of(row) == target; }))
      return;
    const auto is_ahead = [this](std::uint32_t row) { return of_address_.rules().filter(bans_.rows()[row]) == Verdict::Future; };
    for (const std::uint32_t *first = rows.begin(); first != rows.end();) {
      const Prefix &prefix = prefix_of(*first);
      const std::uint32_t *last = std::find_if(first, rows.end(), [&](std::uint32_t row) { return prefix_of(row) != prefix; });
      out_.verdicts.emplace_back(prefix, std::all_of(first, last, is_ahead) ? Verdict::Future : verdict);
      first = last;
    }
  }

  // No row is in force. The entries that went were those that would be made of them now: cut out around the exceptions.
  void refuse_parts(const Prefix &target, Verdict verdict) {
    if (target.length() >= shortest(policy_, target.family()) && never_.overlap(target))
      for (const Prefix &part : never_.hole(target))
        if (part != target)
          out_.parts.emplace_back(part, verdict);
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
    for (const Prefix &part : parts) {
      making_.push_back({part, {target, tally.until}});
      want(rows, part, tally, parts.size());
    }
    if (!cut_ || !cut_->contains(target))
      cut_ = target;
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
    const std::vector<Origin> before = prefixes_of(out_.wanted);
    std::vector<Prefix> never(never_.begin(), never_.end());
    never.insert(never.end(), unbanned_.begin(), unbanned_.end());
    Aggregated aggregated = aggregate(std::move(out_.wanted), policy_, PrefixSet(std::move(never)));
    out_.wanted = std::move(aggregated.blocks);
    out_.innocents = aggregated.innocents;
    if (policy_.aggregate.mode == Aggregate::Mode::Lossy) {
      out_.least_share = policy_.aggregate.density;
      out_.most_innocents = policy_.aggregate.max_innocents;
    }
    out_.allow = allow_.set();
    out_.protect = protect_.set();
    std::stable_sort(making_.begin(), making_.end(), [](const auto &a, const auto &b) { return a.first < b.first; });
    note_covered(before);
    note_origins(before, aggregated.merged);
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
    for (auto *verdicts : {&out_.verdicts, &out_.parts}) {
      if (!std::is_sorted(verdicts->begin(), verdicts->end()))
        std::sort(verdicts->begin(), verdicts->end());
      verdicts->erase(std::unique(verdicts->begin(), verdicts->end()), verdicts->end());
    }
  }

  // Each once, in their order.
  static std::vector<Origin> prefixes_of(const std::vector<Candidate> &candidates) {
    std::vector<Origin> prefixes;
    prefixes.reserve(candidates.size());
    for (const Candidate &one : candidates)
      if (prefixes.empty() || prefixes.back().prefix != one.block.prefix)
        prefixes.push_back({one.block.prefix, one.until});
    if (!std::is_sorted(prefixes.begin(), prefixes.end(), by_prefix))
      std::sort(prefixes.begin(), prefixes.end(), by_prefix);
    return prefixes;
  }
  static bool by_prefix(const Origin &a, const Origin &b) noexcept { return a.prefix < b.prefix; }

  // What was wanted before it was merged.
  void note_covered(const std::vector<Origin> &before) {
    auto kept = out_.wanted.begin();
    for (const Origin &one : before) {
      kept = std::find_if(kept, out_.wanted.end(), [&](const Candidate &wanted) { return !(wanted.block.prefix < one.prefix); });
      if (kept == out_.wanted.end() || kept->block.prefix != one.prefix)
        (is_ban(one.prefix) ? out_.verdicts : out_.parts).emplace_back(one.prefix, Verdict::Covered);
    }
  }

  // What just this prefix was made of; nothing: a ban of it.
  auto making_of(const Prefix &prefix) const {
    return std::equal_range(making_.begin(), making_.end(), std::pair{prefix, Origin{}},
                            [](const auto &a, const auto &b) { return a.first < b.first; });
  }
  bool is_ban(const Prefix &prefix) const {
    const auto [first, last] = making_of(prefix);
    return first == last || std::any_of(first, last, [&](const auto &one) { return one.second.prefix == prefix; });
  }

  // What was wanted before it was merged is what a merged block is made of, or what that was cut out of or widened from.
  void note_origins(const std::vector<Origin> &before, const std::vector<std::size_t> &merged) {
    const auto add = [&](const Prefix &block, const Origin &part) {
      const auto [first, last] = making_of(part.prefix);
      if (first == last)
        out_.origins.emplace_back(block, part);
      for (auto one = first; one != last; ++one)
        out_.origins.emplace_back(block, one->second);
    };
    const auto is_wanted = [&](const Prefix &prefix) {
      const auto one = std::partition_point(out_.wanted.begin(), out_.wanted.end(),
                                            [&](const Candidate &candidate) { return candidate.block.prefix < prefix; });
      return one != out_.wanted.end() && one->block.prefix == prefix;
    };
    for (const auto &[prefix, origin] : making_)
      if (is_wanted(prefix))
        out_.origins.emplace_back(prefix, origin);
    for (const std::size_t place : merged) {
      const Prefix &block = out_.wanted[place].block.prefix;
      auto part = std::lower_bound(before.begin(), before.end(), Origin{block, 0}, by_prefix);
      if (part != before.end() && part->prefix == block)
        continue;
      for (std::optional<Prefix> last; part != before.end() && block.contains(part->prefix); ++part)
        if (!last || !last->contains(part->prefix)) {
          last = part->prefix;
          add(block, *part);
        }
    }
    const auto key = [](const auto &one) { return std::tie(one.first, one.second.prefix, one.second.until); };
    std::sort(out_.origins.begin(), out_.origins.end(), [&](const auto &a, const auto &b) { return key(a) > key(b); });
    // Of one ban, as long as it runs at the longest.
    const auto same = [](const auto &a, const auto &b) { return a.first == b.first && a.second.prefix == b.second.prefix; };
    out_.origins.erase(std::unique(out_.origins.begin(), out_.origins.end(), same), out_.origins.end());
    std::reverse(out_.origins.begin(), out_.origins.end());
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
  std::vector<Prefix> unbanned_;                  // by an operator: lossy merging stays off them
  std::vector<std::pair<Prefix, Origin>> making_; // what is wanted, and what it was cut out of or widened from
  std::optional<Prefix> cut_;                     // the last ban that was cut around exceptions, the widest of those around another
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
