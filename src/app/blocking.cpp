#include "app/blocking.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

// By what was read before the change, and the change as it was read back.
bool shows(const DeviceReport &report, const Prefix &prefix) {
  const Plan &plan = *report.plan;
  const bool changed = report.outcome == Outcome::Changed;
  const std::vector<Gap> before = gaps_in(plan.installed);
  const auto is_gone = [&](const Entry &entry) {
    return changed && std::any_of(plan.change.remove.begin(), plan.change.remove.end(),
                                  [&](const Removal &one) { return one.block == entry.block && one.list == entry.list; });
  };
  const auto is_added = [&](const Addition &one) {
    return one.block.prefix.contains(prefix) && !passes(report.gaps, {one.block, one.list}, prefix); // a list in force: it was verified
  };
  return (changed && std::any_of(plan.change.add.begin(), plan.change.add.end(), is_added)) ||
         std::any_of(plan.installed.entries.begin(), plan.installed.entries.end(),
                     [&](const Entry &entry) { return blocks(plan.installed, before, entry, prefix) && !is_gone(entry); });
}

// Why the list that holds it may block less than it seems; empty: nothing is known of the kind.
std::string doubt_of(const DeviceReport &report, const Prefix &prefix) {
  const Plan &plan = *report.plan;
  const auto holds = [&](const std::string &list) {
    const auto is_it = [&](const auto &one) { return one.list == list && one.block.prefix.contains(prefix); };
    return std::any_of(plan.installed.entries.begin(), plan.installed.entries.end(), is_it) ||
           std::any_of(plan.change.add.begin(), plan.change.add.end(), is_it);
  };
  for (const ListState &list : plan.installed.lists)
    if (!list.doubts.empty() && holds(list.list))
      return fmt::format("list {}: {}", list.list, list.doubts.front());
  return {};
}

// Somebody else's entry that blocks all of it.
const Foreign *blocks_already(const Installed &installed, const Prefix &prefix) {
  const auto found = std::find_if(installed.foreign.begin(), installed.foreign.end(), [&](const Foreign &one) {
    return one.covers && one.covers->contains(prefix) && installed.is_in_force(one.list);
  });
  return found == installed.foreign.end() ? nullptr : &*found;
}

void explain(const DeviceReport &report, const Prefix &prefix, Blocking &blocking) {
  const Plan &plan = *report.plan;
  // A guard of a list that the prefix is not wanted in does not keep it from anything.
  const auto is_of_another_list = [&](const GuardNote &note) {
    return !note.list.empty() && std::none_of(plan.wanted.begin(), plan.wanted.end(), [&](const Wanted &one) {
      return one.list == note.list && one.candidate.block.prefix.contains(prefix);
    });
  };
  for (const GuardNote &note : plan.guards) {
    if (is_of_another_list(note))
      continue;
    blocking.held = true; // what an earlier rule passes by, too: a person has to decide
    blocking.why = said_of(note, report.device);
    if (note.refuses())
      break;
  }
  for (const LeftOut &one : plan.left_out)
    if (one.prefix.contains(prefix) && one.verdict != Verdict::Held) {
      blocking.why = fmt::format("left out, {}: {}", word(one.verdict), one.reason);
      blocking.held = false; // policy's word, not a guard's
      return;
    }
}

} // namespace

Blocking blocking_of(const DeviceReport &report, const Prefix &prefix) {
  Blocking blocking;
  if (report.outcome == Outcome::Failed) {
    blocking.why = report.error;
    return blocking;
  }
  if (!report.plan) {
    blocking.why = report.paused ? fmt::format("paused: left alone until `banpush resume {}`", report.device) : std::string();
    return blocking;
  }
  if (!report.read)
    return blocking;
  blocking.shows = shows(report, prefix);
  if (*blocking.shows) {
    blocking.why = doubt_of(report, prefix);
    return blocking;
  }
  if (const Foreign *other = blocks_already(report.plan->installed, prefix)) {
    blocking.shows = true;
    blocking.why = fmt::format("by an entry of somebody else: {}", shown(other->text, 120));
    return blocking;
  }
  explain(report, prefix, blocking);
  return blocking;
}

Json to_json(const DeviceReport &report, const Blocking &blocking) {
  return {{"device", report.device}, {"outcome", word(report.outcome)}, {"shows", blocking.shows ? Json(*blocking.shows) : Json(nullptr)},
          {"why", blocking.why},     {"held", blocking.held},           {"paused", report.paused},
          {"error", report.error}};
}

} // namespace banpush
