#include "app/set_up.hpp"

#include "app/dead_man.hpp"
#include "app/delivery.hpp"
#include "app/planning.hpp"
#include "app/site/list_files.hpp"
#include "core/error.hpp"
#include "core/reading/used_lists.hpp"
#include "core/script/setup_script.hpp"

#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace banpush {

namespace {

// What is wrong for people; empty when every list stands and is in force.
std::string missing(const Installed &installed) {
  std::string text;
  for (const ListState &list : installed.lists)
    if (!list.stands || !list.in_force)
      text += fmt::format("{}list {}: {}", text.empty() ? "" : "; ", list.list, list.why_not);
  return text;
}

} // namespace

SetupChange setup_change(Session &session, Stage stage, Doubtful doubtful) {
  SetupChange change;
  change.stage = stage;
  // What is missing in an answer with a warning may be there, and setup would bind over it.
  if (!session.warnings().empty())
    throw Error(ErrorKind::Guard,
                fmt::format("{}: {} is refused, and nothing was sent: the device warned while it was asked what others have bound, and may "
                            "not have shown everything: {}",
                            session.device().name, word(stage), fmt::join(session.warnings(), "; ")));
  // What stands already is asked first: setup adds what is missing and replaces nothing.
  change.before = session.read();
  Facts facts = with_unused(with_states(session.facts(), change.before), session.unused_lists(), stage);
  if (doubtful == Doubtful::Left)
    for (const ListState &list : change.before.lists)
      facts.values[list.list + "_first"] = facts.values[list.list + "_in_force"];
  change.dead_man = dead_man_use(session, session.device(), stage == Stage::Setup ? "what binds the lists" : "what unbinds the lists");
  const Rendering rendering = rendering_for(session, facts, change.dead_man);
  if (const auto reasons = refusals(session.driver(), stage, session.values(), facts, rendering.attach); !reasons.empty())
    throw Error(ErrorKind::Guard,
                fmt::format("{}: {} is refused, and nothing was sent: {}", session.device().name, word(stage), fmt::join(reasons, "; ")));
  const bool stands = stage == Stage::Setup && !change.before.lists.empty() && missing(change.before).empty();
  change.script = setup_script(rendering, stage, change.before);
  if (stands && change.script.empty())
    return change;
  if (change.dead_man.used && change.script.confirm.empty()) {
    change.dead_man.used = false;
    change.dead_man.why = fmt::format("the driver's {} makes no use of it", word(stage));
  }
  if (const std::string objection = objection_to_trial(session, change.script); !objection.empty())
    throw Error(ErrorKind::Guard,
                fmt::format("{}: {} is refused, and nothing was sent: {}", session.device().name, word(stage), objection));
  if (stage == Stage::Setup)
    for (const Step &step : render_stage(rendering, Stage::Undo))
      change.undo += step.text();
  return change;
}

namespace {

// What is written down of a device when something is sent to it, and what came of that.
class Record {
public:
  Record(Site &site, const std::string &device, const char *intent, const std::string &who, const std::string &script) : site_(site) {
    const std::lock_guard lock(site_.state_lock());
    number_ = site_.state().started(device, intent, who, script);
  }
  void end(const std::string &error, const std::string &words) {
    const std::lock_guard lock(site_.state_lock());
    site_.state().ended(number_, error.empty() ? "changed" : "failed", error, words);
  }

private:
  Site &site_;
  long number_ = 0;
};

// How a person gets the device back that is not reached any more and takes nothing back by itself.
std::string by_hand(const SetupChange &change) {
  return change.undo.empty() ? "the change remains" : "the change remains; at the device's console this takes it back:\n" + change.undo;
}

// A device that cut us off does not say so.
std::string missing_on_trial(Session &session) {
  try {
    return missing_after(session).text;
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("{}; it was not confirmed, so the device holds what it held before, at the latest {}",
                                          error.what(), time_to_confirm(session)));
  }
}

void confirm_setup(Site &site, Session &session, const SetupChange &change, Probes &probes, DeviceReport &report) {
  if (change.script.confirm.empty())
    return;
  const AsBefore is_as_before = as_before(change.before);
  if (const std::string missing = change.stage == Stage::Setup ? missing_on_trial(session) : std::string(); !missing.empty())
    throw Error(ErrorKind::Device, fmt::format("the device accepted the setup, but {}; {}", missing,
                                               undo(site, session, change.script, is_as_before, report.words)));
  confirm(site, session, change.script, is_as_before, probes, report);
}

void deliver_setup(Site &site, Session &session, const SetupChange &change, Probes &probes, DeviceReport &report) {
  Sent sent = [&] {
    try {
      return deliver(site, session, change.script, report);
    } catch (const Error &error) {
      if (!change.script.confirm.empty() || session.device().is_local())
        throw;
      throw Error(error.kind(), fmt::format("{}; {}", error.what(), by_hand(change)));
    }
  }();
  if (!sent.last.accepted) {
    if (!change.script.confirm.empty())
      end_dead_man_where_undone(site, session.device().name, as_before(change.before), session.read());
    throw Error(ErrorKind::Device, fmt::format("{}; {}", sent.last.complaint, sent.progress.text()));
  }
  confirm_setup(site, session, change, probes, report);
  send_all(session, change.script.leave, "leave", report.words);
}

} // namespace

void send_setup(Site &site, Session &session, const SetupChange &change, Probes &probes, const std::string &who, DeviceReport &report) {
  Record record(site, session.device().name, word(change.stage), who, change.script.text());
  report.dead_man = change.dead_man;
  report.dead_man->not_judged = probes.not_judged();
  try {
    deliver_setup(site, session, change, probes, report);
  } catch (const Error &error) {
    record.end(error.what(), report.words);
    throw Error(error.kind(), fmt::format("{}: {}: {}", session.device().name, word(change.stage), error.what()));
  }
  record.end({}, report.words);
}

void prove_setup(Site &site, Session &session, const SetupChange &change, Probes &probes, DeviceReport &report) {
  if (!change.script.confirm.empty() || session.device().is_local())
    return;
  session.close();
  try {
    report.dead_man->proved = prove(site, session, probes);
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("{}: {}: {}; {}", session.device().name, word(change.stage), error.what(), by_hand(change)));
  }
}

void send_stage(Site &site, Session &session, const std::vector<Step> &steps, const char *intent, const std::string &who) {
  Script script;
  script.change = steps;
  Record record(site, session.device().name, intent, who, script.text());
  std::string words, error;
  for (const Step &step : steps) {
    const Delivery delivery = session.send(step);
    words += delivery.words;
    if (!delivery.accepted) {
      error = delivery.complaint;
      break;
    }
  }
  record.end(error, words);
  if (!error.empty())
    throw Error(ErrorKind::Device, fmt::format("{}: {}: {}", session.device().name, intent, error));
}

Missing missing_after(Session &session) {
  const auto end = std::chrono::steady_clock::now() + session.driver().settle;
  for (;;) {
    Missing found{{}, session.read()};
    found.text = missing(found.installed);
    if (found.text.empty() || std::chrono::steady_clock::now() >= end)
      return found;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

std::string standing_after(Session &session) {
  const auto end = std::chrono::steady_clock::now() + session.driver().settle;
  std::string standing;
  while (std::chrono::steady_clock::now() < end) {
    standing.clear();
    for (const ListState &list : session.read().lists)
      if (list.stands)
        standing = list.list;
    if (standing.empty())
      break;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return standing;
}

void set_up_again(Site &site, const Device &device, const std::string &who) {
  require_own_files(site, device);
  Session session(device, site.config().driver(device), site.credentials(device), families_used(site, device), site.trace);
  session.open(Stage::Setup);
  DeviceReport report;
  Probes probes(site.config(), device);
  if (const SetupChange change = setup_change(session, Stage::Setup, Doubtful::Left); !change.script.empty())
    send_setup(site, session, change, probes, who, report);
  if (const std::string missing = missing_after(session).text; !missing.empty())
    throw Error(ErrorKind::Device, fmt::format("{}: the device accepted the setup, but {}", device.name, missing));
}

} // namespace banpush
