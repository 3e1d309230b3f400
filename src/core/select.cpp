#include "core/aggregate.hpp"
#include "core/plan.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

namespace banpush {

namespace {

// How much more than an incumbent's worth a newcomer must have to take its place.
constexpr double margin = 1.25;
// What hits read back from the device may add to an incumbent's worth: half of it, at 65,535 hits.
constexpr double most_for_hits = 0.5, hits_scale = 32;

const char *family_word(Family family) noexcept { return family == Family::IPv4 ? "IPv4" : "IPv6"; }

bool in_force(const Installed &installed, const std::string &list) noexcept {
  const ListState *state = installed.state(list);
  return state == nullptr || (state->stands && state->in_force);
}

// The hosts of a small network, for lists that hold no networks.
std::vector<Candidate> as_hosts(const Candidate &network) {
  const Prefix &prefix = network.block.prefix;
  const unsigned count = 1U << (prefix.width() - prefix.length());
  std::vector<Candidate> hosts(count, network);
  Prefix::Bytes bytes = prefix.bytes();
  for (unsigned i = 0; i < count; ++i) {
    hosts[i].block.prefix = Prefix(prefix.family(), bytes, prefix.width());
    hosts[i].worth = network.worth / count;
    ++bytes[prefix.width() / 8 - 1];
  }
  return hosts;
}

// What entries use of a device: slots of each family's budget, places in lists, places in all.
struct Use {
  std::map<Family, double> slots;
  std::map<const List *, std::size_t> entries;
  std::size_t total = 0;

  void add(const List &list, Family family) {
    slots[family] += list.cost;
    ++entries[&list];
    ++total;
  }
};

using Incumbents = std::map<std::pair<Block, std::string>, std::uint64_t>; // with their hits

class Selector {
public:
  Selector(const Driver &driver, const Policy &policy, Capacity capacity, const Installed &installed)
      : driver_(driver), policy_(policy), capacity_(capacity), installed_(installed) {
    std::vector<Prefix> covers;
    for (const Foreign &foreign : installed.foreign)
      if (foreign.covers && in_force(installed, foreign.list)) {
        covers.push_back(*foreign.covers);
        foreign_.emplace(*foreign.covers, &foreign);
      }
    foreign_set_ = PrefixSet(std::move(covers));
    for (const Foreign &foreign : installed.foreign)
      if (foreign.around || foreign.covers)
        near_[foreign.list].push_back(&foreign);
  }

  Selection run(const std::vector<Candidate> &candidates) {
    fit_services(candidates);
    const std::vector<Candidate> &fitting = reduced_ ? fitted_ : candidates;
    for (const Candidate &candidate : fitting)
      place(candidate);
    take_most_worthwhile();
    for (const Placed &one : placed_) {
      if (one.taken)
        selection_.wanted.push_back({one.candidate, one.list->name});
      else
        selection_.left_out.push_back({one.candidate.block.prefix, Verdict::OverBudget, "over the budget"});
    }
    sort_results();
    return std::move(selection_);
  }

private:
  struct Placed {
    Candidate candidate;
    const List *list = nullptr;
    bool taken = false;

    Family family() const noexcept { return candidate.block.prefix.family(); }
  };
  struct Rank {
    double score;
    bool incumbent;
    std::uint32_t place;

    friend bool operator<(const Rank &a, const Rank &b) noexcept {
      if (a.score != b.score)
        return a.score < b.score;
      if (a.incumbent != b.incumbent)
        return b.incumbent;
      return a.place > b.place;
    }
  };

  // Services that no list of the device holds become any; what then lies in one another is merged again.
  void fit_services(const std::vector<Candidate> &candidates) {
    const auto too_fine = [&](const Candidate &one) {
      return !one.block.service.is_any() && driver_.list_for(one.block.prefix, true) == nullptr;
    };
    reduced_ = std::any_of(candidates.begin(), candidates.end(), too_fine);
    if (!reduced_)
      return;
    std::vector<Candidate> all = candidates;
    for (Candidate &one : all)
      if (too_fine(one))
        one.block.service = {};
    Policy exactly;
    exactly.aggregate.mode = policy_.aggregate.mode == Aggregate::Mode::None ? Aggregate::Mode::None : Aggregate::Mode::Exact;
    exactly.shortest4 = policy_.shortest4;
    exactly.shortest6 = policy_.shortest6;
    fitted_ = aggregate(std::move(all), exactly, {}).blocks;
  }

  // The foreign entry on whose account an entry of this list is not needed, or cannot stand.
  const Foreign *in_the_way(const Prefix &prefix, const List *list) const {
    if (list != nullptr && list->longest_match)
      return foreign_set_.has(prefix) ? foreign_.at(prefix) : nullptr;
    if (const auto met = foreign_set_.empty() ? std::nullopt : foreign_set_.overlap(prefix); met && met->contains(prefix))
      return foreign_.at(*met);
    const auto near = list != nullptr && list->disjoint ? near_.find(list->name) : near_.end();
    if (near == near_.end())
      return nullptr;
    const auto meets = [&](const Foreign *foreign) { return (foreign->around ? *foreign->around : *foreign->covers).overlaps(prefix); };
    const auto found = std::find_if(near->second.begin(), near->second.end(), meets);
    return found == near->second.end() ? nullptr : *found;
  }

  // In a list whose entries may not overlap, what lies in a wider one of ours has no place. Candidates
  // come sorted, the wider first.
  bool lies_in_ours(const Prefix &prefix, const List &list) {
    if (!list.disjoint)
      return false;
    const auto [last, fresh] = last_in_.try_emplace(&list, prefix);
    if (!fresh && last->second.contains(prefix))
      return true;
    last->second = prefix;
    return false;
  }

  void place(const Candidate &candidate) {
    const Prefix &prefix = candidate.block.prefix;
    const List *list = driver_.list_for(prefix, !candidate.block.service.is_any());
    if (const Foreign *foreign = in_the_way(prefix, list))
      return leave_out(prefix, Verdict::Foreign, fmt::format("an entry of somebody else holds it: {}", shown(foreign->text, 60)));
    if (list != nullptr) {
      if (lies_in_ours(prefix, *list))
        return leave_out(prefix, Verdict::Covered, "lies in a wider entry of the same list");
      placed_.push_back({candidate, list, false});
      return;
    }
    const bool small = prefix.length() < prefix.width() && prefix.width() - prefix.length() <= 8;
    const List *for_hosts = small ? driver_.list_for(prefix.last_host(), !candidate.block.service.is_any()) : nullptr;
    if (for_hosts == nullptr)
      return leave_out(prefix, Verdict::NotHeld,
                       fmt::format("driver {} has no list for {} {}", driver_.name, family_word(prefix.family()),
                                   prefix.is_host() ? "hosts" : "networks"));
    for (const Candidate &host : as_hosts(candidate))
      placed_.push_back({host, for_hosts, false});
  }

  void leave_out(const Prefix &prefix, Verdict verdict, std::string reason) {
    selection_.left_out.push_back({prefix, verdict, std::move(reason)});
  }

  // Whether so much is more than the device has: of the family's budget, of the list, of all.
  bool is_too_much(const Use &use, const List &list, Family family) const {
    const auto &slots = family == Family::IPv4 ? capacity_.ipv4 : capacity_.ipv6;
    return (slots && use.slots.at(family) > static_cast<double>(*slots)) || (list.most && use.entries.at(&list) > *list.most) ||
           (driver_.most_entries && use.total > *driver_.most_entries);
  }

  Incumbents incumbents() const {
    Incumbents found;
    for (const Entry &entry : installed_.entries)
      if (entry.in_force && in_force(installed_, entry.list))
        found.emplace(std::pair{entry.block, entry.list}, entry.hits);
    return found;
  }

  // Those for which there is no lack of room are taken; of the others the most worthwhile, while the
  // family's budget, the list and the device have room.
  void take_most_worthwhile() {
    Use all;
    for (const Placed &one : placed_)
      all.add(*one.list, one.family());
    std::vector<Rank> ranks;
    std::set<std::pair<const List *, Family>> open;
    const auto standing = incumbents();
    for (std::uint32_t i = 0; i < placed_.size(); ++i) {
      Placed &one = placed_[i];
      one.taken = !is_too_much(all, *one.list, one.family());
      if (one.taken)
        continue;
      open.insert({one.list, one.family()});
      ranks.push_back(rank(i, standing));
    }
    Use used;
    for (const Placed &one : placed_)
      if (one.taken)
        used.add(*one.list, one.family());
    std::make_heap(ranks.begin(), ranks.end());
    for (auto end = ranks.end(); end != ranks.begin() && !open.empty(); --end) {
      std::pop_heap(ranks.begin(), end);
      Placed &one = placed_[std::prev(end)->place];
      if (open.count({one.list, one.family()}) == 0)
        continue;
      Use with_it = used;
      with_it.add(*one.list, one.family());
      one.taken = !is_too_much(with_it, *one.list, one.family());
      if (one.taken)
        used = std::move(with_it);
      else
        open.erase({one.list, one.family()}); // each entry of one list and family takes as much as the next
    }
  }

  Rank rank(std::uint32_t place, const Incumbents &standing) const {
    const Placed &one = placed_[place];
    const auto incumbent = standing.empty() ? standing.end() : standing.find({one.candidate.block, one.list->name});
    if (incumbent == standing.end())
      return {one.candidate.worth, false, place};
    const double for_hits = std::min(most_for_hits, std::log2(1 + static_cast<double>(incumbent->second)) / hits_scale);
    return {one.candidate.worth * margin * (1 + for_hits), true, place};
  }

  void sort_results() {
    const auto by_block = [](const Wanted &a, const Wanted &b) { return a.candidate.block < b.candidate.block; };
    if (!std::is_sorted(selection_.wanted.begin(), selection_.wanted.end(), by_block))
      std::sort(selection_.wanted.begin(), selection_.wanted.end(), by_block);
    std::stable_sort(selection_.left_out.begin(), selection_.left_out.end(),
                     [](const LeftOut &a, const LeftOut &b) { return a.prefix < b.prefix; });
  }

  const Driver &driver_;
  const Policy &policy_;
  Capacity capacity_;
  const Installed &installed_;
  std::map<Prefix, const Foreign *> foreign_;
  PrefixSet foreign_set_;
  std::map<std::string, std::vector<const Foreign *>> near_; // by list: those whose whereabouts are known
  std::map<const List *, Prefix> last_in_;
  std::vector<Candidate> fitted_;
  bool reduced_ = false;
  std::vector<Placed> placed_;
  Selection selection_;
};

} // namespace

Selection select(const Driver &driver, const Candidates &candidates, const Bans &, const Policy &policy, Capacity capacity,
                 const Installed &installed) {
  return Selector(driver, policy, capacity, installed).run(candidates.wanted);
}

} // namespace banpush
