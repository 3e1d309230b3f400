#include "app/delivery.hpp"

#include "app/dead_man.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

namespace banpush {

namespace {

// A device that is busy (locked by somebody, saving) is asked again this often, waiting longer each time.
constexpr int most_tries = 4;
constexpr std::chrono::milliseconds first_wait{500};

const char *unit_of(const Script &script) noexcept {
  const TransportKind kind = script.change.empty() ? TransportKind::Cli : script.change.front().kind;
  if (kind == TransportKind::Cli)
    return "lines";
  return kind == TransportKind::Netconf ? "requests" : "programs";
}

Delivery send(Session &session, const Step &step, Progress &progress) {
  try {
    Delivery delivery = session.send(step);
    progress.went(step, delivery);
    return delivery;
  } catch (const CutOff &cut) {
    progress.cut(step, cut);
    throw;
  } catch (const Error &) {
    progress.lost(step);
    throw;
  }
}

// Once.
Delivery deliver_once(Site &site, Session &session, const Script &script, DeviceReport &report, Progress &progress) {
  std::string &words = report.words;
  Delivery last;
  last.accepted = true;
  progress = Progress(script);
  for (const Step &step : script.change) {
    begin_dead_man(site, session, script, step);
    last = send(session, step, progress);
    begin_dead_man(site, session, script, step); // the device may count from its answer on
    words += last.words;
    if (last.accepted && !last.complaint.empty())
      report.notes.push_back("the device consented with a warning: " + last.complaint);
    if (last.accepted)
      continue;
    for (const Step &back : steps_back(site, session, script, step, last))
      words += session.send(back).words;
    break;
  }
  return last;
}

Verified read_back(Session &session, const Plan &plan, Installed known, const Progress &progress) {
  try {
    return verify(session, plan, std::move(known));
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("the change was sent ({}), but what the device holds now could not be read: {}", progress.text(),
                                          error.what()));
  }
}

// Behind the words of what went wrong.
std::string what_becomes_of(const Session &session, const Script &script) {
  return script.confirm.empty()
             ? std::string()
             : fmt::format("; it was not confirmed, so the device holds what it held before, at the latest {}", time_to_confirm(session));
}

} // namespace

Progress::Progress(const Script &script) : unit_(unit_of(script)) {
  by_lines_ = std::any_of(script.change.begin(), script.change.end(), [](const Step &step) { return step.kind == TransportKind::Cli; });
  for (const Step &step : script.change) {
    all_ += units_of(step);
    commits_ = commits_ || step.stage == Stage::Commit;
  }
}

void Progress::went(const Step &step, const Delivery &delivery) {
  commit_sent_ = commit_sent_ || step.stage == Stage::Commit;
  const std::size_t accepted = delivery.accepted ? units_of(step) : by_lines_ ? delivery.lines : 0;
  accepted_ += accepted;
  sent_ += by_lines_ ? std::min(units_of(step), std::max(accepted, delivery.sent)) : 1;
}

void Progress::cut(const Step &step, const CutOff &cut) {
  commit_sent_ = commit_sent_ || (step.stage == Stage::Commit && cut.sent != 0);
  accepted_ += by_lines_ ? cut.accepted : 0;
  sent_ += by_lines_ ? cut.sent : 1;
}

void Progress::lost(const Step &step) {
  commit_sent_ = commit_sent_ || step.stage == Stage::Commit;
  sent_ += units_of(step);
}

std::string Progress::text() const {
  std::string text = fmt::format("{} of {} {} were accepted", accepted_, all_, unit_);
  if (sent_ != accepted_)
    text += fmt::format(", {} sent", sent_);
  if (commits_ && !is_whole())
    text += commit_sent_ ? ", the commit among them" : ", none of it committed";
  return text;
}

Sent deliver(Site &site, Session &session, const Script &script, DeviceReport &report) {
  Progress progress(script);
  try {
    Delivery last = deliver_once(site, session, script, report, progress);
    for (int tries = 1; last.busy && tries < most_tries; ++tries) {
      std::this_thread::sleep_for(first_wait * (1 << tries));
      last = deliver_once(site, session, script, report, progress);
    }
    return {std::move(last), progress};
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("{}; {}{}", error.what(), progress.text(), what_becomes_of(session, script)));
  }
}

SentAndRead deliver_and_verify(Site &site, Session &session, const Plan &plan, Installed known, DeviceReport &report) {
  Sent sent = deliver(site, session, plan.script, report);
  try {
    Verified verified = read_back(session, plan, std::move(known), sent.progress);
    return {std::move(sent.last), std::move(verified), sent.progress.text()};
  } catch (const Error &error) {
    throw Error(error.kind(), error.what() + what_becomes_of(session, plan.script));
  }
}

} // namespace banpush
