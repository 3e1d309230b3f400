#include "core/plan/plan.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

namespace {

using Spot = std::pair<Block, std::string>; // a block and the list it goes to

template <typename Item>
std::vector<Spot> spots(const std::vector<Item> &items) {
  std::vector<Spot> out;
  for (const Item &item : items)
    out.emplace_back(item.block, item.list);
  std::sort(out.begin(), out.end());
  return out;
}

// What stands in one and not in the other, for the message.
std::string first_difference(const std::vector<Spot> &planned, const std::vector<Spot> &spoken) {
  std::vector<Spot> only_planned, only_spoken;
  std::set_difference(planned.begin(), planned.end(), spoken.begin(), spoken.end(), std::back_inserter(only_planned));
  std::set_difference(spoken.begin(), spoken.end(), planned.begin(), planned.end(), std::back_inserter(only_spoken));
  std::string text;
  if (!only_planned.empty())
    text += fmt::format("{} of the plan {} in no line of the script (first: {})", only_planned.size(),
                        only_planned.size() == 1 ? "is" : "are", only_planned.front().first.text());
  if (!only_spoken.empty())
    text += fmt::format("{}{} in the script {} not of the plan (first: {})", text.empty() ? "" : "; ", only_spoken.size(),
                        only_spoken.size() == 1 ? "is" : "are", only_spoken.front().first.text());
  return text;
}

template <typename Item>
void compare(const char *what, const std::vector<Item> &plan, const std::vector<Item> &script, std::vector<GuardNote> &notes) {
  const auto planned = spots(plan), spoken = spots(script);
  if (planned != spoken)
    notes.push_back({"script", fmt::format("what the script {} is not what the plan {}: {}", what, what, first_difference(planned, spoken)),
                     GuardNote::Effect::Refuses});
}

void check_script(const Driver &driver, const Values &values, const Plan &plan, std::vector<GuardNote> &notes) {
  try {
    const Change spoken = read_back(driver, values, plan.script, plan.installed);
    compare("adds", plan.change.add, spoken.add, notes);
    compare("removes", plan.change.remove, spoken.remove, notes);
  } catch (const Error &error) {
    notes.push_back({"script", error.what(), GuardNote::Effect::Refuses});
  }
}

void check_prefix(const Prefix &prefix, const Policy &policy, const std::vector<NamedPrefix> &protect, std::vector<GuardNote> &notes) {
  const unsigned shortest = prefix.family() == Family::IPv4 ? policy.shortest4 : policy.shortest6;
  if (prefix.length() < shortest)
    notes.push_back({"shortest", fmt::format("{} is wider than /{}", prefix.text(), shortest), GuardNote::Effect::Refuses});
  if (const auto hit = overlap(protect, prefix))
    notes.push_back(
        {"protected", fmt::format("{} overlaps {} ({})", prefix.text(), hit->prefix.text(), hit->why), GuardNote::Effect::Refuses});
  if (const auto hit = overlap(policy.allow, prefix))
    notes.push_back({"allow", fmt::format("{} overlaps {} ({})", prefix.text(), hit->prefix.text(), hit->why), GuardNote::Effect::Refuses});
}

} // namespace

Guard::Ruling Guard::rule(const Plan &plan) const {
  Ruling ruling;
  if (!plan.change.empty()) {
    check_script(driver, values, plan, ruling.notes);
    for (const Addition &addition : plan.change.add)
      check_prefix(addition.block.prefix, policy, protect, ruling.notes);
    if (driver.evidence.level < EvidenceLevel::Captured && !accept_unproven)
      ruling.notes.push_back(
          {"unproven",
           fmt::format("driver {} was never seen at work on such a device; `accept_unproven: yes` in the configuration of {} lets it push",
                       driver.name, plan.device),
           GuardNote::Effect::Refuses});
    if (driver.most_entries && plan.wanted.size() > *driver.most_entries)
      ruling.notes.push_back({"capacity",
                              fmt::format("{} entries are wanted, the platform takes {}", plan.wanted.size(), *driver.most_entries),
                              GuardNote::Effect::Refuses});
  }
  const bool refused = std::any_of(ruling.notes.begin(), ruling.notes.end(), [](const GuardNote &note) { return note.refuses(); });
  if (!refused)
    ruling.cleared = Cleared(plan);
  return ruling;
}

} // namespace banpush
