#include "app/planning.hpp"

#include <algorithm>
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

void plan_push(Site &site, const Session &session, const Order &order, Plan &plan) {
  // As the table's allowlist has it now: the session may be older than that.
  const Device &device = *site.config().device(session.device().name);
  const Driver &driver = session.driver();
  const Candidates &candidates = site.candidates_for(device, session.facts());
  Selection selection =
      select(driver, candidates, site.bans(), device.policy,
             order.only_adds ? beside_what_stays(capacity_of(device), candidates, plan.installed) : capacity_of(device), plan.installed);
  plan.left_out = candidates.left_out;
  append(plan.left_out, selection.left_out);
  Difference difference = diff(driver, selection, site.bans(), candidates, plan.installed);
  if (order.only_adds)
    keep_what_is_there(difference.change);
  append(plan.guards, std::move(difference.notes));
  append(plan.left_out, std::move(difference.left_out));
  Difference held = hold(difference.change, device.limits, plan.installed, remembered(site, device.name), selection.wanted, order.forced);
  plan.change = std::move(held.change);
  plan.change.renumber = std::move(difference.change.renumber);
  append(plan.guards, std::move(held.notes));
  append(plan.left_out, std::move(held.left_out));
  plan.wanted = std::move(selection.wanted);
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

Plan make_plan(Site &site, const Session &session, const Installed &installed, const Order &order) {
  Plan plan;
  plan.device = session.device().name;
  plan.driver = session.driver().name;
  plan.intent = order.intent;
  plan.installed = installed;
  if (order.intent == Intent::Flush)
    plan.change = take_all_away(installed);
  else
    plan_push(site, session, order, plan);
  plan.script = render(session.rendering(), plan.change);
  plan.hash = hash_of(plan);
  return plan;
}

} // namespace banpush
