#include "app/verify.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::chrono::milliseconds pause_between_reads{50};

using Spot = std::pair<Block, std::string>;

std::vector<Spot> in_force(const Installed &installed) {
  std::vector<Spot> spots;
  for (const Entry &entry : installed.entries)
    if (entry.in_force)
      spots.emplace_back(entry.block, entry.list);
  std::sort(spots.begin(), spots.end());
  return spots;
}

std::string named(const std::vector<Spot> &spots) {
  std::string text;
  for (std::size_t i = 0; i < spots.size() && i < 3; ++i)
    text += (i == 0 ? "" : ", ") + spots[i].first.text();
  return spots.size() > 3 ? text + ", …" : text;
}

// Only what this plan was about: entries that others add or take meanwhile are the next pass's business.
std::string difference_of(const Plan &plan, const Installed &now) {
  const std::vector<Spot> there = in_force(now);
  std::vector<Spot> missing, left;
  std::string why;
  for (const Addition &addition : plan.change.add) {
    const Spot spot{addition.block, addition.list};
    const ListState *list = now.state(addition.list);
    if (list != nullptr && !(list->stands && list->in_force) && why.empty())
      why = fmt::format("list {} is not in force: {}", list->list, list->why_not);
    if (!std::binary_search(there.begin(), there.end(), spot))
      missing.push_back(spot);
  }
  std::vector<Spot> added;
  for (const Addition &addition : plan.change.add)
    added.emplace_back(addition.block, addition.list);
  std::sort(added.begin(), added.end());
  for (const Removal &removal : plan.change.remove) {
    const Spot spot{removal.block, removal.list};
    if (std::binary_search(there.begin(), there.end(), spot) && !std::binary_search(added.begin(), added.end(), spot) &&
        removal.reason != "there twice")
      left.push_back(spot);
  }
  std::string text;
  if (!missing.empty()) {
    const auto not_in_force = std::find_if(now.entries.begin(), now.entries.end(),
                                           [&](const Entry &entry) { return !entry.in_force && entry.block == missing.front().first; });
    text = fmt::format("the device does not show {} of {} added: {}", missing.size(), plan.change.add.size(), named(missing));
    if (not_in_force != now.entries.end())
      text += fmt::format(" ({})", not_in_force->why_not);
  }
  if (!left.empty())
    text += fmt::format("{}the device still shows {} of {} removed: {}", text.empty() ? "" : "; ", left.size(), plan.change.remove.size(),
                        named(left));
  if (text.empty())
    return why;
  return text;
}

bool before(const Entry &entry, const Block &block) { return entry.block < block; }

// What was installed, with the change done to it.
Installed with_change(Installed installed, const Change &change) {
  for (const Removal &removal : change.remove) {
    auto at = std::lower_bound(installed.entries.begin(), installed.entries.end(), removal.block, before);
    while (at != installed.entries.end() && at->block == removal.block)
      at = at->list == removal.list ? installed.entries.erase(at) : at + 1;
  }
  for (const Addition &addition : change.add) {
    Entry entry;
    entry.block = addition.block;
    entry.list = addition.list;
    const auto at = std::lower_bound(installed.entries.begin(), installed.entries.end(), addition.block, before);
    if (at == installed.entries.end() || at->block != addition.block || at->list != addition.list)
      installed.entries.insert(at, std::move(entry));
  }
  return installed;
}

// What the device holds by what it shows of the change alone: only where it shows exactly that, and it is
// proven that nobody else has changed anything since all was read.
std::optional<Installed> shown_change(Session &session, const Plan &plan) {
  const auto shown = session.shown();
  if (!shown)
    return std::nullopt;
  std::map<std::string, std::string> keys; // the device's names of the lists
  for (const List &list : session.driver().lists) {
    const auto name = session.values().find(list.name);
    keys[name == session.values().end() ? list.name : name->second] = list.name;
  }
  std::map<Spot, bool> due, there;
  for (const Removal &removal : plan.change.remove)
    due[{removal.block, removal.list}] = false;
  for (const Addition &addition : plan.change.add)
    due[{addition.block, addition.list}] = true;
  for (const Shown &one : *shown) {
    const auto key = keys.find(one.list);
    if (key == keys.end())
      return std::nullopt;
    there[{Block{one.prefix, {}}, key->second}] = one.there;
  }
  return there == due ? std::optional(with_change(plan.installed, plan.change)) : std::nullopt;
}

} // namespace

Verified verify(Session &session, const Plan &plan) {
  const auto end = std::chrono::steady_clock::now() + session.driver().settle;
  Verified verified;
  if (auto installed = shown_change(session, plan)) {
    verified.installed = std::move(*installed);
    return verified;
  }
  for (;;) {
    verified.installed = session.read();
    verified.difference = difference_of(plan, verified.installed);
    if (verified.difference.empty() || std::chrono::steady_clock::now() >= end)
      return verified;
    std::this_thread::sleep_for(pause_between_reads);
  }
}

} // namespace banpush
