#include "app/commands/pass.hpp"
#include "app/planning.hpp"
#include "app/session.hpp"
#include "app/set_up.hpp"

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

namespace {

struct Setup {
  std::unique_ptr<Session> session;
  std::vector<Step> steps;
};

Setup prepare_for(const Settings &settings, Site &site, const Device &device, Stage stage, const std::set<Family> &families) {
  Setup made{std::make_unique<Session>(device, site.config().driver(device), site.credentials(device), families, site.trace), {}};
  made.session->open(stage);
  made.session->remember(known_to_ledger(site, device));
  made.steps = setup_steps(*made.session, stage);
  for (const std::string &note : made.session->notes())
    settings.console.note(note);
  return made;
}

// A removal is of all that was ever made, whatever the policy leaves out today; of a device that knows nothing of the other
// family, of what was used there.
Setup prepare(const Settings &settings, Site &site, const Device &device, Stage stage) {
  const std::set<Family> used = families_used(site, device), all{Family::IPv4, Family::IPv6};
  if (stage == Stage::Setup || used == all)
    return prepare_for(settings, site, device, stage, used);
  try {
    return prepare_for(settings, site, device, stage, all);
  } catch (const Error &error) {
    if (error.kind() != ErrorKind::Device)
      throw;
    settings.console.note(fmt::format("only {} is looked at: {}", used.count(Family::IPv4) != 0 ? "IPv4" : "IPv6", error.what()));
    return prepare_for(settings, site, device, stage, used);
  }
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
  Setup made = prepare(settings, site, device, stage);
  Session &session = *made.session;
  const std::vector<Step> &steps = made.steps;
  const std::string script = text_of(steps);
  if (steps.empty()) {
    if (!options.remove && options.apply)
      state.set_up(device.name, true);
    say(settings, device, "in_sync", "", fmt::format("{}: nothing to do, it stands already\n", device.name));
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
  send_stage(site, session, steps, word(stage), actor());
  if (!options.remove)
    state.set_up(device.name, true);
  if (!options.remove)
    if (const std::string missing = missing_after(session); !missing.empty())
      throw Error(ErrorKind::Device, fmt::format("{}: the device accepted the setup, but {}", device.name, missing));
  if (!options.remove)
    state.lists_stand(device.name);
  say(settings, device, "changed", script,
      fmt::format("{}: {}\n", device.name, options.remove ? "the skeleton is gone" : "set up, and in force"));
  return 0;
}

int save(const Settings &settings, const Names &devices) {
  const Config config = load_all(settings);
  State state(config.state);
  Site site(config, state, {}, {});
  site.trace = trace_to(settings.trace);
  int code = 0;
  for (const Device *device : chosen(config, devices)) {
    const Driver &driver = config.driver(*device);
    if (!driver.has(Stage::Save)) {
      settings.console.out(fmt::format("{}: nothing to save on {}\n", device->name, driver.name));
      continue;
    }
    try {
      Session session(*device, driver, site.credentials(*device), families_used(site, *device), site.trace);
      session.open();
      send_stage(site, session, render_stage(session.rendering(), Stage::Save), "save", actor());
      state.unsaved(device->name, State::Unsaved{});
      settings.console.out(fmt::format("{}: saved\n", device->name));
    } catch (const Error &error) {
      settings.console.warn(error.what());
      code = 1;
    }
  }
  return code;
}

} // namespace banpush
