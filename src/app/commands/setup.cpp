#include "app/commands/pass.hpp"
#include "app/session.hpp"

#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <thread>

namespace banpush {

namespace {

using Json = nlohmann::json;

std::string text_of(const std::vector<Step> &steps) {
  Script script;
  script.change = steps;
  return script.text();
}

// Sends the steps of one stage, written down like a push. Throws Error (Device) at the first complaint.
void send(State &state, Session &session, const std::vector<Step> &steps, const char *intent) {
  const long record = state.started(session.device().name, intent, actor(), text_of(steps));
  std::string words, error;
  for (const Step &step : steps) {
    const Delivery delivery = session.send(step);
    words += delivery.words;
    if (!delivery.accepted) {
      error = delivery.complaint;
      break;
    }
  }
  state.ended(record, error.empty() ? "changed" : "failed", error, words);
  if (!error.empty())
    throw Error(ErrorKind::Device, fmt::format("{}: {}: {}", session.device().name, intent, error));
}

// What is wrong for people; empty when every list stands and is in force.
std::string missing(const Installed &installed) {
  std::string text;
  for (const ListState &list : installed.lists)
    if (!list.stands || !list.in_force)
      text += fmt::format("{}list {}: {}", text.empty() ? "" : "; ", list.list, list.why_not);
  return text;
}

// The same after a setup, as soon as the device shows what it accepted.
std::string missing_after(Session &session) {
  const auto end = std::chrono::steady_clock::now() + session.driver().settle;
  for (;;) {
    std::string text = missing(session.read());
    if (text.empty() || std::chrono::steady_clock::now() >= end)
      return text;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void say(const Settings &settings, const Device &device, const char *outcome, const std::string &script, const std::string &text) {
  if (settings.console.json())
    settings.console.out(Json{{"schema", 1}, {"device", device.name}, {"outcome", outcome}, {"script", script}}.dump(2) + "\n");
  else
    settings.console.out(text);
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
  Session session(device, driver, site.credentials(device), site.trace);
  session.open(stage);
  // What stands already is asked first: setup adds what is missing and replaces nothing.
  const Installed installed = session.read();
  const Facts facts = with_states(session.facts(), installed);
  const Rendering rendering = session.rendering(facts);
  if (const auto reasons = refusals(driver, stage, session.values(), facts, rendering.attach); !reasons.empty())
    throw Error(ErrorKind::Guard,
                fmt::format("{}: {} is refused, and nothing was sent: {}", device.name, word(stage), fmt::join(reasons, "; ")));
  const bool stands = stage == Stage::Setup && !installed.lists.empty() && missing(installed).empty();
  const std::vector<Step> steps = stands ? std::vector<Step>{} : render_stage(rendering, stage);
  const std::string script = text_of(steps);
  if (steps.empty()) {
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
    state.set_up(device.name, false); // before: nobody is to put it back meanwhile
  send(state, session, steps, word(stage));
  if (!options.remove)
    state.set_up(device.name, true);
  if (!options.remove)
    if (const std::string missing = missing_after(session); !missing.empty())
      throw Error(ErrorKind::Device, fmt::format("{}: the device accepted the setup, but {}", device.name, missing));
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
      Session session(*device, driver, site.credentials(*device), site.trace);
      session.open();
      send(state, session, render_stage(session.rendering(), Stage::Save), "save");
      settings.console.out(fmt::format("{}: saved\n", device->name));
    } catch (const Error &error) {
      settings.console.warn(error.what());
      code = 1;
    }
  }
  return code;
}

} // namespace banpush
