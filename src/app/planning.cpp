#include "app/planning.hpp"

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

void plan_push(Site &site, const Session &session, const std::set<std::string> &forced, Plan &plan) {
  const Device &device = session.device();
  const Driver &driver = session.driver();
  const Candidates &candidates = site.candidates_for(device, session.facts());
  Selection selection = select(driver, candidates, site.bans(), device.policy, capacity_of(device), plan.installed);
  plan.left_out = candidates.left_out;
  append(plan.left_out, selection.left_out);
  Difference difference = diff(driver, selection, site.bans(), candidates, plan.installed);
  append(plan.guards, std::move(difference.notes));
  append(plan.left_out, std::move(difference.left_out));
  Difference held = hold(difference.change, device.limits, plan.installed, remembered(site, device.name), selection.wanted, forced);
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

Plan make_plan(Site &site, const Session &session, const Installed &installed, Intent intent, const std::set<std::string> &forced) {
  Plan plan;
  plan.device = session.device().name;
  plan.driver = session.driver().name;
  plan.intent = intent;
  plan.installed = installed;
  if (intent == Intent::Flush)
    plan.change = take_all_away(installed);
  else
    plan_push(site, session, forced, plan);
  plan.script = render(session.rendering(), plan.change);
  plan.hash = hash_of(plan);
  return plan;
}

} // namespace banpush
