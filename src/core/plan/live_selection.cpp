#include "core/plan/live_selection.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace banpush {

namespace {

constexpr Seconds rounding = 2; // ages are whole seconds of two clocks

// Addresses of IPv4, /64s of IPv6, and how many there are: what limits.span counts.
double size_of(const Prefix &prefix) noexcept {
  const unsigned unit = prefix.family() == Family::IPv4 ? 32 : 64;
  return std::ldexp(1.0, prefix.length() >= unit ? 0 : static_cast<int>(unit - prefix.length()));
}
double space_of(std::size_t family) noexcept { return std::ldexp(1.0, family == index_of(Family::IPv4) ? 32 : 61); }

// Spreads the bits (the finalizer of MurmurHash3).
std::uint64_t mixed(std::uint64_t hash) noexcept {
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdU;
  hash = (hash ^ (hash >> 33U)) * 0xc4ceb9fe1a85ec53U;
  return hash ^ (hash >> 33U);
}

std::uint64_t hash_of(const Block &block, std::size_t list) noexcept {
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), block.prefix.bytes().data(), sizeof halves);
  const Service &service = block.service;
  const std::uint64_t rest = std::uint64_t{block.prefix.length()} << 48U | std::uint64_t{service.protocol} << 40U |
                             std::uint64_t{service.first} << 16U | service.last;
  const std::uint64_t kind = index_of(block.prefix.family()) + 2 * list;
  return mixed(halves[0] + mixed(halves[1] + mixed(rest + mixed(kind + 1))));
}

bool has_service(const Candidate &one) noexcept { return !one.block.service.is_any(); }

} // namespace

LiveSelection::LiveSelection(const Driver &driver, const Policy &policy, const Limits &limits, Capacity capacity,
                             const Candidates &candidates, const Selection &selection, const Installed &installed, Seconds elapsed)
    : driver_(&driver), policy_(policy), limits_(limits), capacity_(capacity), lists_(driver), use_(driver, capacity) {
  around_.foreign = installed.foreign;
  around_.lists = installed.lists;
  std::map<Block, std::uint64_t> hits;
  for (const Entry &entry : installed.entries)
    if (entry.hits != 0)
      hits[entry.block] = entry.hits;
  for (const Wanted &one : selection.wanted) {
    const auto hit = hits.find(one.candidate.block);
    put(one.candidate, lists_.of(one.candidate.block), worth_of_standing(one.candidate.worth, hit == hits.end() ? 0 : hit->second));
  }
  others_wait_ = std::any_of(selection.left_out.begin(), selection.left_out.end(),
                             [](const LeftOut &one) { return one.verdict == Verdict::OverBudget; });
  if (limits_.storm)
    for (const Candidate &one : candidates.wanted)
      if (one.since <= limits_.storm->hold + limits_.storm->within)
        births_.push_back(elapsed - one.since);
}

bool LiveSelection::can_follow(const Driver &driver, const Policy &policy) noexcept {
  if (policy.aggregate.mode != Aggregate::Mode::None && !policy.services)
    return true;
  const auto holds_nets = [&](Family family) {
    return std::any_of(driver.lists.begin(), driver.lists.end(), [&](const List &list) {
      return list.nets && (list.families.empty() || std::find(list.families.begin(), list.families.end(), family) != list.families.end());
    });
  };
  return std::none_of(driver.lists.begin(), driver.lists.end(), [](const List &list) { return list.disjoint; }) &&
         holds_nets(Family::IPv4) && holds_nets(Family::IPv6);
}

bool LiveSelection::is_limited(Kind kind) const noexcept {
  return (kind.second == Family::IPv4 ? capacity_.ipv4 : capacity_.ipv6) || driver_->lists[kind.first].most || driver_->most_entries;
}

void LiveSelection::put(const Candidate &candidate, std::uint16_t list, double score) {
  const Block &block = candidate.block;
  if (!standing_.try_emplace(block, Standing{list, score}).second)
    return;
  const Family family = block.prefix.family();
  sum_ += hash_of(block, list);
  use_.add(list, family);
  covered_[index_of(family)] += size_of(block.prefix);
  if (is_limited({list, family}))
    weakest_[{list, family}].emplace(score, block);
}

std::optional<Wanted> LiveSelection::drop(const Block &block) {
  const auto found = standing_.find(block);
  if (found == standing_.end())
    return std::nullopt;
  const Standing one = found->second;
  const Family family = block.prefix.family();
  if (const auto limited = weakest_.find({one.list, family}); limited != weakest_.end())
    limited->second.erase({one.score, block});
  sum_ -= hash_of(block, one.list);
  use_.take_back(one.list, family);
  covered_[index_of(family)] -= size_of(block.prefix);
  Wanted wanted;
  wanted.candidate.block = block;
  wanted.list = driver_->lists[one.list].name;
  standing_.erase(found);
  return wanted;
}

// Whether there is, or can be made, a place for the candidate.
bool LiveSelection::make_room(const Candidate &candidate, std::uint16_t list, Removed &removed) {
  const Family family = candidate.block.prefix.family();
  use_.add(list, family);
  const bool too_much = use_.is_too_much(list, family);
  use_.take_back(list, family);
  if (!too_much)
    return true;
  others_wait_ = true; // this one, or the one that leaves
  const auto &weakest = weakest_[{list, family}];
  if (weakest.empty() || weakest.begin()->first >= candidate.worth)
    return false;
  const Block leaving = weakest.begin()->second;
  if (const auto wanted = drop(leaving))
    removed.emplace(leaving, std::make_pair(*wanted, Why{Verdict::OverBudget, Why::Of::Entry}));
  return true;
}

bool LiveSelection::frees_awaited_place(const CandidateChange &change) const {
  return others_wait_ && std::any_of(change.gone.begin(), change.gone.end(), [&](const Candidate &one) {
           const auto standing = standing_.lower_bound(Block{one.block.prefix, {}}); // or the hosts it is held as
           return standing != standing_.end() && one.block.prefix.contains(standing->first.prefix);
         });
}

bool LiveSelection::may_storm(const CandidateChange &change, Seconds elapsed) {
  if (!limits_.storm)
    return false;
  for (const Candidate &one : change.come)
    births_.push_back(elapsed - one.since);
  std::erase_if(births_, [&](Seconds birth) { return elapsed - birth > limits_.storm->hold + limits_.storm->within + rounding; });
  if (births_.size() <= limits_.storm->bans)
    return false;
  std::sort(births_.begin(), births_.end());
  const std::size_t more = limits_.storm->bans;
  for (std::size_t i = 0; i + more < births_.size(); ++i)
    if (births_[i + more] - births_[i] <= limits_.storm->within + rounding)
      return true;
  return false;
}

bool LiveSelection::may_be_held(const CandidateChange &change, const Change &made, Seconds elapsed) {
  const bool storm = may_storm(change, elapsed);
  const auto before = standing_.size() + made.remove.size() - std::min(standing_.size() + made.remove.size(), made.add.size());
  if (made.add.empty() && made.remove.empty())
    return false;
  if (before == 0)
    return true;
  if (!made.add.empty() && storm)
    return true;
  const auto exceeds = [&](std::size_t count, double share) {
    return before > limits_.floor && static_cast<double>(count) > share * static_cast<double>(before);
  };
  const auto unexplained = std::count_if(made.remove.begin(), made.remove.end(), [](const auto &one) { return !explains(one.second); });
  for (std::size_t family = 0; family < covered_.size(); ++family)
    if (!made.add.empty() && covered_[family] > limits_.span * space_of(family))
      return true;
  return exceeds(made.add.size(), limits_.add) || exceeds(static_cast<std::size_t>(unexplained), limits_.remove);
}

LiveSelection::Change LiveSelection::update(const CandidateChange &change, Seconds elapsed) {
  Change made;
  // Services that no list here holds become any, and several of one address one: that takes all of them.
  for (const std::vector<Candidate> *side : {&change.gone, &change.come})
    for (const Candidate &one : *side)
      made.needs_whole = made.needs_whole || (has_service(one) && lists_.of(one.block) == Lists::none);
  made.needs_whole = made.needs_whole || frees_awaited_place(change);
  if (made.needs_whole)
    return made;

  Removed removed;
  for (std::size_t i = 0; i < change.gone.size(); ++i) {
    const Fitting fitting = fit(*driver_, lists_, {change.gone[i]}, policy_, around_);
    for (const Candidate &one : fitting.changed ? *fitting.changed : std::vector<Candidate>{change.gone[i]})
      if (const auto wanted = drop(one.block))
        removed.emplace(one.block, std::make_pair(*wanted, change.why[i]));
  }

  // What stays may be worth something else by now: one that stands is weighed anew, and one without a place asks for it again.
  std::vector<Candidate> asking = change.come;
  for (const Candidate &one : change.staying) {
    if (const auto standing = standing_.find(one.block); standing == standing_.end()) {
      if (others_wait_)
        asking.push_back(one);
    } else if (const auto limited = weakest_.find({standing->second.list, one.block.prefix.family()}); limited != weakest_.end()) {
      limited->second.erase({standing->second.score, one.block});
      standing->second.score = worth_of_standing(one.worth, 0);
      limited->second.emplace(standing->second.score, one.block);
    }
  }
  std::sort(asking.begin(), asking.end(), [](const Candidate &a, const Candidate &b) { return a.block < b.block; });
  const std::vector<Candidate> asked = asking;
  Fitting fitting = fit(*driver_, lists_, asking, policy_, around_);
  made.left_out = std::move(fitting.left_out);
  std::vector<Candidate> come = fitting.changed ? std::move(*fitting.changed) : std::move(asking);
  std::stable_sort(come.begin(), come.end(), [](const Candidate &a, const Candidate &b) { return a.worth > b.worth; });
  std::map<Block, Wanted> added;
  for (const Candidate &one : come) {
    const std::uint16_t list = lists_.of(one.block);
    if (standing_.contains(one.block))
      continue;
    if (!make_room(one, list, removed)) {
      made.left_out.push_back({one.block.prefix, Verdict::OverBudget, "over budget"});
      continue;
    }
    put(one, list, worth_of_standing(one.worth, 0));
    // It goes and comes where a network is held as its hosts: nothing changes for the device.
    if (removed.erase(one.block) == 0)
      added.emplace(one.block, Wanted{one, driver_->lists[list].name, {}});
  }
  for (auto &[block, wanted] : removed) {
    if (added.erase(block) == 0)
      made.remove.push_back(std::move(wanted));
    else
      made.left_out.push_back({block.prefix, Verdict::OverBudget, "over budget"});
  }
  for (auto &[block, wanted] : added)
    made.add.push_back(std::move(wanted));
  name_origins(made.add, asked, change.origins);
  made.needs_whole = may_be_held(change, made, elapsed);
  return made;
}

bool LiveSelection::is_held(const Installed &installed) const {
  if (installed.entries.size() != standing_.size())
    return false;
  std::uint64_t sum = 0;
  std::size_t list = 0;
  for (const Entry &entry : installed.entries) {
    if (!entry.in_force)
      return false;
    if (driver_->lists[list].name != entry.list) {
      const List *other = driver_->list(entry.list);
      if (other == nullptr)
        return false;
      list = static_cast<std::size_t>(other - driver_->lists.data());
    }
    sum += hash_of(entry.block, list);
  }
  return sum == sum_ &&
         std::all_of(installed.lists.begin(), installed.lists.end(), [](const ListState &one) { return one.stands && one.in_force; });
}

} // namespace banpush
