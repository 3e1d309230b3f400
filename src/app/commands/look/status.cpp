#include "app/commands/commands.hpp"
#include "app/commands/look/ghosts.hpp"
#include "app/commands/not_configured.hpp"
#include "app/dead_man.hpp"
#include "app/pass.hpp"
#include "app/record/spool_report.hpp"
#include "app/request/doorbell.hpp"
#include "app/state/state.hpp"
#include "app/world/names.hpp"
#include "app/world/spool.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

constexpr std::chrono::seconds patience_with_service{3};
constexpr Seconds lately = day;

// What the service says of itself and of each device; null where there is none.
Json answer_of_service(const Settings &settings, const Config &config) {
  try {
    if (auto answer = ask_service(config, {{"do", "status"}}, patience_with_service))
      return *answer;
  } catch (const Error &error) {
    settings.console.warn(fmt::format("what the service does cannot be told: {}", error.what()));
  }
  return nullptr;
}

// What keeps everything from every device: protected names that stand for nothing now, nor did lately. A service that can
// read the tables knows all of them.
std::vector<std::string> unknown_hosts(Config config, const Json &service) {
  if (service.is_object() && service.value("tables", "").empty())
    return {};
  std::vector<std::string> names;
  for (const NamedHost &one : config.policy.protect_hosts)
    names.push_back(one.host);
  for (const Device &device : config.devices)
    for (const NamedHost &one : device.policy.protect_hosts)
      names.push_back(one.host);
  if (names.empty())
    return {};
  NameAnswers answers = addresses_among(names);
  try {
    if (const SpoolLook look = look_into_spool(config.spool); look.spool)
      recall_names(answers, names, *look.spool);
  } catch (const Error &) { // what it remembers cannot be told: a push could not tell it either
  }
  // As long as a push waits for it, else it could not be said what that finds.
  std::erase_if(names, [&](const std::string &name) { return answers.known.contains(name); });
  answers.known.merge(ask_names(names, longest_for_names).known);
  return put_protected_hosts(config, answers);
}

const Json *of_device(const Json &service, const std::string &device) {
  if (service.is_object() && service.contains("devices"))
    for (const Json &one : service.at("devices"))
      if (one.value("device", "") == device)
        return &one;
  return nullptr;
}

// Of the device's conditions those that the last attempt's own line does not tell.
bool is_told_by_attempt(const State::Standing &one, const std::optional<State::LastAttempt> &attempt) {
  return attempt && attempt->outcome == word(Outcome::Failed) && one.condition.text == attempt->error;
}

std::string last_push_text(const State::Push &push) {
  const std::string outcome = !push.outcome.empty() ? push.outcome : push.running ? "under way" : "did not end, and its process is gone";
  return fmt::format("; last {} {} by {}: {}{}{}", push.intent, push.at, push.actor, outcome,
                     push.counts ? ", " + done_text(*push.counts) : std::string(), push.error.empty() ? "" : " (" + push.error + ")");
}

struct Told {
  std::string text;
  Json json;
};

Told tell(const Settings &settings, State &state, const Device &device, const Json *live) {
  const auto entries = state.ledger(device.name).size();
  const std::string read_at = state.verified_at(device.name);
  const auto push = state.last_push(device.name);
  const auto pause = state.paused(device.name);
  const auto attempt = state.last_attempt(device.name);
  const auto standing = state.conditions(device.name);
  const std::vector<double> times = state.times_to_block(device.name, lately);
  const double again_in = live != nullptr ? live->value("again_in", 0.0) : 0;
  const auto yellow = [&](const std::string &text) { return settings.console.paint(Colour::Yellow, text); };
  Told told;
  if (!state.trouble().empty()) {
    told.text = fmt::format("{:<20} {:<18} what it holds is not known: the state file cannot be used\n", device.name, device.driver);
    told.json = {{"device", device.name},       {"driver", device.driver}, {"entries", nullptr}, {"read", nullptr},
                 {"conditions", Json::array()}, {"again_in", nullptr},     {"last", nullptr},    {"attempt", nullptr},
                 {"blocked_after", nullptr},    {"paused", nullptr}};
    return told;
  }
  told.text = fmt::format(
      "{:<20} {:<18} {:>7} entries  {}{}{}{}\n", device.name, device.driver, entries, read_at.empty() ? "never read" : "as read " + read_at,
      push ? last_push_text(*push) : std::string(),
      times.empty() ? std::string()
                    : fmt::format("; blocked after {:.1f} s, at most {:.1f} s (last day)", times[times.size() / 2], times.back()),
      pause ? yellow(fmt::format("; paused by {}{}{}", pause->actor, pause->left ? " until " + moment_text(*pause->left) : std::string(),
                                 pause->reason.empty() ? "" : ": " + pause->reason))
            : std::string());
  const bool fails = attempt && attempt->outcome == word(Outcome::Failed);
  if (fails)
    told.text += "  " +
                 yellow(fmt::format("fails since {}: {}; last tried {}{}", attempt->since, attempt->error, attempt->at,
                                    again_in > 0 ? fmt::format(", again in {:.0f} s", again_in) : std::string())) +
                 "\n";
  Json conditions = Json::array();
  for (const State::Standing &one : standing) {
    conditions.push_back({{"name", one.condition.name}, {"text", one.condition.text}, {"since", one.since}});
    if (!is_told_by_attempt(one, attempt))
      told.text += "  " + yellow(fmt::format("since {}: {}", one.since, one.condition.text)) + "\n";
  }
  // A push that was killed could tell nobody.
  const auto unconfirmed = state.awaits_confirm(device.name);
  if (unconfirmed && std::none_of(standing.begin(), standing.end(), [](const auto &one) { return one.condition.name == "unconfirmed"; })) {
    conditions.push_back({{"name", "unconfirmed"}, {"text", text_of(*unconfirmed)}, {"since", unconfirmed->at}});
    told.text += "  " + yellow(fmt::format("since {}: {}", unconfirmed->at, text_of(*unconfirmed))) + "\n";
  }
  Json last = nullptr;
  if (push)
    last = {{"at", push->at},
            {"intent", push->intent},
            {"actor", push->actor},
            {"outcome", push->outcome},
            {"error", push->error},
            {"running", push->running},
            {"changed", to_json(push->counts)}};
  told.json = {{"device", device.name},
               {"driver", device.driver},
               {"entries", entries},
               {"read", read_at},
               {"blocked_after",
                times.empty() ? Json(nullptr) : Json{{"median", times[times.size() / 2]}, {"most", times.back()}, {"count", times.size()}}},
               {"last", last},
               {"attempt", fails
                               ? Json{{"at", attempt->at}, {"since", attempt->since}, {"error", attempt->error}, {"actor", attempt->actor}}
                               : Json(nullptr)},
               {"again_in", again_in > 0 ? Json(again_in) : Json(nullptr)},
               {"conditions", conditions},
               {"paused", pause.has_value()}};
  return told;
}

int once(const Settings &settings, const StatusOptions &options) {
  if (options.ghosts)
    return ghosts(settings, options.devices);
  const Config config = load_all(settings);
  const auto meant = chosen(config, options.devices);
  State state(config.state);
  const Json service = answer_of_service(settings, config);
  Json devices = Json::array(), gone = Json::array();
  std::string out;
  for (const Device *device : meant) {
    Told told = tell(settings, state, *device, of_device(service, device->name));
    out += told.text;
    devices.push_back(std::move(told.json));
  }
  for (const State::Known &one : no_longer_configured(state, config)) {
    out += settings.console.paint(Colour::Yellow, what_to_put_back(one)) + "\n";
    gone.push_back({{"device", one.name}, {"driver", one.driver}, {"address", one.address}, {"entries", one.entries}});
  }
  const auto unknown = unknown_hosts(config, service);
  for (const std::string &one : unknown)
    out += settings.console.paint(Colour::Yellow, "nothing is pushed to any device: " + one) + "\n";
  const std::string tables = service.is_object() ? service.value("tables", "") : std::string();
  if (!tables.empty())
    out +=
        settings.console.paint(Colour::Yellow, fmt::format("the service cannot read the tables, devices keep what they hold: {}", tables)) +
        "\n";
  const std::string unwritten = service.is_object() ? service.value("state", "") : std::string();
  if (!unwritten.empty() && unwritten != state.trouble())
    out += settings.console.paint(Colour::Yellow, fmt::format("the service: {}", unwritten)) + "\n";
  const std::string http = service.is_object() ? service.value("http", "") : std::string();
  if (!http.empty())
    out += settings.console.paint(Colour::Yellow, http) + "\n";
  const std::string alerts = service.is_object() ? service.value("alerts", "") : std::string();
  if (!alerts.empty())
    out += settings.console.paint(Colour::Yellow, "an alert was not delivered, and is tried again: " + alerts) + "\n";
  if (!state.trouble().empty())
    settings.console.warn(state.trouble());
  const SpoolReport spool = report_of_spool(config.spool);
  for (const std::string &line : spool.text)
    out += settings.console.paint(Colour::Yellow, line) + "\n";
  const Json served =
      service.is_object() ? Json{{"tables", tables}, {"state", unwritten}, {"http", http}, {"alerts", alerts}} : Json(nullptr);
  if (settings.console.json())
    settings.console.out(Json{{"schema", 1},
                              {"devices", devices},
                              {"not_configured", gone},
                              {"service", served},
                              {"spool", spool.json},
                              {"unknown_hosts", unknown}}
                             .dump(2) +
                         "\n");
  else
    settings.console.tell(out);
  return 0;
}

} // namespace

int status(const Settings &settings, const StatusOptions &options) {
  if (options.watch == 0)
    return once(settings, options);
  for (;;) {
    if (settings.console.columns != 0)
      settings.console.out("\033[H\033[2J"); // ECMA-48: to the top, and all of it empty
    try {
      once(settings, options);
    } catch (const Error &error) { // the table may be back the next time
      settings.console.warn(error.what());
    }
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::seconds{options.watch});
  }
}

} // namespace banpush
