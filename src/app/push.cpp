#include "app/push.hpp"

#include "app/dead_man.hpp"
#include "app/delivery.hpp"
#include "app/plan_notes.hpp"
#include "app/planning.hpp"
#include "app/saving.hpp"
#include "app/site/list_files.hpp"
#include "app/site/session.hpp"
#include "app/site/side_by_side.hpp"
#include "app/site/slots.hpp"
#include "app/state/condition.hpp"
#include "app/verify.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace banpush {

namespace {

constexpr int most_repairs = 2;

Outcome outcome_of(const Plan &plan, const Guard::Ruling &ruling) {
  if (!ruling.cleared)
    return Outcome::Refused;
  if (plan.change.empty())
    return plan.guards.empty() ? Outcome::InSync : Outcome::Refused;
  return Outcome::Planned;
}

// A saved plan goes only onto what it was made for.
void check_saved(const Order &order, const Plan &plan, DeviceReport &report) {
  const auto saved = order.hashes.find(plan.device);
  if (order.hashes.empty() || (saved != order.hashes.end() && saved->second == plan.hash))
    return;
  report.plan->guards.push_back(
      {"moved",
       saved == order.hashes.end()
           ? "the saved plan does not name this device"
           : "the saved plan is stale (table, time, policy or device changed since it was made); run `banpush plan` again",
       GuardNote::Effect::Refuses});
  report.outcome = Outcome::Refused;
}

// After a change that the device refused, or did not keep, as it was read then.
void note_what_stands(Site &site, const Plan &plan, const Installed &now) {
  const std::lock_guard lock(site.state_lock());
  State &state = site.state();
  if (plan.script.confirm.empty())
    state.changed_in_part(plan.device, plan, now, site.seconds_since_fetch());
  else if (!state.awaits_confirm(plan.device))
    state.undone(plan.device);
}

// Only what was approved, or asked for, else.
bool may_repair(const Order &order) { return order.hashes.empty() && order.intent == Intent::Push; }

// Of what was added.
void note_gaps(const Change &change, const Installed &now, DeviceReport &report) {
  std::set<BlockIn> added;
  for (const Addition &one : change.add)
    added.emplace(one.block, one.list);
  for (Gap &gap : gaps_in(now))
    if (added.contains(gap.entry))
      report.gaps.push_back(std::move(gap));
}

// Applies a cleared plan to a device that holds what is known and reads back until it shows it, or says what it shows
// instead. Returns what it holds then.
Verified apply(Site &site, Session &session, const Cleared &cleared, const Order &order, Installed known, DeviceReport &report) {
  const Plan &plan = cleared.plan();
  Probes probes(site.config(), session.device());
  if (!plan.script.confirm.empty())
    probes.look_before();
  report.dead_man->not_judged = probes.not_judged();
  auto [delivery, verified, progress] = deliver_and_verify(site, session, plan, std::move(known), report);
  if (!verified.difference.empty()) {
    const std::string undone = delivery.accepted ? undo(site, session, plan.script, as_before(plan), report.words) : std::string();
    if (!delivery.accepted)
      end_dead_man_where_undone(site, plan.device, as_before(plan), verified.installed);
    if (delivery.lost && may_repair(order) && !dead_man_of(site, session.device())) {
      const std::lock_guard lock(site.state_lock());
      site.state().lost(plan.device, plan, verified.installed, site.seconds_since_fetch()); // cleared once: the rest is not new
      verified.lost = fmt::format("{}; {}; {}", delivery.complaint, progress, verified.difference);
      return std::move(verified);
    }
    note_what_stands(site, plan, verified.installed);
    throw Error(ErrorKind::Device,
                fmt::format("{}{}{}{}", delivery.accepted ? "accepted, but " : fmt::format("{}; {}; ", delivery.complaint, progress),
                            verified.difference, undone.empty() ? "" : "; ", undone));
  }
  note_gaps(plan.change, verified.installed, report);
  if (!delivery.accepted)
    report.notes.push_back(fmt::format("the device complained ({}), but shows what it should", delivery.complaint));
  confirm(site, session, plan.script, as_before(plan), probes, report);
  if (const std::vector<std::string> &proved = report.dead_man->proved; !proved.empty())
    report.notes.push_back(fmt::format("answered behind the change, before it was confirmed: {}", fmt::join(proved, ", ")));
  for (const std::string &one : report.dead_man->not_judged)
    report.notes.push_back("not judged: " + one);
  save_after_change(site, session.device(), session, plan.script.save, report);
  send_all(session, plan.script.leave, "leave", report.words);
  const std::lock_guard lock(site.state_lock());
  if (verified.others_changed())
    site.state().changed(plan.device, plan, site.seconds_since_fetch());
  else
    site.state().verified(plan.device, plan, verified.installed, site.seconds_since_fetch());
  return std::move(verified);
}

std::optional<Verified> apply_and_record(Site &site, Session &session, const Cleared &cleared, const Order &order, Installed known,
                                         DeviceReport &report) {
  const Plan &plan = cleared.plan();
  long record = 0;
  report.in_audit = true;
  {
    const std::lock_guard lock(site.state_lock());
    record =
        site.state().started(plan.device, plan.intent == Intent::Flush ? "flush" : "push", order.actor, plan.script.text(), plan.change);
  }
  std::optional<Verified> verified;
  std::string lost;
  try {
    verified = apply(site, session, cleared, order, std::move(known), report);
    report.outcome = Outcome::Changed;
    lost = verified->lost;
  } catch (const Error &error) {
    report.outcome = Outcome::Failed;
    report.kind = error.kind();
    report.error = error.what();
  }
  const std::lock_guard lock(site.state_lock());
  const bool is_done = lost.empty() && report.outcome == Outcome::Changed;
  site.state().ended(record, word(lost.empty() ? report.outcome : Outcome::Failed), lost.empty() ? report.error : lost, report.words,
                     is_done ? std::optional(counts_of(plan.change)) : std::nullopt);
  return verified;
}

// For a plan without a connection.
Installed known_of(Site &site, const Device &device, DeviceReport &report) {
  FromLedger known = from_ledger(site, device);
  report.notes.push_back(known.read_at.empty()
                             ? std::string("offline: the ledger knows nothing of this device yet, so all of it is shown as to be added")
                             : fmt::format("offline: against the ledger of {}, not the device", known.read_at));
  return std::move(known.installed);
}

// Ruling on the plan of the report.
Guard::Ruling judge(Site &site, const Device &device, const Order &order, const Session &session, DeviceReport &report) {
  const auto protect = order.intent == Intent::Flush ? std::vector<NamedPrefix>{} : site.protect_for(device, session.facts());
  const Guard guard{session.driver(), session.values(), device.policy, device.limits, protect, order.forced, device.accept_unproven};
  Guard::Ruling ruling = guard.rule(*report.plan);
  report.outcome = outcome_of(*report.plan, ruling);
  report.plan->guards.insert(report.plan->guards.end(), ruling.notes.begin(), ruling.notes.end());
  check_saved(order, *report.plan, report);
  report.moment = site.moment();
  report.dead_man = dead_man_use(session, device, report.plan->risk);
  if (order.depth != Depth::Push) {
    const bool has_one = !report.dead_man->kind.empty(), could_hurt = !report.plan->risk.empty() && !device.is_local();
    if (!report.plan->change.empty() && (has_one || could_hurt))
      report.notes.push_back(report.dead_man->text());
    std::vector<std::string> notes = notes_on(*report.plan, device);
    report.notes.insert(report.notes.end(), std::make_move_iterator(notes.begin()), std::make_move_iterator(notes.end()));
  }
  return ruling;
}

// For what the device is known to hold, as far as that can be told only for what has changed; the report has the plan.
Guard::Ruling plan_and_judge(Site &site, const Device &device, const Order &order, Kept &kept, DeviceReport &report) {
  report.plan = make_part(site, *kept.session, kept, order);
  if (!report.plan) {
    Decision decision = make_plan(site, *kept.session, *kept.known, order);
    report.plan = std::move(decision.plan);
    kept.in_step = std::move(decision.in_step);
  }
  const std::vector<std::string> &lacking = kept.session->notes();
  report.notes.insert(report.notes.end(), lacking.begin(), lacking.end());
  for (const ListState &list : report.plan->installed.lists)
    for (const std::string &doubt : list.doubts)
      report.notes.push_back(fmt::format("list {}: {}", list.list, doubt));
  return judge(site, device, order, *kept.session, report);
}

// Whether nothing is to be changed, whatever a limit keeps out of the change, and all that was read counts.
bool is_as_planned(const DeviceReport &report) {
  const Plan &plan = *report.plan;
  return plan.change.empty() &&
         std::none_of(plan.guards.begin(), plan.guards.end(), [](const GuardNote &note) { return note.refuses(); }) &&
         std::all_of(plan.installed.lists.begin(), plan.installed.lists.end(),
                     [](const ListState &list) { return list.stands && list.in_force; });
}

// Beside the entries: what those who only look have to know.
void note_what_was_told(Site &site, const Kept &kept, const DeviceReport &report) {
  const AsRead told = as_read(*kept.known, report.plan->left_out);
  const std::lock_guard lock(site.state_lock());
  site.state().keep_as_read(report.device, told);
}

// The end of the line, for what was judged. `read`: whether the device was read for it. Returns what was read after a change.
enum class Known { Before, Read };
std::optional<Verified> carry_out(Site &site, const Order &order, const Guard::Ruling &ruling, Known known, Kept &kept,
                                  DeviceReport &report) {
  std::optional<Verified> verified;
  if (order.depth != Depth::Push)
    return verified;
  if (report.outcome == Outcome::Planned) {
    if (const std::string objection = objection_to_trial(*kept.session, report.plan->script); !objection.empty()) {
      report.plan->guards.push_back({"dead_man", objection, GuardNote::Effect::Refuses});
      report.outcome = Outcome::Refused;
      return verified;
    }
    verified = apply_and_record(site, *kept.session, *ruling.cleared, order, std::move(*kept.known), report);
    kept.known.reset();
    if (!verified)
      return verified;
    report.read = true;
    kept.known = std::move(verified->installed);
    if (verified->by == Verified::By::Change && report.plan->extent == Plan::Extent::Part) {
      const std::lock_guard lock(site.state_lock());
      site.state().change_as_read(report.device, report.plan->change, report.gaps);
      return verified; // in step before, and nothing else has changed
    }
    note_what_was_told(site, kept, report);
  } else if (known == Known::Read) {
    save_where_due(site, *kept.session, report); // what is in force is so, whatever is refused now
    const std::lock_guard lock(site.state_lock());
    if (is_as_planned(report))
      site.state().verified(report.device, *report.plan, *kept.known, site.seconds_since_fetch());
    else
      site.state().seen(report.device, *report.plan, *kept.known, site.seconds_since_fetch());
  }
  if (kept.in_step && !kept.in_step->selection.is_held(*kept.known))
    kept.in_step.reset();
  return verified;
}

// What a push that was to put right what another one found has come to, said with that one.
void join(DeviceReport &report, DeviceReport more) {
  const auto append = [](auto &all, auto &part) {
    all.insert(all.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
  };
  append(report.plan->change.add, more.plan->change.add);
  append(report.plan->change.remove, more.plan->change.remove);
  append(report.plan->guards, more.plan->guards);
  append(report.notes, more.notes);
  append(report.gaps, more.gaps);
  std::sort(report.gaps.begin(), report.gaps.end());
  report.words += more.words;
  if (more.outcome != Outcome::Failed)
    return;
  report.outcome = more.outcome;
  report.kind = more.kind;
  report.error = std::move(more.error);
}

// Somebody else may have changed what is ours since it was last read: what the reading after a change shows of that is put
// right at once, against what was read then.
void carry_out_and_repair(Site &site, const Device &device, const Order &order, const Guard::Ruling &ruling, Known known, Kept &kept,
                          DeviceReport &report) {
  auto verified = carry_out(site, order, ruling, known, kept, report);
  if (!may_repair(order))
    return;
  const auto is_to_be_repaired = [&] { return verified && (verified->others_changed() || !verified->lost.empty()); };
  for (int repairs = 0; is_to_be_repaired() && repairs < most_repairs; ++repairs) {
    const bool is_again = !verified->lost.empty();
    DeviceReport repair;
    repair.device = report.device;
    repair.driver = report.driver;
    kept.in_step.reset();
    const Guard::Ruling again = plan_and_judge(site, device, order, kept, repair);
    if (is_again)
      report.notes.push_back(fmt::format("the rest was sent again, less at a time: {}", verified->lost));
    else if (repair.outcome != Outcome::InSync)
      report.notes.push_back(fmt::format("others had changed what is ours: {} entries were gone, {} were there that were not known",
                                         verified->gone, verified->come));
    verified = carry_out(site, order, again, Known::Read, kept, repair);
    if (is_again && repair.plan)
      repair.plan->change = {}; // it is in what was to be done
    join(report, std::move(repair));
  }
  if (verified && !verified->lost.empty()) {
    report.outcome = Outcome::Failed;
    report.kind = ErrorKind::Device;
    report.error = verified->lost;
  }
}

// Whether a session that was kept can be used. Nothing has been sent on it yet: where it cannot, a new one does as well.
bool stands(const Kept &kept) { return kept.session && kept.session->is_open() && kept.session->standing() == Transport::Standing::Yes; }

void run(Site &site, const Device &device, const Order &order, Kept &kept, const std::function<std::shared_ptr<Session>()> &log_in,
         DeviceReport &report) {
  if (kept.known && kept.session->is_open() && kept.session->disturbed())
    kept.known.reset();
  std::optional<Guard::Ruling> ruling;
  if (kept.known) {
    ruling = plan_and_judge(site, device, order, kept, report);
    if (report.outcome == Outcome::InSync && !is_save_due(report))
      return;
  }
  const bool usable = stands(kept);
  if (usable && ruling && report.outcome != Outcome::InSync && !has_numbers(kept.session->driver()))
    return carry_out_and_repair(site, device, order, *ruling, Known::Before, kept, report);
  if (!usable) {
    kept.session = log_in();
    {
      const std::lock_guard lock(site.state_lock());
      kept.session->remember(site.state().pace(device.name, device.driver));
    }
    kept.session->open_to_read();
    const std::lock_guard lock(site.state_lock());
    site.state().lacks(device.name, kept.session->lacking());
  }
  kept.in_step.reset();
  kept.session->remember(known_to_ledger(site, device));
  kept.known = kept.session->read();
  if (order.depth == Depth::Push && tidy_files(site, *kept.session, *kept.known, report.notes) == Tidied::Written)
    kept.known = kept.session->read();
  report.read = true;
  const Guard::Ruling now = plan_and_judge(site, device, order, kept, report);
  note_what_was_told(site, kept, report);
  carry_out_and_repair(site, device, order, now, Known::Read, kept, report);
}

void run_offline(Site &site, const Device &device, const Order &order, DeviceReport &report) {
  Session session(device, site.config().driver(device), {}, families_used(site, device), site.trace);
  session.remember_lacking(known_to_lack(site, device));
  report.notes.insert(report.notes.end(), session.notes().begin(), session.notes().end());
  report.plan = make_plan(site, session, known_of(site, device, report), order).plan;
  judge(site, device, order, session, report);
}

// What earlier passes left behind that this one must know.
void recall(Site &site, const Device &device, const Order &order, DeviceReport &report) {
  if (const auto unconfirmed = dead_man_of(site, device)) {
    report.unconfirmed = text_of(*unconfirmed);
    report.left_alone = unconfirmed->left;
  }
  const std::lock_guard lock(site.state_lock());
  recall_unsaved(site, device, report);
  if (order.intent == Intent::Push)
    report.paused = site.state().paused(device.name).has_value();
}

// What may be handed out of lists that are files. While a guard keeps something out, a list that is shorter than before may be so
// because of somebody else.
void note_files(Site &site, const Order &order, const Kept &kept, const DeviceReport &report) {
  if (order.depth != Depth::Push || !report.read || !kept.session || !kept.known)
    return;
  if (report.outcome == Outcome::Changed || is_as_planned(report))
    remember_files(site, *kept.session, *kept.known,
                   report.outcome == Outcome::Changed || report.plan->guards.empty() ? Growth::Any : Growth::NotLess);
}

// What a person, and the next pass, has to know of the device from now on.
void remember(Site &site, const Device &device, const Order &order, DeviceReport &report) {
  const auto unconfirmed = dead_man_of(site, device);
  report.unconfirmed = unconfirmed ? text_of(*unconfirmed) : std::string();
  report.left_alone = unconfirmed ? unconfirmed->left : 0;
  const std::lock_guard lock(site.state_lock());
  State &state = site.state();
  state.attempted(device.name,
                  {device.driver, fmt::format("{}", fmt::join(device.addresses, ", ")), order.actor, word(report.outcome), report.error,
                   report.in_audit},
                  conditions_after(report, state.plain_conditions(device.name)));
}

DeviceReport push_in_session(Site &site, const Device &device, const Order &order, Sessions &sessions) {
  Kept &kept = sessions.kept.at(device.name);
  const Device &meant = *sessions.config.device(device.name);
  const std::set<Family> families = order.intent == Intent::Flush ? families_to_clear(site, device) : families_used(site, device);
  const auto log_in = [&] {
    return std::make_shared<Session>(meant, sessions.config.driver(meant), site.credentials(device), families, site.trace);
  };
  const bool reused = kept.session && kept.session->is_open();
  DeviceReport report = push_device(site, device, order, kept, log_in);
  if (reused && report.outcome == Outcome::Failed && report.kind == ErrorKind::Connect)
    report = push_device(site, device, order, kept, log_in);
  if (order.depth == Depth::Push && report.left_alone != 0 && report.error == report.unconfirmed &&
      report.left_alone <= longest_left_alone) {
    if (order.say)
      order.say(fmt::format("{}: {}; waiting for that", device.name, report.error));
    std::this_thread::sleep_for(std::chrono::seconds{report.left_alone + 1});
    report = push_device(site, device, order, kept, log_in);
  }
  return report;
}

Report push_all(Site &site, const std::vector<const Device *> &devices, const std::function<DeviceReport(const Device &)> &push_one) {
  Report report;
  for (const Device *device : devices) {
    DeviceReport &mine = report.devices.emplace_back();
    mine.device = device->name;
    mine.driver = device->driver;
    mine.outcome = Outcome::Failed;
    mine.error = "no memory";
  }
  // Devices that keep us waiting do not count: a few that are dead, or talk without end, delay no other.
  const std::size_t workers = std::max(1U, site.config().serve.workers), most_threads = 8 * workers;
  Slots slots(static_cast<unsigned>(workers));
  side_by_side(devices.size(), most_threads, [&](std::size_t i) {
    const Slots::Taken slot(slots);
    report.devices[i] = push_one(*devices[i]);
  });
  if (!site.state().trouble().empty())
    report.notes.push_back(site.state().trouble());
  return report;
}

} // namespace

DeviceReport push_device(Site &site, const Device &device, const Order &order, Kept &kept,
                         const std::function<std::shared_ptr<Session>()> &log_in) {
  const auto begin = std::chrono::steady_clock::now();
  DeviceReport report;
  report.device = device.name;
  report.driver = device.driver;
  try {
    recall(site, device, order, report);
    if (report.paused && order.depth == Depth::Push) {
      report.outcome = Outcome::Refused;
      report.notes.push_back(fmt::format("paused: left alone until `banpush resume {}`", device.name));
    } else if (report.left_alone != 0 && order.depth != Depth::Offline) { // nothing that it shows lasts
      throw Error(ErrorKind::Device, report.unconfirmed);
    } else if (order.depth == Depth::Offline) {
      run_offline(site, device, order, report);
    } else {
      run(site, device, order, kept, log_in, report);
      note_files(site, order, kept, report);
    }
    if (const auto names = kept.session ? kept.session->renamed() : std::nullopt)
      report.renamed = fmt::format("was renamed: its prompt says {} where it said {} when banpush logged in", names->second, names->first);
  } catch (const Error &error) {
    report.outcome = error.kind() == ErrorKind::Guard ? Outcome::Refused : Outcome::Failed;
    report.kind = error.kind();
    report.error = error.what();
  } catch (const std::exception &error) { // no memory, no thread: one device's trouble
    report.outcome = Outcome::Failed;
    report.error = error.what();
  }
  if (const auto pace = kept.session ? kept.session->news_of_pace() : std::nullopt) {
    const std::lock_guard lock(site.state_lock());
    site.state().learnt(device.name, device.driver, *pace);
  }
  if (report.outcome == Outcome::Failed)
    kept = {};
  if (report.outcome == Outcome::Refused)
    kept.in_step.reset(); // the device does not get what was planned
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (order.depth == Depth::Push)
    remember(site, device, order, report);
  return report;
}

Report push_devices(Site &site, const std::vector<const Device *> &devices, const Order &order) {
  return push_all(site, devices, [&](const Device &device) {
    Sessions of_this{site.config(), {{device.name, {}}}}; // closed before the next device's is opened
    return push_in_session(site, device, order, of_this);
  });
}

Report push_devices(Site &site, const std::vector<const Device *> &devices, const Order &order, Sessions &sessions) {
  for (const Device *device : devices)
    sessions.kept[device->name].known.reset();
  return push_all(site, devices, [&](const Device &device) { return push_in_session(site, device, order, sessions); });
}

} // namespace banpush
