#include "small_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace banpush;
using namespace banpush::test;

namespace {

Driver any_driver() {
  Driver driver;
  driver.name = "test";
  const auto list = [](const char *name, std::vector<Family> families, bool hosts, bool nets) {
    List made;
    made.name = name;
    made.families = std::move(families);
    made.hosts = hosts;
    made.nets = nets;
    return made;
  };
  switch (*rc::gen::inRange(0, 3)) {
  case 0: driver.lists = {list("all", {Family::IPv4, Family::IPv6}, true, true)}; break;
  case 1: driver.lists = {list("four", {Family::IPv4}, true, true), list("six", {Family::IPv6}, true, true)}; break;
  default:
    driver.lists = {list("hosts", {Family::IPv4, Family::IPv6}, true, false), list("nets", {Family::IPv4, Family::IPv6}, false, true)};
    break;
  }
  driver.lists.back().cost = *rc::gen::element(1.0, 2.0);
  if (*rc::gen::arbitrary<bool>())
    driver.lists.front().most = *rc::gen::inRange<std::size_t>(0, 8);
  if (*rc::gen::arbitrary<bool>())
    driver.most_entries = *rc::gen::inRange<std::size_t>(0, 12);
  return driver;
}

Capacity any_capacity() {
  Capacity capacity;
  if (*rc::gen::arbitrary<bool>())
    capacity.ipv4 = *rc::gen::inRange<std::size_t>(0, 10);
  if (*rc::gen::arbitrary<bool>())
    capacity.ipv6 = *rc::gen::inRange<std::size_t>(0, 10);
  return capacity;
}

// Something of what is wanted, something else, in force or not.
Installed any_installed(const Driver &driver, const Candidates &candidates) {
  Installed installed;
  const auto put = [&](const Block &block) {
    const List *list = driver.list_for(block.prefix, false);
    if (list == nullptr ||
        std::any_of(installed.entries.begin(), installed.entries.end(), [&](const Entry &entry) { return entry.block == block; }))
      return;
    Entry entry;
    entry.block = block;
    entry.list = list->name;
    entry.in_force = *rc::gen::inRange(0, 5) != 0;
    entry.hits = *rc::gen::element<std::uint64_t>(0, 0, 100, 1000000);
    installed.entries.push_back(entry);
  };
  for (const Candidate &one : candidates.wanted)
    if (*rc::gen::arbitrary<bool>())
      put(one.block);
  for (const Prefix &prefix : *rc::gen::container<std::vector<Prefix>>(any_prefix()))
    put({prefix, {}});
  if (*rc::gen::inRange(0, 4) == 0)
    installed.foreign.push_back({driver.lists.front().name, "somebody's", *any_prefix()});
  std::sort(installed.entries.begin(), installed.entries.end(), [](const Entry &a, const Entry &b) { return a.block < b.block; });
  return installed;
}

using Places = std::vector<std::pair<Block, std::string>>;

Places places(const std::vector<Wanted> &wanted) {
  Places all;
  for (const Wanted &one : wanted)
    all.emplace_back(one.candidate.block, one.list);
  return all;
}

// What the device holds after the change.
Installed applied(const Installed &installed, const Change &change, bool add_first) {
  Installed after = installed;
  const auto add = [&] {
    for (const Addition &addition : change.add) {
      const auto there = std::find_if(after.entries.begin(), after.entries.end(),
                                      [&](const Entry &entry) { return entry.block == addition.block && entry.list == addition.list; });
      if (there != after.entries.end())
        after.entries.erase(there);
      Entry entry;
      entry.block = addition.block;
      entry.list = addition.list;
      after.entries.push_back(entry);
    }
  };
  if (add_first)
    add();
  for (const Removal &removal : change.remove)
    after.entries.erase(std::remove_if(after.entries.begin(), after.entries.end(),
                                       [&](const Entry &entry) { return entry.block == removal.block && entry.list == removal.list; }),
                        after.entries.end());
  if (!add_first)
    add();
  std::sort(after.entries.begin(), after.entries.end(), [](const Entry &a, const Entry &b) { return a.block < b.block; });
  return after;
}

Places places(const Installed &installed) {
  Places all;
  for (const Entry &entry : installed.entries)
    all.emplace_back(entry.block, entry.list);
  return all;
}

} // namespace

TEST_CASE("selection keeps to every size, loses nothing without a reason, and is stable") {
  CHECK(rc::check([] {
    const auto rows = *rc::gen::container<std::vector<AnyRow>>(any_row());
    const Bans bans = bans_of(rows);
    const Policy policy = any_policy();
    const Candidates all = candidates(bans, policy, {});
    const Driver driver = any_driver();
    const Capacity capacity = any_capacity();
    const Installed installed = any_installed(driver, all);
    const Selection selection = select(driver, all, bans, policy, capacity, installed);
    RC_ASSERT(selection.wanted.size() + selection.left_out.size() == all.wanted.size());

    double slots4 = 0, slots6 = 0;
    std::map<std::string, std::size_t> entries;
    for (const Wanted &one : selection.wanted) {
      (one.candidate.block.prefix.family() == Family::IPv4 ? slots4 : slots6) += driver.list(one.list)->cost;
      ++entries[one.list];
    }
    RC_ASSERT(!capacity.ipv4 || slots4 <= static_cast<double>(*capacity.ipv4));
    RC_ASSERT(!capacity.ipv6 || slots6 <= static_cast<double>(*capacity.ipv6));
    RC_ASSERT(!driver.lists.front().most || entries[driver.lists.front().name] <= *driver.lists.front().most);
    RC_ASSERT(!driver.most_entries || selection.wanted.size() <= *driver.most_entries);
    if (!capacity.ipv4 && !capacity.ipv6 && !driver.lists.front().most && !driver.most_entries)
      for (const LeftOut &one : selection.left_out)
        RC_ASSERT(one.verdict == Verdict::Foreign);

    // As it stands after the push, hits and all: nothing moves.
    Installed after;
    after.foreign = installed.foreign;
    for (const Wanted &one : selection.wanted) {
      Entry entry;
      entry.block = one.candidate.block;
      entry.list = one.list;
      for (const Entry &before : installed.entries)
        if (before.block == entry.block && before.list == entry.list && before.in_force)
          entry.hits = before.hits;
      after.entries.push_back(entry);
    }
    const Selection again = select(driver, all, bans, policy, capacity, after);
    RC_ASSERT(places(again.wanted) == places(selection.wanted));
  }));
}

TEST_CASE("applying the difference gives exactly what is wanted") {
  CHECK(rc::check([] {
    const auto rows = *rc::gen::container<std::vector<AnyRow>>(any_row());
    const Bans bans = bans_of(rows);
    const Policy policy = any_policy();
    const Candidates all = candidates(bans, policy, {});
    Driver driver = any_driver();
    driver.add_first = *rc::gen::arbitrary<bool>();
    const Installed installed = any_installed(driver, all);
    const Selection selection = select(driver, all, bans, policy, any_capacity(), installed);
    const Difference difference = diff(driver, selection, bans, all, installed);
    const Installed after = applied(installed, difference.change, driver.add_first);
    RC_ASSERT(places(after) == places(selection.wanted));
    RC_ASSERT(diff(driver, selection, bans, all, after).change.empty());
  }));
}

TEST_CASE("limits hold only what is new or unexplained, and with all of them lifted nothing is held") {
  CHECK(rc::check([] {
    const auto rows = *rc::gen::container<std::vector<AnyRow>>(any_row());
    const Bans bans = bans_of(rows);
    const Policy policy = any_policy();
    const Candidates all = candidates(bans, policy, {});
    const Driver driver = any_driver();
    const Installed installed = any_installed(driver, all);
    const Selection selection = select(driver, all, bans, policy, any_capacity(), installed);
    const Change change = diff(driver, selection, bans, all, installed).change;
    Limits limits;
    limits.add = *rc::gen::element(0.0, 0.2, 0.5);
    limits.remove = *rc::gen::element(0.0, 0.2, 0.5);
    limits.floor = *rc::gen::inRange<std::size_t>(0, 10);
    limits.storm = Limits::Storm{*rc::gen::inRange<std::size_t>(0, 10), 60, 600};
    limits.span = *rc::gen::element(0.0, 4 / 4294967296.0, 1.0);
    Remembered remembered;
    for (const Entry &entry : installed.entries)
      remembered.blocks.push_back(entry.block);
    const Difference held = hold(change, limits, installed, remembered, selection.wanted, {});
    RC_ASSERT(held.change.add.size() + held.left_out.size() == change.add.size());
    RC_ASSERT(held.notes.empty() == (held.left_out.empty() && held.change.remove.size() == change.remove.size()));
    for (const Removal &removal : change.remove) {
      const bool went = std::any_of(held.change.remove.begin(), held.change.remove.end(),
                                    [&](const Removal &one) { return one.block == removal.block && one.list == removal.list; });
      const bool waits_for_held = std::any_of(held.left_out.begin(), held.left_out.end(),
                                              [&](const LeftOut &one) { return one.prefix.contains(removal.block.prefix); });
      RC_ASSERT(went || !removal.explained || waits_for_held);
    }
    for (const GuardNote &note : held.notes)
      RC_ASSERT(!note.refuses());
    const Difference lifted = hold(change, limits, installed, remembered, selection.wanted, {"add", "remove", "storm", "span"});
    RC_ASSERT(lifted.change.add.size() == change.add.size());
    RC_ASSERT(lifted.change.remove.size() == change.remove.size());
    RC_ASSERT(lifted.notes.empty());
  }));
}
