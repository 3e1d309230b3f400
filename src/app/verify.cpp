#include "app/verify.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::chrono::milliseconds pause_between_reads{50};

using Spot = BlockIn;

// Of the spots a change is about, those that are there and as much in force as can be: a change of ten is not to cost what a device of a
// hundred thousand holds.
std::vector<Spot> in_force(const Installed &installed, const Change &change) {
  std::vector<Block> asked;
  for (const Addition &addition : change.add)
    asked.push_back(addition.block);
  for (const Removal &removal : change.remove)
    asked.push_back(removal.block);
  std::sort(asked.begin(), asked.end());
  std::vector<Spot> spots;
  for (const Entry &entry : installed.entries)
    if (entry.settled() && std::binary_search(asked.begin(), asked.end(), entry.block))
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
  const std::vector<Spot> there = in_force(now, plan.change);
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
                                           [&](const Entry &entry) { return !entry.settled() && entry.block == missing.front().first; });
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

// What was held before, with the change done to it.
Installed with_change(Installed known, const Change &change) {
  std::vector<Spot> gone;
  for (const Removal &removal : change.remove)
    gone.emplace_back(removal.block, removal.list);
  std::sort(gone.begin(), gone.end());
  if (!gone.empty())
    std::erase_if(known.entries, [&](const Entry &one) { return std::binary_search(gone.begin(), gone.end(), Spot{one.block, one.list}); });
  const auto by_block = [](const Entry &a, const Entry &b) { return a.block < b.block; };
  std::vector<Entry> come;
  for (const Addition &addition : change.add) {
    Entry entry;
    entry.block = addition.block;
    entry.list = addition.list;
    const auto [first, last] = std::equal_range(known.entries.begin(), known.entries.end(), entry, by_block);
    if (std::none_of(first, last, [&](const Entry &one) { return one.list == addition.list; }))
      come.push_back(std::move(entry));
  }
  std::sort(come.begin(), come.end(), by_block);
  const auto middle = static_cast<std::ptrdiff_t>(known.entries.size());
  known.entries.insert(known.entries.end(), std::make_move_iterator(come.begin()), std::make_move_iterator(come.end()));
  std::inplace_merge(known.entries.begin(), known.entries.begin() + middle, known.entries.end(), by_block);
  return known;
}

// Whether the device shows exactly the change, and it is proven that nobody else has changed anything since all was read.
bool shows_change(Session &session, const Plan &plan) {
  const auto shown = session.shown();
  if (!shown)
    return false;
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
      return false;
    there[{Block{one.prefix, {}}, key->second}] = one.there;
  }
  return there == due;
}

// Entries in force that one of the two has and the other has not, by block and list.
std::size_t lacking(const Installed &one, const Installed &other) {
  std::size_t count = 0;
  auto at = other.entries.begin();
  for (const Entry &entry : one.entries) {
    if (!entry.settled())
      continue;
    while (at != other.entries.end() && at->block < entry.block)
      ++at;
    auto same = at;
    while (same != other.entries.end() && same->block == entry.block && !(same->settled() && same->list == entry.list))
      ++same;
    count += same == other.entries.end() || same->block != entry.block ? 1 : 0;
  }
  return count;
}

} // namespace

Verified verify(Session &session, const Plan &plan, Installed known) {
  const auto end = std::chrono::steady_clock::now() + session.driver().settle;
  Verified verified;
  if (shows_change(session, plan)) {
    verified.by = Verified::By::Change;
    verified.installed = with_change(std::move(known), plan.change);
    return verified;
  }
  for (;;) {
    verified.installed = session.read();
    verified.difference = difference_of(plan, verified.installed);
    if (verified.difference.empty() || std::chrono::steady_clock::now() >= end)
      break;
    std::this_thread::sleep_for(pause_between_reads);
  }
  const Installed expected = with_change(std::move(known), plan.change);
  verified.gone = lacking(expected, verified.installed);
  verified.come = lacking(verified.installed, expected);
  return verified;
}

} // namespace banpush
