#include "core/live.hpp"

#include <algorithm>

namespace banpush {

LiveSelection::LiveSelection(const Driver &driver, const Policy &policy, Capacity capacity, const Selection &selection,
                             const Installed &installed)
    : driver_(&driver), policy_(policy), lists_(driver), use_(driver, capacity) {
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
}

void LiveSelection::put(const Candidate &candidate, std::uint16_t list, double score) {
  const Block &block = candidate.block;
  if (!standing_.try_emplace(block, Standing{candidate, list, score}).second)
    return;
  use_.add(list, block.prefix.family());
  weakest_[{list, block.prefix.family()}].emplace(score, block);
}

std::optional<Wanted> LiveSelection::drop(const Block &block) {
  const auto found = standing_.find(block);
  if (found == standing_.end())
    return std::nullopt;
  const Standing &one = found->second;
  weakest_[{one.list, block.prefix.family()}].erase({one.score, block});
  use_.take_back(one.list, block.prefix.family());
  Wanted wanted{one.candidate, driver_->lists[one.list].name};
  standing_.erase(found);
  return wanted;
}

// Whether there is, or can be made, a place for the candidate.
bool LiveSelection::make_room(const Candidate &candidate, std::uint16_t list, std::map<Block, std::pair<Wanted, Verdict>> &removed) {
  const Family family = candidate.block.prefix.family();
  use_.add(list, family);
  const bool too_much = use_.is_too_much(list, family);
  use_.take_back(list, family);
  if (!too_much)
    return true;
  const auto &weakest = weakest_[{list, family}];
  if (weakest.empty() || weakest.begin()->first >= candidate.worth)
    return false;
  const Block leaving = weakest.begin()->second;
  if (const auto wanted = drop(leaving))
    removed.emplace(leaving, std::make_pair(*wanted, Verdict::OverBudget));
  return true;
}

LiveSelection::Change LiveSelection::update(const CandidateChange &change) {
  Change made;
  const auto has_service = [](const Candidate &one) { return !one.block.service.is_any(); };
  // Services that no list here holds become any, and several of one address one: that takes all of them.
  for (const std::vector<Candidate> *side : {&change.gone, &change.come})
    for (const Candidate &one : *side)
      made.needs_whole = made.needs_whole || (has_service(one) && lists_.of(one.block) == Lists::none);
  if (made.needs_whole)
    return made;

  std::map<Block, std::pair<Wanted, Verdict>> removed;
  for (std::size_t i = 0; i < change.gone.size(); ++i) {
    const Fitting fitting = fit(*driver_, lists_, {change.gone[i]}, policy_, around_);
    for (const Candidate &one : fitting.changed ? *fitting.changed : std::vector<Candidate>{change.gone[i]})
      if (const auto wanted = drop(one.block))
        removed.emplace(one.block, std::make_pair(*wanted, change.why[i]));
  }

  Fitting fitting = fit(*driver_, lists_, change.come, policy_, around_);
  made.left_out = std::move(fitting.left_out);
  std::vector<Candidate> come = fitting.changed ? std::move(*fitting.changed) : change.come;
  std::stable_sort(come.begin(), come.end(), [](const Candidate &a, const Candidate &b) { return a.worth > b.worth; });
  std::map<Block, Wanted> added;
  for (const Candidate &one : come) {
    const std::uint16_t list = lists_.of(one.block);
    if (!make_room(one, list, removed)) {
      made.left_out.push_back({one.block.prefix, Verdict::OverBudget, "over the budget"});
      continue;
    }
    put(one, list, worth_of_standing(one.worth, 0));
    // It goes and comes where a network is held as its hosts: nothing changes for the device.
    if (removed.erase(one.block) == 0)
      added.emplace(one.block, Wanted{one, driver_->lists[list].name});
  }
  for (auto &[block, wanted] : removed) {
    if (added.erase(block) == 0)
      made.remove.push_back(std::move(wanted));
    else
      made.left_out.push_back({block.prefix, Verdict::OverBudget, "over the budget"});
  }
  for (auto &[block, wanted] : added)
    made.add.push_back(std::move(wanted));
  return made;
}

} // namespace banpush
