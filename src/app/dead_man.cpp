#include "app/dead_man.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr int most_proofs = 4;
constexpr std::chrono::milliseconds first_wait{500};
constexpr std::chrono::seconds turned_away_within{2};
// Between what we count and what the device counts: on the way there, and until it has returned.
constexpr Seconds beyond = 10;

void remember(Site &site, const std::string &device, std::optional<Seconds> within) {
  const std::lock_guard lock(site.state_lock());
  site.state().awaits_confirm(device, within);
}

// As the device counts it: some know minutes only, and none less than its least.
Seconds time_of(const Session &session) {
  const DeadMan &dead_man = *session.driver().dead_man;
  const Seconds unit = dead_man.unit == DeadMan::Unit::Minute ? minute : 1;
  const Seconds units = std::max<Seconds>((session.device().confirm + unit - 1) / unit, static_cast<Seconds>(dead_man.least));
  return units * unit + beyond;
}

// Whether the device shows what it held before the change; of a plan of a part, as far as the change goes.
bool is_as_before(const Installed &now, const Plan &plan) {
  const auto is_there = [&now](const Block &block, const std::string &list) {
    return std::any_of(now.entries.begin(), now.entries.end(), [&](const Entry &one) { return one.block == block && one.list == list; });
  };
  if (plan.extent == Plan::Extent::Part)
    return std::none_of(plan.change.add.begin(), plan.change.add.end(),
                        [&](const Addition &one) { return is_there(one.block, one.list); }) &&
           std::all_of(plan.change.remove.begin(), plan.change.remove.end(),
                       [&](const Removal &one) { return is_there(one.block, one.list); });
  return std::equal(now.entries.begin(), now.entries.end(), plan.installed.entries.begin(), plan.installed.entries.end(),
                    [](const Entry &a, const Entry &b) { return a.block == b.block && a.list == b.list; });
}

// A device has few sessions, and may count those that have just ended for a moment: one that turns us away at once is asked
// again. What is silent is not: that is what the proof is to find out.
void open_another(Site &site, const Session &session) {
  for (int tries = 1;; ++tries) {
    const auto begin = std::chrono::steady_clock::now();
    try {
      Session(session.device(), session.driver(), site.credentials(session.device()), {Family::IPv4, Family::IPv6}, site.trace).open();
      return;
    } catch (const Error &error) {
      const bool at_once = error.kind() == ErrorKind::Connect && std::chrono::steady_clock::now() - begin < turned_away_within;
      if (!at_once || tries == most_proofs)
        throw;
    }
    std::this_thread::sleep_for(first_wait * tries);
  }
}

} // namespace

void send_all(Session &session, const std::vector<Step> &steps, const char *what, std::string &words) {
  for (const Step &step : steps) {
    const Delivery delivery = session.send(step);
    words += delivery.words;
    if (!delivery.accepted)
      throw Error(ErrorKind::Device, fmt::format("{}: {}", what, delivery.complaint));
  }
}

std::string time_to_confirm(const Session &session) {
  return fmt::format("when its time to confirm is over (confirm: {}s)", session.device().confirm);
}

void begin_dead_man(Site &site, const Session &session, const Script &script, const Step &step) {
  const auto &dead_man = session.driver().dead_man;
  if (script.confirm.empty() || !dead_man)
    return;
  const Step &starts = dead_man->kind == DeadMan::Kind::Timer ? script.change.front() : script.change.back();
  if (&step == &starts)
    remember(site, session.device().name, time_of(session));
}

void end_dead_man_where_undone(Site &site, const Plan &plan, const Installed &now) {
  if (is_as_before(now, plan))
    remember(site, plan.device, std::nullopt);
}

std::optional<State::Unconfirmed> dead_man_of(Site &site, const Device &device) {
  const std::lock_guard lock(site.state_lock());
  return site.state().awaits_confirm(device.name);
}

std::string text_of(const State::Unconfirmed &unconfirmed) {
  return fmt::format("a change of {} was not confirmed: the device returns by itself to what it held before, and is left alone until {}",
                     unconfirmed.at, unconfirmed.until);
}

// What is not confirmed is taken back: at once where the device knows how, else when its time runs out. Says
// which of them, as read back; empty where nothing waits to be confirmed.
std::string undo(Site &site, Session &session, const Plan &plan, std::string &words) {
  if (plan.script.confirm.empty())
    return {};
  try {
    send_all(session, plan.script.cancel, "cancel", words);
    send_all(session, plan.script.leave, "leave", words);
    if (!plan.script.cancel.empty() && is_as_before(session.read(), plan)) {
      remember(site, session.device().name, std::nullopt);
      return "the change was cancelled, and the device shows again what it held before";
    }
  } catch (const Error &error) {
    words += std::string(error.what()) + "\n"; // the device undoes the change by itself; that is what the dead-man is for
  }
  return "the device returns by itself to what it held before, " + time_to_confirm(session);
}

// With a dead-man running: a second session proves that the device can be reached, then the change is
// confirmed through the first; without that proof it is cancelled, or rolls back when its time runs out.
void confirm(Site &site, Session &session, const Plan &plan, std::string &words) {
  if (plan.script.confirm.empty())
    return;
  try {
    open_another(site, session);
  } catch (const Error &error) {
    throw Error(ErrorKind::Connect, fmt::format("a second session could not be opened after the change, so it is not confirmed ({}); {}",
                                                error.what(), undo(site, session, plan, words)));
  }
  try {
    send_all(session, plan.script.confirm, "confirm", words);
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("{}; unless the device took it all the same, it returns to what it held before, {}", error.what(),
                                          time_to_confirm(session)));
  }
  remember(site, session.device().name, std::nullopt);
}

} // namespace banpush
