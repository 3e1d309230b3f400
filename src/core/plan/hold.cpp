#include "core/plan/plan.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace banpush {

namespace {

// Addresses of IPv4, /64s of IPv6: what limits.span counts.
double size_of(const Prefix &prefix) noexcept {
  const unsigned unit = prefix.family() == Family::IPv4 ? 32 : 64;
  return std::ldexp(1.0, prefix.length() >= unit ? 0 : static_cast<int>(unit - prefix.length()));
}

double space_of(Family family) noexcept { return std::ldexp(1.0, family == Family::IPv4 ? 32 : 61); } // 2000::/3 in /64s

std::string entries(std::size_t count) { return fmt::format("{} {}", count, count == 1 ? "entry" : "entries"); }

std::string percent(double share) { return fmt::format("{:g}%", share * 100); }

// An addition and what selection knew of it.
struct New {
  const Addition *addition = nullptr;
  const Candidate *candidate = nullptr;
};

class Holding {
public:
  Holding(const Change &change, const Limits &limits, const Installed &installed, const Remembered &remembered,
          const std::vector<Wanted> &wanted, const std::set<std::string> &forced)
      : change_(change), limits_(limits), installed_(installed), wanted_(wanted), forced_(forced) {
    std::vector<Prefix> known;
    for (const Entry &entry : installed.entries)
      known.push_back(entry.block.prefix);
    for (const Block &block : remembered.blocks)
      known.push_back(block.prefix);
    known_ = PrefixSet(std::move(known));
    for (const auto &[block, since] : remembered.ended)
      ended_.insert(block);
    base_ = std::max(installed.entries.size(), remembered.blocks.size());
  }

  Difference run() {
    hold_additions();
    hold_removals();
    for (const Addition &addition : change_.add)
      if (held_.count({addition.block, addition.list}) == 0)
        result_.change.add.push_back(addition);
    return std::move(result_);
  }

private:
  bool is_forced(const char *limit) const { return forced_.count(limit) != 0; }

  void hold_additions() {
    std::vector<New> unknown, all;
    for (const Addition &addition : change_.add) {
      const New one{&addition, candidate_of(addition.block)};
      all.push_back(one);
      // What stands there in another shape, or was there before a reload, is not new.
      if (!known_.overlap(addition.block.prefix))
        unknown.push_back(one);
    }
    by_worth(unknown);
    by_worth(all);
    if (base_ > 0) {
      if (limits_.storm && !is_forced("storm"))
        hold_storm(unknown);
      if (base_ > limits_.floor && !is_forced("add"))
        hold_excess(unknown);
    }
    if (!is_forced("span"))
      hold_beyond_span(all);
  }

  const Candidate *candidate_of(const Block &block) const {
    const auto found =
        std::lower_bound(wanted_.begin(), wanted_.end(), block, [](const Wanted &one, const Block &b) { return one.candidate.block < b; });
    return found != wanted_.end() && found->candidate.block == block ? &found->candidate : nullptr;
  }

  // The most worthwhile first; of equal ones by block.
  static void by_worth(std::vector<New> &additions) {
    std::sort(additions.begin(), additions.end(), [](const New &a, const New &b) {
      const double worth_a = a.candidate == nullptr ? 0 : a.candidate->worth, worth_b = b.candidate == nullptr ? 0 : b.candidate->worth;
      return worth_a != worth_b ? worth_a > worth_b : a.addition->block < b.addition->block;
    });
  }

  void hold_one(const New &one, const char *limit) {
    held_.insert({{one.addition->block, one.addition->list}, limit});
    result_.left_out.push_back({one.addition->block.prefix, Verdict::Held, fmt::format("held by the limit {}", limit)});
  }

  // The ages that belong to a storm: any stretch of `within` seconds in which more than `bans` of the
  // wanted blocks came into force. Only the last `hold` seconds are looked at.
  std::set<std::int32_t> stormy_ages() const {
    const Limits::Storm &storm = *limits_.storm;
    std::vector<std::int32_t> ages;
    for (const Wanted &one : wanted_)
      if (one.candidate.since <= storm.hold)
        ages.push_back(one.candidate.since);
    std::sort(ages.begin(), ages.end());
    std::set<std::int32_t> stormy;
    for (std::size_t first = 0, last = 0; first < ages.size(); ++first) {
      while (last < ages.size() && ages[last] - ages[first] <= storm.within)
        ++last;
      if (last - first > storm.bans)
        stormy.insert(ages.begin() + static_cast<std::ptrdiff_t>(first), ages.begin() + static_cast<std::ptrdiff_t>(last));
    }
    return stormy;
  }

  void hold_storm(std::vector<New> &additions) {
    const std::set<std::int32_t> stormy = stormy_ages();
    const auto first_held = std::stable_partition(additions.begin(), additions.end(), [&](const New &one) {
      return one.candidate == nullptr || stormy.count(one.candidate->since) == 0;
    });
    const auto count = static_cast<std::size_t>(additions.end() - first_held);
    for (auto one = first_held; one != additions.end(); ++one)
      hold_one(*one, "storm");
    additions.erase(first_held, additions.end());
    const Limits::Storm &storm = *limits_.storm;
    if (count > 0)
      result_.notes.push_back({"storm", fmt::format("more than {} bans came within {}: {} held back until {} old", storm.bans,
                                                    duration(storm.within), entries(count), duration(storm.hold))});
  }

  void hold_excess(std::vector<New> &additions) {
    const auto allowed = static_cast<std::size_t>(limits_.add * static_cast<double>(base_) + 1e-9);
    if (additions.size() <= allowed)
      return;
    result_.notes.push_back(
        {"add", fmt::format("{} would be added to {}, more than {}: at most the {} most worthwhile go, {} held back",
                            entries(additions.size()), base_, percent(limits_.add), allowed, additions.size() - allowed)});
    for (std::size_t i = allowed; i < additions.size(); ++i)
      hold_one(additions[i], "add");
    additions.resize(allowed);
  }

  void hold_beyond_span(const std::vector<New> &additions) {
    std::set<std::pair<Block, std::string>> leaving;
    for (const Removal &removal : change_.remove)
      leaving.insert({removal.block, removal.list});
    std::vector<Prefix> staying;
    for (const Entry &entry : installed_.entries)
      if (leaving.count({entry.block, entry.list}) == 0)
        staying.push_back(entry.block.prefix);
    std::map<Family, double> used;
    for (const Prefix &prefix : PrefixSet(std::move(staying)).collapsed())
      used[prefix.family()] += size_of(prefix);
    std::map<Family, std::size_t> held;
    for (const New &one : additions) {
      const Prefix &prefix = one.addition->block.prefix;
      if (held_.count({one.addition->block, one.addition->list}) != 0)
        continue;
      if (used[prefix.family()] + size_of(prefix) <= limits_.span * space_of(prefix.family())) {
        used[prefix.family()] += size_of(prefix);
        continue;
      }
      ++held[prefix.family()];
      hold_one(one, "span");
    }
    for (const auto &[family, count] : held)
      result_.notes.push_back(
          {"span", fmt::format("the entries would cover more than {} of the {} space: {} held back", percent(limits_.span),
                               family == Family::IPv4 ? "IPv4" : "global IPv6", entries(count))});
  }

  // The limit that holds the addition around this.
  std::string what_holds(const Prefix &prefix) const {
    const auto found = std::find_if(held_.begin(), held_.end(), [&](const auto &one) { return one.first.first.prefix.contains(prefix); });
    return found == held_.end() ? std::string() : found->second;
  }

  bool is_explained(const Removal &removal) const { return removal.explained || ended_.count(removal.block) != 0; }

  void hold_removals() {
    std::vector<Prefix> held_prefixes;
    for (const auto &[spot, limit] : held_)
      held_prefixes.push_back(spot.first.prefix);
    const PrefixSet waiting(std::move(held_prefixes));
    const auto unexplained = static_cast<std::size_t>(
        std::count_if(change_.remove.begin(), change_.remove.end(), [&](const Removal &removal) { return !is_explained(removal); }));
    const std::size_t installed = installed_.entries.size();
    const bool too_many = !is_forced("remove") && installed > limits_.floor &&
                          static_cast<double>(unexplained) > limits_.remove * static_cast<double>(installed) + 1e-9;
    for (const Removal &removal : change_.remove)
      if (too_many && !is_explained(removal))
        result_.kept.push_back({removal, "remove"});
      else if (waiting.covers(removal.block.prefix)) // what was to be merged into something that is held stays until that may go
        result_.kept.push_back({removal, what_holds(removal.block.prefix)});
      else
        result_.change.remove.push_back(removal);
    if (too_many)
      result_.notes.push_back({"remove", fmt::format("refusing to remove {} of {}: no expiry, unban or allow explains it (limit {})",
                                                     unexplained, installed, percent(limits_.remove))});
  }

  const Change &change_;
  const Limits &limits_;
  const Installed &installed_;
  const std::vector<Wanted> &wanted_;
  const std::set<std::string> &forced_;
  PrefixSet known_;
  std::set<Block> ended_;
  std::size_t base_ = 0;                                       // what the shares of `add` are of
  std::map<std::pair<Block, std::string>, const char *> held_; // by which limit
  Difference result_;
};

} // namespace

Difference hold(const Change &change, const Limits &limits, const Installed &installed, const Remembered &remembered,
                const std::vector<Wanted> &wanted, const std::set<std::string> &forced) {
  return Holding(change, limits, installed, remembered, wanted, forced).run();
}

} // namespace banpush
