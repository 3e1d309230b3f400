#include "app/prospect.hpp"

#include "app/dead_man.hpp"
#include "core/plan/plan.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace banpush {

namespace {

// Guards that only a look at the device brings out: what the last push said of them.
std::vector<std::string> held_lately(const std::vector<Condition> &conditions) {
  std::vector<std::string> found;
  for (const Condition &one : conditions)
    if (one.text.starts_with("held by") &&
        std::none_of(liftable.begin(), liftable.end(), [&](const char *limit) { return one.name == limit; }))
      found.push_back(one.text);
  return found;
}

} // namespace

const Condition *Prospect::list(const std::string &name) const {
  const auto found = std::find_if(conditions.begin(), conditions.end(), [&](const Condition &one) { return one.name == "list " + name; });
  return found == conditions.end() ? nullptr : &*found;
}

std::string Prospect::of(const std::string &name) const {
  std::vector<std::string> against = obstacles;
  if (const Condition *of_list = list(name))
    against.push_back("no push brings it there now: " + of_list->text);
  if (!against.empty())
    return fmt::format("{}", fmt::join(against, "; "));
  const auto held = held_lately(conditions);
  return held.empty() ? "the next push brings it"
                      : fmt::format("the next push brings it, unless it is among what was {}", fmt::join(held, "; "));
}

Prospect prospect_of(State &state, const Config &config, const Device &device) {
  Prospect made{{}, state.plain_conditions(device.name)};
  if (state.paused(device.name))
    made.obstacles.push_back(fmt::format("paused: no push goes there until `banpush resume {}`", device.name));
  if (config.driver(device).evidence.level < EvidenceLevel::Captured && !device.accept_unproven)
    made.obstacles.push_back(fmt::format("pushes are refused: the driver {} is unproven", device.driver));
  if (const auto unconfirmed = state.awaits_confirm(device.name))
    made.obstacles.push_back(text_of(*unconfirmed));
  for (const Condition &one : made.conditions)
    if (one.name == "unreachable" || one.name == "login" || one.name == "failing")
      made.obstacles.push_back("the last push failed: " + one.text);
    else if (one.text.starts_with("refused by"))
      made.obstacles.push_back("the last push was " + one.text);
  return made;
}

} // namespace banpush
