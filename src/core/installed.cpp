#include "core/installed.hpp"

#include <algorithm>

namespace banpush {

const ListState *Installed::state(std::string_view list) const noexcept {
  const auto found = std::find_if(lists.begin(), lists.end(), [&](const ListState &state) { return state.list == list; });
  return found == lists.end() ? nullptr : &*found;
}

std::size_t Installed::in_force(Family family) const noexcept {
  return static_cast<std::size_t>(std::count_if(entries.begin(), entries.end(), [&](const Entry &entry) {
    const ListState *list = state(entry.list);
    return entry.block.prefix.family() == family && entry.in_force && (list == nullptr || (list->stands && list->in_force));
  }));
}

Facts with_states(Facts facts, const Installed &installed) {
  for (const ListState &state : installed.lists) {
    facts.values[state.list + "_stands"] = state.stands ? "yes" : "";
    facts.values[state.list + "_in_force"] = state.stands && state.in_force ? "yes" : "";
  }
  return facts;
}

} // namespace banpush
