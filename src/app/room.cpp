#include "app/room.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

namespace banpush {

namespace {

using Spot = std::pair<std::string, Block>;

std::uint16_t number_of(const Driver &driver, const std::string &list) {
  const auto found = std::find_if(driver.lists.begin(), driver.lists.end(), [&](const List &one) { return one.name == list; });
  return found == driver.lists.end() ? Lists::none : static_cast<std::uint16_t>(found - driver.lists.begin());
}

// Where the change removes something.
std::set<Spot> spots_of(const std::vector<Removal> &removals) {
  std::set<Spot> spots;
  for (const Removal &one : removals)
    spots.insert({one.list, one.block});
  return spots;
}

double worth_of(const Addition &addition, const std::vector<Wanted> &wanted) {
  const auto found = std::lower_bound(wanted.begin(), wanted.end(), addition.block,
                                      [](const Wanted &one, const Block &block) { return one.candidate.block < block; });
  return found != wanted.end() && found->candidate.block == addition.block ? found->candidate.worth : 0;
}

} // namespace

void keep_to_room(Difference &difference, const Driver &driver, Capacity capacity, const Installed &installed,
                  const std::vector<Wanted> &wanted) {
  Change &change = difference.change;
  const std::set<Spot> leaving = spots_of(change.remove);
  std::vector<Prefix> places;
  for (const Removal &one : change.remove)
    places.push_back(one.block.prefix);
  const PrefixSet freed(std::move(places));
  Use used(driver, capacity);
  for (const Entry &entry : installed.entries)
    if (const std::uint16_t list = number_of(driver, entry.list); list != Lists::none && leaving.count({entry.list, entry.block}) == 0)
      used.add(list, entry.block.prefix.family());

  std::vector<const Addition *> additions;
  for (const Addition &one : change.add)
    additions.push_back(&one);
  // What takes a place that is made for it first, then the most worthwhile.
  std::map<const Addition *, std::pair<bool, double>> claim;
  for (const Addition *one : additions) {
    const auto place = freed.overlap(one->block.prefix);
    claim[one] = {place && one->block.prefix.contains(*place), worth_of(*one, wanted)};
  }
  std::stable_sort(additions.begin(), additions.end(), [&](const Addition *a, const Addition *b) { return claim[a] > claim[b]; });
  std::set<Spot> without;
  for (const Addition *one : additions) {
    const std::uint16_t list = number_of(driver, one->list);
    const Family family = one->block.prefix.family();
    if (list == Lists::none)
      continue;
    used.add(list, family);
    if (claim[one].first || !used.is_too_much(list, family))
      continue;
    used.take_back(list, family);
    without.insert({one->list, one->block});
    difference.left_out.push_back({one->block.prefix, Verdict::Held, "no room beside entries that a limit keeps"});
  }
  std::erase_if(change.add, [&](const Addition &one) { return without.count({one.list, one.block}) != 0; });
}

void keep_apart(Difference &difference, const Driver &driver, const Installed &installed) {
  Change &change = difference.change;
  std::map<std::string, std::vector<Prefix>> staying;
  for (const List &list : driver.lists)
    if (list.disjoint)
      staying[list.name];
  if (staying.empty() || change.add.empty())
    return;
  std::set<Spot> leaving = spots_of(change.remove);
  for (const Addition &addition : change.add) // in its own place
    leaving.insert({addition.list, addition.block});
  for (const Entry &entry : installed.entries)
    if (const auto list = staying.find(entry.list); list != staying.end() && leaving.count({entry.list, entry.block}) == 0)
      list->second.push_back(entry.block.prefix);
  std::map<std::string, PrefixSet> kept;
  for (auto &[name, prefixes] : staying)
    kept.emplace(name, PrefixSet(std::move(prefixes)));
  std::erase_if(change.add, [&](const Addition &addition) {
    const auto list = kept.find(addition.list);
    const auto other = list == kept.end() ? std::nullopt : list->second.overlap(addition.block.prefix);
    if (other)
      difference.left_out.push_back(
          {addition.block.prefix, Verdict::Held, fmt::format("held while {} stays, which it overlaps", other->text())});
    return other.has_value();
  });
}

} // namespace banpush
