#include "app/commands/commands.hpp"
#include "app/pass.hpp"
#include "app/planning.hpp"
#include "app/set_up.hpp"
#include "app/site/session.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

void say(const Settings &settings, const Device &device, const char *outcome, const std::string &script, const std::string &text) {
  if (settings.console.json())
    settings.console.out(Json{{"schema", 1}, {"device", device.name}, {"outcome", outcome}, {"script", script}}.dump(2) + "\n");
  else
    settings.console.out(text);
}

// Before it is taken away: the service must not put it back.
void forget_setup(State &state, const Device &device) {
  state.set_up(device.name, false);
  if (state.is_set_up(device.name))
    throw Error(ErrorKind::Config, fmt::format("nothing was sent: the service would set {} up again ({})", device.name, state.trouble()));
}

} // namespace

int setup(const Settings &settings, const SetupOptions &options) {
  Config config = options.remove ? load_for_rescue(settings, {options.device}) : load_all(settings);
  const Device &device = *chosen(config, {options.device}).front();
  const Driver &driver = config.driver(device);
  const Stage stage = options.remove ? Stage::Unsetup : Stage::Setup;
  if (!driver.has(stage)) {
    say(settings, device, "in_sync", "",
        fmt::format("{}: {} needs no {}\n", device.name, driver.name,
                    options.remove ? "removal: `banpush flush` takes away all that is ours" : "setup"));
    return 0;
  }
  State state(config.state);
  Site site(config, state, {}, {});
  site.trace = trace_to(settings.trace);
  const std::set<Family> families = options.remove ? families_to_clear(site, device) : families_used(site, device);
  Session session(device, driver, site.credentials(device), families, site.trace);
  session.open(stage);
  session.remember(known_to_ledger(site, device));
  for (const std::string &note : session.notes())
    settings.console.note(note);
  const std::vector<Step> steps = setup_steps(session, stage);
  const std::string script = text_of(steps);
  if (steps.empty()) {
    if (!options.remove && options.apply) {
      state.set_up(device.name, true);
      state.made(device.name, families);
    }
    say(settings, device, "in_sync", "",
        fmt::format("{}: nothing to do, {}\n", device.name, options.remove ? "no list or binding of banpush is there" : "already set up"));
    return 0;
  }
  if (!options.apply) {
    say(settings, device, "planned", script, script);
    settings.console.note(
        fmt::format("nothing was sent; `banpush setup {}{} --apply` sends it", device.name, options.remove ? " --remove" : ""));
    return 0;
  }
  if (options.remove)
    forget_setup(state, device);
  else
    state.made(device.name, families); // before it is sent: of what is there in part, too
  send_stage(site, session, steps, word(stage), actor());
  if (options.remove)
    state.nothing_made(device.name);
  else
    state.set_up(device.name, true);
  if (!options.remove)
    if (const std::string missing = missing_after(session); !missing.empty())
      throw Error(ErrorKind::Device, fmt::format("{}: the device accepted the setup, but {}", device.name, missing));
  if (!options.remove)
    state.lists_stand(device.name);
  say(settings, device, "changed", script, fmt::format("{}: {}\n", device.name, options.remove ? "removed" : "set up, and in force"));
  return 0;
}

int save(const Settings &settings, const Names &devices) {
  const Config config = load_all(settings);
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
  for (const Device *device : chosen(config, devices)) {
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
