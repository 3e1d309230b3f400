#include "app/planning.hpp"

#include "app/dead_man.hpp"
#include "app/room.hpp"
#include "core/plan/risk.hpp"

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

// Which additions the device held when it was last read back, and holds no more.
void note_put_back(Site &site, const Device &device, Plan &plan, const Remembered &known) {
  std::vector<Block> there;
  for (const Entry &entry : plan.installed.entries)
    there.push_back(entry.block);
  std::sort(there.begin(), there.end());
  std::vector<BlockIn> gone;
  for (const Addition &one : plan.change.add)
    if (known.has(one.block) && !std::binary_search(there.begin(), there.end(), one.block))
      gone.emplace_back(one.block, one.list);
  if (gone.empty())
    return;
  std::set<BlockIn> held;
  {
    const std::lock_guard lock(site.state_lock());
    held = site.state().held(device.name, plan.driver, gone);
  }
  for (Addition &one : plan.change.add)
    one.put_back = held.contains({one.block, one.list});
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
      all.push_back({one, {}, {}});
  }
  all.insert(all.end(), next, wanted.end());
  return all;
}

// What was to make room for newcomers stays while those are held: else a burst would empty the device. As many
// entries of a family stay as additions are held, the most worthwhile.
void keep_instead_of_held(Difference &difference, const Candidates &candidates) {
  Change &change = difference.change;
  std::map<Family, std::size_t> places;
  for (const LeftOut &one : difference.left_out)
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
  std::erase_if(change.remove, [&](const Removal &removal) {
    const bool stays = staying.count(removal.block) != 0 && removal.reason != "there twice";
    if (stays)
      difference.kept.push_back({removal, {}});
    return stays;
  });
}

// The service's own pushes, not what a person asks for once.
bool may_be_followed(const Order &order) {
  return order.intent == Intent::Push && order.depth == Depth::Push && !order.only_adds && order.forced.empty() && order.hashes.empty();
}

// What a device's selection makes of the changes, one after the other, as one; nothing where that cannot be told.
std::optional<LiveSelection::Change> in_one(LiveSelection &selection, const Site::Changes &since) {
  if (since.weighed && selection.others_wait())
    return std::nullopt;
  std::map<Block, Wanted> add;
  std::map<Block, std::pair<Wanted, Why>> remove;
  LiveSelection::Change all;
  for (const CandidateChange &one : since.changes) {
    LiveSelection::Change change = selection.update(one, since.elapsed);
    if (change.needs_whole)
      return std::nullopt;
    for (auto &gone : change.remove)
      if (add.erase(gone.first.candidate.block) == 0)
        remove.emplace(gone.first.candidate.block, std::move(gone));
    for (Wanted &come : change.add)
      if (remove.erase(come.candidate.block) == 0)
        add.emplace(come.candidate.block, std::move(come));
    append(all.left_out, std::move(change.left_out));
  }
  for (auto &[block, wanted] : add)
    all.add.push_back(std::move(wanted));
  for (auto &[block, gone] : remove)
    all.remove.push_back(std::move(gone));
  return all;
}

// The device's entries of this block and list.
void add_entries_of(const Wanted &wanted, const Installed &known, Installed &part) {
  const auto before = [](const Entry &entry, const Block &block) { return entry.block < block; };
  for (auto entry = std::lower_bound(known.entries.begin(), known.entries.end(), wanted.candidate.block, before);
       entry != known.entries.end() && entry->block == wanted.candidate.block; ++entry)
    if (entry->list == wanted.list)
      part.entries.push_back(*entry);
}

} // namespace

bool has_numbers(const Driver &driver) {
  return std::any_of(driver.lists.begin(), driver.lists.end(), [](const List &list) { return list.numbers.has_value(); });
}

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
  for (const OtherEntry &one : site.state().as_read(device.name).others)
    known.installed.foreign.push_back({one.list, one.text, one.covers, one.around});
  known.read_at = site.state().verified_at(device.name);
  return known;
}

std::vector<BlockIn> known_to_ledger(Site &site, const Device &device) {
  std::vector<BlockIn> known;
  const std::vector<List> &lists = site.config().driver(device).lists;
  if (std::none_of(lists.begin(), lists.end(), [](const List &list) { return list.renumbers; }))
    return known;
  const std::lock_guard lock(site.state_lock());
  for (const LedgerEntry &one : site.state().ledger(device.name))
    known.emplace_back(one.block, one.list);
  return known;
}

std::set<Family> families_used(Site &site, const Device &device) {
  std::set<Family> families(device.policy.families.begin(), device.policy.families.end());
  if (families.size() == 2)
    return families;
  const std::lock_guard lock(site.state_lock());
  families.merge(site.state().families(device.name));
  return families;
}

std::set<Family> families_to_clear(Site &site, const Device &device) {
  std::set<Family> families = families_used(site, device);
  const std::lock_guard lock(site.state_lock());
  families.merge(site.state().made(device.name));
  return families;
}

std::set<std::string> known_to_lack(Site &site, const Device &device) {
  const std::lock_guard lock(site.state_lock());
  std::set<std::string> lists = site.state().lacking(device.name);
  const Driver &driver = site.config().driver(device); // which may be another one than then
  std::erase_if(lists, [&](const std::string &name) { return driver.list(name) == nullptr || driver.list(name)->when.empty(); });
  return lists;
}

Decision make_decision(Site &site, const Device &device, const Driver &driver, const Facts &facts, Installed installed,
                       const Order &order) {
  Decision decision;
  Plan &plan = decision.plan;
  plan.device = device.name;
  plan.driver = driver.name;
  plan.installed = std::move(installed);
  const Site::Standing standing = site.candidates_for(device, facts);
  const Candidates &candidates = standing.candidates;
  Selection selection =
      select(driver, candidates, standing.bans, device.policy,
             order.only_adds ? beside_what_stays(capacity_of(device), candidates, plan.installed) : capacity_of(device), plan.installed);
  if (std::any_of(selection.left_out.begin(), selection.left_out.end(),
                  [](const LeftOut &one) { return one.verdict == Verdict::OverBudget; }))
    site.lacks_room(device, facts);
  const Remembered known = remembered(site, device.name);
  Difference difference = diff(driver, selection, standing.bans, candidates, plan.installed, known);
  const bool has_all = driver.lists.size() == site.config().driver(device).lists.size();
  if (has_all && standing.of != nullptr && plan.installed.entries.size() + difference.change.add.size() != 0 && may_be_followed(order) &&
      !has_numbers(driver) && LiveSelection::can_follow(driver, device.policy))
    decision.in_step = InStep{site.id(), standing.of, standing.version,
                              LiveSelection(site.config().driver(device), device.policy, device.limits, capacity_of(device), candidates,
                                            selection, plan.installed, standing.elapsed)};
  if (order.only_adds)
    keep_what_is_there(difference.change);
  plan.left_out = candidates.left_out;
  append(plan.left_out, std::move(selection.left_out));
  append(plan.guards, std::move(difference.notes));
  append(plan.left_out, std::move(difference.left_out));
  Difference held = hold(difference.change, device.limits, plan.installed, known,
                         with_newcomers(selection.wanted, candidates, device.limits), order.forced);
  keep_instead_of_held(held, candidates);
  if (held.change.remove.size() < difference.change.remove.size())
    keep_to_room(held, driver, capacity_of(device), plan.installed, selection.wanted);
  keep_apart(held, driver, plan.installed);
  plan.change = std::move(held.change);
  note_put_back(site, device, plan, known);
  plan.change.renumber = std::move(difference.change.renumber);
  append(plan.guards, std::move(held.notes));
  append(plan.left_out, std::move(held.left_out));
  plan.kept = std::move(held.kept);
  plan.wanted = std::move(selection.wanted);
  if (!plan.guards.empty())
    decision.in_step.reset();
  return decision;
}

std::optional<Plan> make_part(Site &site, const Session &session, Kept &kept, const Order &order) {
  if (!kept.in_step || !kept.known || kept.in_step->site != site.id() || !may_be_followed(order))
    return std::nullopt;
  InStep &in_step = *kept.in_step;
  const Device &device = *site.config().device(session.device().name);
  const auto since = site.changes_since(device, session.facts(), in_step.of, in_step.version);
  const auto change = since ? in_one(in_step.selection, *since) : std::nullopt;
  if (!change)
    return std::nullopt;
  in_step.version = since->version;
  if (in_step.selection.others_wait())
    site.lacks_room(device, session.facts());
  Plan plan;
  plan.extent = Plan::Extent::Part;
  plan.device = device.name;
  plan.driver = session.driver().name;
  plan.installed.lists = kept.known->lists;
  Selection selection;
  std::map<Block, Why> reasons;
  for (const auto &[wanted, why] : change->remove) {
    add_entries_of(wanted, *kept.known, plan.installed);
    reasons[wanted.candidate.block] = why;
    if (why.verdict == Verdict::OverBudget) // it is wanted still
      selection.left_out.push_back({wanted.candidate.block.prefix, why.verdict, {}});
  }
  const auto reason = [&](const Block &block) {
    const Why &why = reasons.at(block);
    return why.verdict == Verdict::OverBudget ? Why{Verdict::Wanted, Why::Of::Entry} : why;
  };
  selection.wanted = change->add;
  {
    const auto lock = site.reading();
    plan.change = diff_for(session.driver(), selection, site.bans(), reason, plan.installed).change;
  }
  plan.left_out = change->left_out;
  plan.wanted = std::move(selection.wanted);
  plan.risk = risk_of(plan.change, kept.known->entries.size(), device.limits);
  plan.script = render(rendering_for(session, session.facts(), dead_man_use(session, device, plan.risk)), plan.change);
  return plan;
}

Decision make_plan(Site &site, const Session &session, const Installed &installed, const Order &order) {
  Decision decision;
  Plan &plan = decision.plan;
  if (order.intent == Intent::Flush) {
    plan.device = session.device().name;
    plan.driver = session.driver().name;
    plan.installed = installed;
    plan.change = take_all_away(installed);
  } else {
    // As the table's allowlist has it now: the session may be older than that.
    decision = make_decision(site, *site.config().device(session.device().name), session.driver(), session.facts(), installed, order);
  }
  const Device &device = *site.config().device(session.device().name);
  plan.intent = order.intent;
  plan.risk = risk_of(plan.change, installed.entries.size(), device.limits);
  plan.script = render(rendering_for(session, session.facts(), dead_man_use(session, device, plan.risk)), plan.change);
  plan.hash = hash_of(plan);
  return decision;
}

} // namespace banpush
