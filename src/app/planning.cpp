#include "app/planning.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace banpush {

namespace {

// Everything of ours goes, whatever the policy says; each removal explains itself.
Change take_all_away(const Installed &installed) {
  Change change;
  for (const Entry &entry : installed.entries) {
    Removal removal;
    removal.block = entry.block;
    removal.list = entry.list;
    removal.number = entry.number;
    removal.reason = "flush";
    change.remove.push_back(std::move(removal));
  }
  return change;
}

Remembered remembered(Site &site, const std::string &device) {
  const std::lock_guard lock(site.state_lock());
  return site.state().remembered(device);
}

void append(std::vector<LeftOut> &all, std::vector<LeftOut> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void append(std::vector<GuardNote> &all, std::vector<GuardNote> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// What is installed and not wanted stays, and takes the room it takes.
Capacity beside_what_stays(Capacity capacity, const Candidates &candidates, const Installed &installed) {
  const auto take_one = [](std::optional<std::size_t> &room) {
    if (room && *room > 0)
      --*room;
  };
  const auto before = [](const Candidate &candidate, const Block &block) { return candidate.block < block; };
  for (const Entry &entry : installed.entries) {
    const auto found = std::lower_bound(candidates.wanted.begin(), candidates.wanted.end(), entry.block, before);
    if (found == candidates.wanted.end() || found->block != entry.block)
      take_one(entry.block.prefix.family() == Family::IPv4 ? capacity.ipv4 : capacity.ipv6);
  }
  return capacity;
}

// Of the removals only those that are put back in the same change.
void keep_what_is_there(Change &change) {
  std::set<Block> added;
  for (const Addition &addition : change.add)
    added.insert(addition.block);
  std::erase_if(change.remove, [&](const Removal &removal) { return added.count(removal.block) == 0; });
}

// What is wanted, and what came lately and found no place: a storm is one whether or not the device has room for it.
std::vector<Wanted> with_newcomers(const std::vector<Wanted> &wanted, const Candidates &candidates, const Limits &limits) {
  std::vector<Wanted> all;
  auto next = wanted.begin();
  for (const Candidate &one : candidates.wanted) {
    while (next != wanted.end() && next->candidate.block < one.block)
      all.push_back(*next++);
    if (limits.storm && one.since <= limits.storm->hold && (next == wanted.end() || next->candidate.block != one.block))
      all.push_back({one, {}});
  }
  all.insert(all.end(), next, wanted.end());
  return all;
}

// What was to make room for newcomers stays while those are held: else a burst would empty the device. As many
// entries of a family stay as additions are held, the most worthwhile.
void keep_instead_of_held(Change &change, const std::vector<LeftOut> &held, const Candidates &candidates) {
  std::map<Family, std::size_t> places;
  for (const LeftOut &one : held)
    ++places[one.prefix.family()];
  std::vector<std::pair<double, Block>> displaced; // wanted by policy, without a place here
  for (const Removal &removal : change.remove) {
    const auto one = std::lower_bound(candidates.wanted.begin(), candidates.wanted.end(), removal.block,
                                      [](const Candidate &candidate, const Block &block) { return candidate.block < block; });
    if (one != candidates.wanted.end() && one->block == removal.block)
      displaced.emplace_back(-one->worth, removal.block);
  }
  std::sort(displaced.begin(), displaced.end());
  std::set<Block> staying;
  for (const auto &[worth, block] : displaced)
    if (places[block.prefix.family()] > 0) {
      --places[block.prefix.family()];
      staying.insert(block);
    }
  // An entry that is removed to be added again, in force or in another list, is no displaced one.
  for (const Addition &addition : change.add)
    staying.erase(addition.block);
  std::erase_if(change.remove,
                [&](const Removal &removal) { return staying.count(removal.block) != 0 && removal.reason != "there twice"; });
}

} // namespace

Capacity capacity_of(const Device &device) { return {device.budget4, device.budget6}; }

FromLedger from_ledger(Site &site, const Device &device) {
  const std::lock_guard lock(site.state_lock());
  FromLedger known;
  for (const LedgerEntry &one : site.state().ledger(device.name)) {
    Entry entry;
    entry.block = one.block;
    entry.list = one.list;
    entry.number = one.number;
    known.installed.entries.push_back(std::move(entry));
  }
  known.read_at = site.state().verified_at(device.name);
  return known;
}

Plan make_decision(Site &site, const Device &device, const Facts &facts, Installed installed, const Order &order) {
  const Driver &driver = site.config().driver(device);
  Plan plan;
  plan.device = device.name;
  plan.driver = driver.name;
  plan.installed = std::move(installed);
  const Candidates &candidates = site.candidates_for(device, facts);
  Selection selection =
      select(driver, candidates, site.bans(), device.policy,
             order.only_adds ? beside_what_stays(capacity_of(device), candidates, plan.installed) : capacity_of(device), plan.installed);
  Difference difference = diff(driver, selection, site.bans(), candidates, plan.installed);
  if (order.only_adds)
    keep_what_is_there(difference.change);
  plan.left_out = candidates.left_out;
  append(plan.left_out, std::move(selection.left_out));
  append(plan.guards, std::move(difference.notes));
  append(plan.left_out, std::move(difference.left_out));
  Difference held = hold(difference.change, device.limits, plan.installed, remembered(site, device.name),
                         with_newcomers(selection.wanted, candidates, device.limits), order.forced);
  keep_instead_of_held(held.change, held.left_out, candidates);
  plan.change = std::move(held.change);
  plan.change.renumber = std::move(difference.change.renumber);
  append(plan.guards, std::move(held.notes));
  append(plan.left_out, std::move(held.left_out));
  plan.wanted = std::move(selection.wanted);
  return plan;
}

Plan make_plan(Site &site, const Session &session, const Installed &installed, const Order &order) {
  Plan plan;
  if (order.intent == Intent::Flush) {
    plan.device = session.device().name;
    plan.driver = session.driver().name;
    plan.installed = installed;
    plan.change = take_all_away(installed);
  } else {
    // As the table's allowlist has it now: the session may be older than that.
    plan = make_decision(site, *site.config().device(session.device().name), session.facts(), installed, order);
  }
  plan.intent = order.intent;
  plan.script = render(session.rendering(), plan.change);
  plan.hash = hash_of(plan);
  return plan;
}

} // namespace banpush
