#include "app/dead_man.hpp"

#include "core/reading/parse.hpp"

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

// Until the device has returned, by our clock.
Seconds time_of(const Session &session) { return session.driver().dead_man->taken(session.device().confirm) + beyond; }

// Of a plan of a part, as far as its change goes.
bool shows_part_as_before(const Installed &now, const Plan &plan) {
  const auto is_there = [&now](const Block &block, const std::string &list) {
    return std::any_of(now.entries.begin(), now.entries.end(), [&](const Entry &one) { return one.block == block && one.list == list; });
  };
  return std::none_of(plan.change.add.begin(), plan.change.add.end(), [&](const Addition &one) { return is_there(one.block, one.list); }) &&
         std::all_of(plan.change.remove.begin(), plan.change.remove.end(),
                     [&](const Removal &one) { return is_there(one.block, one.list); });
}

bool has_same_entries(const Installed &now, const Installed &before) {
  return std::equal(now.entries.begin(), now.entries.end(), before.entries.begin(), before.entries.end(),
                    [](const Entry &a, const Entry &b) { return a.block == b.block && a.list == b.list; });
}

bool has_same_lists(const Installed &now, const Installed &before) {
  return std::equal(
      now.lists.begin(), now.lists.end(), before.lists.begin(), before.lists.end(),
      [](const ListState &a, const ListState &b) { return a.list == b.list && a.stands == b.stands && a.in_force == b.in_force; });
}

std::string kind_text(const DeadMan &dead_man) { return dead_man.kind == DeadMan::Kind::Commit ? "confirmed commit" : "revert timer"; }

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
  return fmt::format("when its time to confirm is over (confirm: {}s)", session.driver().dead_man->taken(session.device().confirm));
}

DeadManUse dead_man_use(const Session &session, const Device &device, const std::string &risk) {
  using When = Device::ConfirmWhen;
  DeadManUse use;
  const auto &dead_man = session.driver().dead_man;
  use.why = risk.empty() ? "some hosts, as on any day" : risk;
  if (!dead_man)
    return use;
  use.kind = kind_text(*dead_man);
  use.within = dead_man->taken(device.confirm);
  if (!holds(dead_man->when, session.values(), session.facts()))
    use.needs = dead_man->when;
  use.used = use.needs.empty() && device.confirm_when != When::Never && (device.confirm_when == When::Always || !risk.empty());
  if (!use.used && use.needs.empty())
    use.why += device.confirm_when == When::Never ? "; confirm_when: never" : "; confirm_when: risky";
  return use;
}

Rendering rendering_for(const Session &session, const Facts &facts, const DeadManUse &use) {
  Rendering rendering = session.rendering(facts);
  if (!use.used)
    rendering.confirm_seconds = 0;
  return rendering;
}

std::string objection_to_trial(Session &session, const Script &script) {
  if (script.confirm.empty() || !session.driver().dead_man)
    return {};
  for (const Check &check : session.driver().dead_man->refuse)
    if (holds(check.when, session.values(), session.facts()) && !good(check, session.values(), session.ask(check.send, check.run)))
      return expand(check.says, session.values());
  return {};
}

void begin_dead_man(Site &site, const Session &session, const Script &script, const Step &step) {
  const auto &dead_man = session.driver().dead_man;
  if (script.confirm.empty() || !dead_man)
    return;
  const Step &starts = dead_man->kind == DeadMan::Kind::Timer ? script.change.front() : script.change.back();
  if (&step == &starts)
    remember(site, session.device().name, time_of(session));
}

const std::vector<Step> &steps_back(Site &site, const Session &session, const Script &script, const Step &step, const Delivery &refused) {
  const auto &dead_man = session.driver().dead_man;
  const bool began = script.confirm.empty() || !dead_man || dead_man->kind != DeadMan::Kind::Timer || &step != &script.change.front() ||
                     refused.lines != 0;
  if (began)
    return script.abort;
  remember(site, session.device().name, std::nullopt);
  return script.abort_unarmed;
}

AsBefore as_before(const Plan &plan) {
  return [&plan](const Installed &now) {
    return plan.extent == Plan::Extent::Part ? shows_part_as_before(now, plan) : has_same_entries(now, plan.installed);
  };
}

AsBefore as_before(const Installed &before) {
  return [&before](const Installed &now) { return has_same_lists(now, before) && has_same_entries(now, before); };
}

void end_dead_man_where_undone(Site &site, const std::string &device, const AsBefore &is_as_before, const Installed &now) {
  if (is_as_before(now))
    remember(site, device, std::nullopt);
}

std::optional<State::Unconfirmed> dead_man_of(Site &site, const Device &device) {
  const std::lock_guard lock(site.state_lock());
  return site.state().awaits_confirm(device.name);
}

std::string text_of(const State::Unconfirmed &unconfirmed) {
  return fmt::format("a change of {} was not confirmed: the device returns by itself to what it held before, and is left alone until {}",
                     unconfirmed.at, unconfirmed.until);
}

void wait_for_dead_man(Site &site, const Device &device, const std::function<void(const std::string &)> &say) {
  const auto unconfirmed = dead_man_of(site, device);
  if (!unconfirmed)
    return;
  const std::string text = fmt::format("{}: {}", device.name, text_of(*unconfirmed));
  if (unconfirmed->left > longest_left_alone)
    throw Error(ErrorKind::Device, text);
  say(text + "; waiting for that");
  std::this_thread::sleep_for(std::chrono::seconds{unconfirmed->left + 1});
}

std::string undo(Site &site, Session &session, const Script &script, const AsBefore &is_as_before, std::string &words) {
  if (script.confirm.empty())
    return {};
  try {
    send_all(session, script.cancel, "cancel", words);
    send_all(session, script.leave, "leave", words);
    if (!script.cancel.empty() && is_as_before(session.read())) {
      remember(site, session.device().name, std::nullopt);
      return "the change was cancelled, and the device shows again what it held before";
    }
  } catch (const Error &error) {
    words += std::string(error.what()) + "\n"; // the device undoes the change by itself; that is what the dead-man is for
  }
  return "the device returns by itself to what it held before, " + time_to_confirm(session);
}

std::vector<std::string> prove(Site &site, const Session &session, Probes &probes) {
  try {
    open_another(site, session);
  } catch (const Error &error) {
    throw Error(ErrorKind::Connect, fmt::format("a second session could not be opened after the change ({})", error.what()));
  }
  probes.look_after();
  std::vector<std::string> proved = probes.reached();
  proved.insert(proved.begin(), "a new session");
  return proved;
}

void confirm(Site &site, Session &session, const Script &script, const AsBefore &is_as_before, Probes &probes, DeviceReport &report) {
  if (script.confirm.empty())
    return;
  std::vector<std::string> proved;
  try {
    proved = prove(site, session, probes);
  } catch (const Error &error) {
    throw Error(ErrorKind::Connect,
                fmt::format("{}, so it is not confirmed; {}", error.what(), undo(site, session, script, is_as_before, report.words)));
  }
  try {
    send_all(session, script.confirm, "confirm", report.words);
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("{}; unless the device took it all the same, it returns to what it held before, {}", error.what(),
                                          time_to_confirm(session)));
  }
  remember(site, session.device().name, std::nullopt);
  if (report.dead_man)
    report.dead_man->proved = std::move(proved);
}

} // namespace banpush
