#include "app/plan_notes.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::size_t most_named = 3;

void note_lists(const Plan &plan, const Device &device, std::vector<std::string> &notes) {
  const bool is_said = std::any_of(plan.guards.begin(), plan.guards.end(), [](const GuardNote &note) { return note.name == "in_force"; });
  for (const ListState &state : plan.installed.lists)
    if (!is_said && !(state.stands && state.in_force))
      notes.push_back(
          fmt::format("list {} {}: {}; no ban is held back for that, because none is wanted there (`banpush setup {}` shows what "
                      "the device lacks)",
                      state.list, state.stands ? "is not in force" : "does not exist on the device", state.why_not, device.name));
}

void note_services(const Plan &plan, const Device &device, std::vector<std::string> &notes) {
  if (!device.policy.services)
    return;
  std::size_t count = 0;
  std::string named;
  for (const Wanted &one : plan.wanted)
    if (one.candidate.block.service.is_any() && count++ < most_named)
      named += (named.empty() ? "" : ", ") + one.candidate.block.prefix.text();
  if (count > 0)
    notes.push_back(fmt::format("services: {} of {} entries block the whole address ({}{}): their rows name no single port or range of one "
                                "protocol, or all",
                                count, plan.wanted.size(), named, count > most_named ? ", …" : ""));
}

} // namespace

std::vector<std::string> notes_on(const Plan &plan, const Device &device) {
  std::vector<std::string> notes;
  if (plan.intent != Intent::Push)
    return notes;
  note_lists(plan, device, notes);
  note_services(plan, device, notes);
  return notes;
}

} // namespace banpush
