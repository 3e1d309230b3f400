#include "app/commands/commands.hpp"
#include "app/commands/not_configured.hpp"
#include "app/dead_man.hpp"
#include "app/pass.hpp"
#include "app/planning.hpp"
#include "app/set_up.hpp"
#include "app/site/list_files.hpp"
#include "app/site/session.hpp"
#include "app/world/rights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

struct Told {
  const char *outcome;
  const SetupChange *change = nullptr; // null: the driver needs none
  const DeviceReport *report = nullptr;
  std::string error = {};
};

void say(const Settings &settings, const Device &device, const Told &told, const std::string &text) {
  if (!settings.console.json()) {
    settings.console.out(text);
    return;
  }
  Json json{{"schema", 1}, {"device", device.name}, {"outcome", told.outcome}, {"script", ""}, {"undo", ""}, {"dead_man", nullptr}};
  if (told.change != nullptr) {
    json["script"] = told.change->script.text();
    json["undo"] = told.change->undo;
    json["dead_man"] = to_json(told.report != nullptr && told.report->dead_man ? *told.report->dead_man : told.change->dead_man);
  }
  json["error"] = told.error;
  settings.console.out(json.dump(2) + "\n");
}

// Before anything is sent: afterwards it may be too late to be told.
void say_way_back(const Settings &settings, const Device &device, const SetupChange &change) {
  settings.console.note(fmt::format("{}: {}", device.name, change.dead_man.text()));
  if (!change.dead_man.used && !change.undo.empty())
    settings.console.note(
        fmt::format("{}: should the device not be reached after it, this takes it back at its console:\n{}", device.name, change.undo));
}

void say_what_was_proved(const Settings &settings, const Device &device, const DeviceReport &report) {
  if (!report.dead_man)
    return;
  if (!report.dead_man->proved.empty())
    settings.console.note(fmt::format("{}: answered after the change: {}", device.name, fmt::join(report.dead_man->proved, ", ")));
  for (const std::string &one : report.dead_man->not_judged)
    settings.console.note(fmt::format("{}: not judged: {}", device.name, one));
  for (const std::string &note : report.notes)
    settings.console.note(fmt::format("{}: {}", device.name, note));
}

// What is in force as far as can be told, and what a person has to do where banpush does nothing about it.
enum class Remains { Yes, No };
void say_doubts(const Settings &settings, const Device &device, const Installed &installed, Remains remains) {
  for (const ListState &list : installed.lists) {
    for (const std::string &doubt : list.doubts)
      settings.console.note(fmt::format("{}: list {}: {}", device.name, list.list, doubt));
    if (remains == Remains::Yes && list.may_be_passed)
      settings.console.note(
          fmt::format("{}: list {}: banpush moves no rule there; unless the earlier one lets nothing through, put it behind "
                      "the one that uses the list",
                      device.name, list.list));
  }
}

// Before it is taken away: the service must not put it back.
void forget_setup(State &state, const Device &device) {
  state.set_up(device.name, false);
  const bool would_come_back = device.is_local() && device.keep_setup && !state.trouble().empty();
  if (would_come_back || state.is_set_up(device.name))
    throw Error(ErrorKind::Config, fmt::format("nothing was sent: the service would set {} up again ({})", device.name, state.trouble()));
}

// The setup is done all the same; what rests on its being remembered is not promised.
void say_unwritten(const Settings &settings, const State &state, const Device &device, Stage stage) {
  if (state.trouble().empty())
    return;
  const bool would_be_kept = stage == Stage::Setup && device.is_local() && device.keep_setup;
  settings.console.warn(would_be_kept ? fmt::format("that {} is set up is not written down, so the service does not set it up again: {}",
                                                    device.name, state.trouble())
                                      : state.trouble());
}

// What was sent was accepted: that it cannot be read back now is no failure of it.
void say_standing(const Settings &settings, Session &session) {
  std::string why;
  try {
    if (const std::string list = standing_after(session); !list.empty())
      why = fmt::format("it still shows list {}", list);
  } catch (const Error &error) {
    why = error.what();
  }
  if (!why.empty())
    settings.console.warn(
        fmt::format("{}: the removal was accepted, but whether all is gone cannot be told: {}", session.device().name, why));
}

// Throws Error (Connect, Device), which is said in JSON, too.
void apply(const Settings &settings, Site &site, Session &session, const SetupChange &change, const std::set<Family> &families) {
  const Device &device = session.device();
  const bool removes = change.stage == Stage::Unsetup;
  State &state = site.state();
  if (removes)
    forget_setup(state, device);
  else
    state.made(device.name, families); // before it is sent: of what is there in part, too
  DeviceReport report;
  Probes probes(site.config(), device);
  probes.look_before();
  try {
    send_setup(site, session, change, probes, actor(), report);
    if (removes) {
      state.nothing_made(device.name);
      state.nothing_held(device.name);
      say_standing(settings, session);
    } else
      state.set_up(device.name, true);
    Missing after;
    if (!removes)
      after = missing_after(session);
    if (!after.text.empty())
      throw Error(ErrorKind::Device, fmt::format("{}: the device accepted the setup, but {}", device.name, after.text));
    say_doubts(settings, device, after.installed, Remains::Yes);
    prove_setup(site, session, change, probes, report);
  } catch (const Error &error) {
    say_what_was_proved(settings, device, report);
    if (settings.console.json())
      say(settings, device, {"failed", &change, &report, error.what()}, {});
    throw;
  }
  if (!removes)
    state.lists_stand(device.name);
  say_what_was_proved(settings, device, report);
  say_unwritten(settings, state, device, change.stage);
  say(settings, device, {"changed", &change, &report}, fmt::format("{}: {}\n", device.name, removes ? "removed" : "set up, and in force"));
}

} // namespace

int setup(const Settings &settings, const SetupOptions &options) {
  Config config = options.remove ? load_for_rescue_of(settings, {options.device}) : load_all(settings);
  require_service_rights(config, "setup");
  const Device &device = *chosen(config, {options.device}).front();
  const Driver &driver = config.driver(device);
  const Stage stage = options.remove ? Stage::Unsetup : Stage::Setup;
  if (!driver.has(stage)) {
    say(settings, device, {"in_sync"},
        fmt::format("{}: {} needs no {}\n", device.name, driver.name,
                    options.remove ? "removal: `banpush flush` takes away all that is ours" : "setup"));
    return 0;
  }
  State state(config.state);
  Site site(config, state, {}, {});
  site.trace = trace_to(settings.trace);
  require_files_of_their_own(config);
  require_own_files(site, device);
  const std::set<Family> families = options.remove ? families_to_clear(site, device) : families_used(site, device);
  if (const auto unconfirmed = dead_man_of(site, device); unconfirmed && !options.apply)
    throw Error(ErrorKind::Device, fmt::format("{}: {}", device.name, text_of(*unconfirmed)));
  wait_for_dead_man(site, device, [&](const std::string &text) { settings.console.note(text); });
  Session session(device, driver, site.credentials(device), families, site.trace);
  session.open(stage);
  state.lacks(device.name, session.lacking());
  session.remember(known_to_ledger(site, device));
  for (const std::string &note : session.notes())
    settings.console.note(note);
  const SetupChange change = setup_change(session, stage, Doubtful::Moved);
  if (!options.remove)
    say_doubts(settings, device, change.before, change.script.empty() ? Remains::Yes : Remains::No);
  if (change.script.empty()) {
    if (!options.remove && options.apply) {
      state.set_up(device.name, true);
      state.made(device.name, families);
      say_unwritten(settings, state, device, stage);
    }
    say(settings, device, {"in_sync", &change},
        fmt::format("{}: nothing to do, {}\n", device.name, options.remove ? "no list or binding of banpush is there" : "already set up"));
    return 0;
  }
  say_way_back(settings, device, change);
  if (!options.apply) {
    say(settings, device, {"planned", &change}, change.script.text());
    settings.console.note(
        fmt::format("nothing was sent; `banpush setup {}{} --apply` sends it", device.name, options.remove ? " --remove" : ""));
    return 0;
  }
  apply(settings, site, session, change, families);
  return 0;
}

int save(const Settings &settings, const Names &devices) {
  const Config config = load_all(settings);
  require_service_rights(config, "save");
  const auto meant = chosen(config, devices);
  State state(config.state);
  Site site(config, state, {}, {});
  site.trace = trace_to(settings.trace);
  int code = 0;
  Json told = Json::array();
  const auto tell = [&](const Device &device, const char *outcome, const std::string &text, const std::string &error) {
    told.push_back({{"device", device.name}, {"outcome", outcome}, {"error", error}});
    if (!settings.console.json())
      settings.console.out(text);
  };
  for (const Device *device : meant) {
    const Driver &driver = config.driver(*device);
    if (!driver.has(Stage::Save)) {
      tell(*device, "nothing_to_save", fmt::format("{}: nothing to save on {}\n", device->name, driver.name), "");
      continue;
    }
    try {
      Session session(*device, driver, site.credentials(*device), families_used(site, *device), site.trace);
      session.open();
      send_stage(site, session, render_stage(session.rendering(), Stage::Save), "save", actor());
      state.unsaved(device->name, State::Unsaved{});
      tell(*device, "saved", fmt::format("{}: saved\n", device->name), "");
    } catch (const Error &error) {
      settings.console.warn(error.what());
      tell(*device, "failed", "", error.what());
      code = 1;
    }
  }
  if (settings.console.json())
    settings.console.out(Json{{"schema", 1}, {"devices", std::move(told)}}.dump(2) + "\n");
  return code;
}

} // namespace banpush
