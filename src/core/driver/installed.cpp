#include "core/driver/installed.hpp"

#include <algorithm>

namespace banpush {

const ListState *Installed::state(std::string_view list) const noexcept {
  const auto found = std::find_if(lists.begin(), lists.end(), [&](const ListState &state) { return state.list == list; });
  return found == lists.end() ? nullptr : &*found;
}

bool Installed::is_in_force(std::string_view list) const noexcept {
  const ListState *found = state(list);
  return found == nullptr || (found->stands && found->in_force);
}

std::size_t Installed::in_force(Family family) const noexcept {
  return static_cast<std::size_t>(std::count_if(
      entries.begin(), entries.end(), [&](const Entry &entry) { return entry.block.prefix.family() == family && is_in_force(entry); }));
}

bool Permit::meets(const Prefix &prefix) const noexcept { return !source || source->overlaps(prefix); }

Installed claimed(Installed installed, const std::vector<BlockIn> &known) {
  const auto is_known = [&](const Foreign &foreign) {
    return foreign.maybe && std::binary_search(known.begin(), known.end(), BlockIn{foreign.maybe->block, foreign.maybe->list});
  };
  const auto others = std::stable_partition(installed.foreign.begin(), installed.foreign.end(), is_known);
  for (auto one = installed.foreign.begin(); one != others; ++one)
    installed.entries.push_back(std::move(*one->maybe));
  installed.foreign.erase(installed.foreign.begin(), others);
  std::stable_sort(installed.entries.begin(), installed.entries.end(), [](const Entry &a, const Entry &b) { return a.block < b.block; });
  return installed;
}

Facts with_states(Facts facts, const Installed &installed) {
  for (const ListState &state : installed.lists) {
    facts.values[state.list + "_stands"] = state.stands ? "yes" : "";
    facts.values[state.list + "_in_force"] = state.stands && state.in_force ? "yes" : "";
    facts.values[state.list + "_first"] = state.stands && state.in_force && !state.may_be_passed && !state.may_lack ? "yes" : "";
    facts.values[state.list + "_permits"] = state.terminals != 0 ? "yes" : "";
    const bool foreign = std::any_of(installed.foreign.begin(), installed.foreign.end(),
                                     [&](const Foreign &one) { return one.list == state.list && !one.placeholder; });
    facts.values[state.list + "_foreign"] = foreign ? "yes" : "";
  }
  return facts;
}

std::vector<Foreign> of_others(const Installed &installed) {
  std::vector<Foreign> others;
  std::copy_if(installed.foreign.begin(), installed.foreign.end(), std::back_inserter(others),
               [](const Foreign &one) { return !one.placeholder; });
  return others;
}

} // namespace banpush
