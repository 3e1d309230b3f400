#include "app/commands/commands.hpp"
#include "app/commands/not_configured.hpp"
#include "app/dead_man.hpp"
#include "app/pass.hpp"
#include "app/planning.hpp"
#include "app/record/waiting.hpp"
#include "app/request/doorbell.hpp"
#include "app/request/push_request.hpp"
#include "app/site/session.hpp"
#include "app/state/turn.hpp"
#include "app/words/said_length.hpp"
#include "app/world/rights.hpp"
#include "app/world/spool.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

void say_paused(const Settings &settings, const char *key, const std::vector<const Device *> &devices, const std::string &text) {
  Json names = Json::array();
  for (const Device *device : devices)
    names.push_back(device->name);
  if (settings.console.json())
    settings.console.out(Json{{"schema", 1}, {key, names}}.dump(2) + "\n");
  else
    for (const Device *device : devices)
      settings.console.out(fmt::format("{}: {}\n", device->name, text));
}

// A pause that is not written down would be one only in name.
void require(const State &state) {
  if (!state.trouble().empty())
    throw Error(ErrorKind::Config, state.trouble());
}

void say_entries(std::string &out, const char *title, const std::vector<std::string> &lines) {
  if (lines.empty())
    return;
  out += fmt::format("{} ({}):\n", title, lines.size());
  for (const std::string &line : lines)
    out += "  " + line + "\n";
}

Json installed_json(const Installed &installed) {
  Json entries = Json::array(), lists = Json::array();
  for (const Entry &entry : installed.entries) {
    entries.push_back({{"prefix", entry.block.prefix.text()},
                       {"service", entry.block.service.text()},
                       {"list", entry.list},
                       {"number", entry.number},
                       {"hits", entry.hits},
                       {"in_force", installed.is_in_force(entry)},
                       {"reason", entry.why_not}});
  }
  for (const ListState &list : installed.lists)
    lists.push_back({{"list", list.list},
                     {"stands", list.stands},
                     {"in_force", list.stands && list.in_force},
                     {"reason", list.why_not},
                     {"doubts", list.doubts}});
  return {{"entries", entries}, {"lists", lists}};
}

std::string show_text(const Settings &settings, const DeviceReport &report) {
  const Plan &plan = *report.plan;
  std::vector<std::string> installed, absent, foreign;
  for (const Entry &entry : plan.installed.entries)
    (plan.installed.is_in_force(entry) ? installed : absent)
        .push_back(fmt::format("{:<24} {}{}{}", entry.block.text(), entry.list, entry.number.empty() ? "" : " " + entry.number,
                               entry.in_force ? "" : ": " + entry.why_not));
  for (const Foreign &one : of_others(plan.installed))
    foreign.push_back(fmt::format("{}{}", one.list.empty() ? "" : one.list + ": ", shown(one.text, 160)));
  std::string out;
  for (const ListState &list : plan.installed.lists)
    if (!list.stands || !list.in_force)
      out += settings.console.paint(
          Colour::Yellow,
          fmt::format("list {} {}: {}\n", list.list,
                      list.stands ? "is not in force, what it holds counts as absent" : "does not exist on the device", list.why_not));
  for (const ListState &list : plan.installed.lists)
    for (const std::string &doubt : list.doubts)
      out += settings.console.paint(Colour::Yellow, fmt::format("list {}: {}\n", list.list, doubt));
  say_entries(out, "on the device, ours", installed);
  say_entries(out, "on the device, ours, but not in force", absent);
  say_entries(out, "on the device, of others, left alone", foreign);
  return out;
}

// A rescue waits so long for a service to give up its devices, for it to end where it does not answer, and for a push to end.
constexpr std::chrono::seconds patience_with_service{22}, patience_behind_it{3}, patience_behind_a_push{60};

// The devices to ourselves: from the service, which keeps their sessions, or by the turn. A rescue does not wait for
// ever for either.
std::optional<Turn> turn_for_rescue(const Settings &settings, const Config &config, const std::vector<const Device *> &devices) {
  std::chrono::seconds patience = patience_behind_a_push;
  bool locks = true; // or somebody has taken care that we get none: a rescue depends on no lock
  try {
    if (auto turn = Turn::attempt(config.state, "flush"))
      return turn;
  } catch (const Error &error) {
    settings.console.warn(fmt::format("{}; going on without it", error.what()));
    locks = false;
  }
  try {
    Json names = Json::array();
    for (const Device *device : devices)
      names.push_back(device->name);
    if (ask_service(config, {{"do", "release"}, {"devices", names}}, patience_with_service,
                    saying_whom(settings, config, patience_with_service)))
      return std::nullopt;
  } catch (const Error &error) { // what does not answer will not end either
    settings.console.warn(error.what());
    patience = patience_behind_it;
  }
  if (!locks)
    return std::nullopt;
  settings.console.note(
      fmt::format("{} has the turn; waiting for it to end, at most {}", Turn::holder(config.state), duration(patience.count())));
  auto turn = Turn::within(config.state, "flush", patience);
  if (!turn)
    settings.console.warn(fmt::format("{} does not end; going on beside it, which may put entries back until it sees the pause: end it, or "
                                      "start the service anew, and look with `banpush show DEVICE`",
                                      Turn::holder(config.state)));
  return turn;
}

} // namespace

int flush(const Settings &settings, const FlushOptions &options) {
  if (options.devices.empty() != options.all)
    throw Error(ErrorKind::Usage, "flush takes the names of devices, or --all");
  Config config = load_for_rescue_of(settings, options.devices);
  require_service_rights(config, "flush");
  const auto meant = chosen(config, options.devices);
  State state(config.state);
  // Paused first: the service, or a push that starts right behind, must not put everything back.
  for (const Device *device : meant)
    state.pause(device->name, std::nullopt, options.reason.empty() ? "flushed" : options.reason, actor());
  const bool are_paused = std::all_of(meant.begin(), meant.end(), [&](const Device *device) { return state.paused(device->name); });
  if (!are_paused)
    settings.console.warn(fmt::format("no pause can be written down, so the next push puts everything back: {}", state.trouble()));
  std::optional<Turn> turn = turn_for_rescue(settings, config, meant);
  const long served = state.requested();
  Site site(config, state, {}, {});
  site.trace = trace_to(settings.trace);
  Order order;
  order.intent = Intent::Flush;
  order.actor = actor();
  order.say = [&](const std::string &text) { settings.console.warn(text); };
  const Report report = push_devices(site, meant, order);
  if (settings.console.json())
    settings.console.out(to_json(report).dump(2) + "\n");
  else
    settings.console.out(to_text(report, Detail::Push, settings.console));
  if (are_paused)
    settings.console.note("left paused; `banpush resume DEVICE` goes on");
  else
    settings.console.warn("NOT left paused: stop the service and scheduled pushes, or mend the state file and `banpush pause DEVICE`");
  const auto gone = options.all ? no_longer_configured(state, config) : std::vector<State::Known>();
  for (const State::Known &one : gone)
    settings.console.warn(what_to_put_back(one));
  turn.reset();
  if (config.warnings.empty() && state.requested() > served) // bans that came meanwhile; not on a configuration that only a rescue may use
    ask_for_push(settings, config);
  return are_paused && gone.empty() ? report.exit_code() : std::max(1, report.exit_code());
}

int pause(const Settings &settings, const PauseOptions &options) {
  std::optional<Seconds> length;
  if (!options.length.empty())
    length = said_length("pause --for", options.length);
  const Config config = load_for_rescue_of(settings, options.devices);
  require_service_rights(config, "pause");
  const auto meant = chosen(config, options.devices);
  State state(config.state);
  for (const Device *device : meant)
    state.pause(device->name, length && *length != permanent ? length : std::nullopt, options.reason, actor());
  require(state);
  say_paused(settings, "paused", meant, !length || *length == permanent ? "paused until `banpush resume`" : "paused for " + options.length);
  return 0;
}

int resume(const Settings &settings, const PauseOptions &options) {
  const Config config = load_for_rescue_of(settings, options.devices);
  require_service_rights(config, "resume");
  const auto meant = chosen(config, options.devices);
  State state(config.state);
  require(state); // who cannot read it does not know who is paused
  std::vector<const Device *> resumed;
  for (const Device *device : meant)
    if (state.resume(device->name))
      resumed.push_back(device);
    else
      settings.console.note(fmt::format("{} was not paused", device->name));
  require(state);
  say_paused(settings, "resumed", resumed, "resumed with the next push");
  return 0;
}

int show(const Settings &settings, const std::string &name) {
  Config config = load_for_rescue_of(settings, {name});
  const Device &device = *chosen(config, {name}).front();
  Fetched fetched;
  std::string without; // why what is wanted cannot be told
  if (!config.warnings.empty()) {
    without = "the configuration is not in order";
  } else {
    try {
      fetched = fetch_with_waiting(config);
      require_protected_hosts(fetched.unknown_hosts);
    } catch (const Error &error) {
      without = error.what();
    }
  }
  State state(config.state);
  Site site(config, state, std::move(fetched.bans), std::move(fetched.protect));
  site.trace = trace_to(settings.trace);
  DeviceReport report;
  report.device = device.name;
  report.driver = device.driver;
  Session session(device, config.driver(device), site.credentials(device), families_used(site, device), site.trace);
  session.open();
  session.remember(known_to_ledger(site, device));
  const Installed installed = session.read();
  if (without.empty()) {
    report.plan = make_plan(site, session, installed, Order{}).plan;
    state.keep_as_read(device.name, as_read(installed, report.plan->left_out));
  } else {
    report.plan = Plan{};
    report.plan->installed = installed;
    settings.console.warn(fmt::format("what is wanted cannot be told ({}); what is installed:", without));
  }
  report.paused = state.paused(device.name).has_value();
  report.unsaved = state.unsaved(device.name).why;
  if (const auto unconfirmed = dead_man_of(site, device))
    report.unconfirmed = text_of(*unconfirmed);
  // Where what it shows does not last, or what is wanted is not known, it is not said to be in step.
  report.outcome = without.empty() && report.unconfirmed.empty() && report.plan->change.empty() && report.plan->guards.empty()
                       ? Outcome::InSync
                       : Outcome::Planned;
  for (const ListState &list : installed.lists)
    for (const std::string &doubt : list.doubts)
      report.notes.push_back(fmt::format("list {}: {}", list.list, doubt));
  report.notes.insert(report.notes.end(), fetched.notes.begin(), fetched.notes.end());
  if (settings.console.json()) {
    Json json = to_json(Report{{report}, {}})["devices"][0];
    json["schema"] = 1;
    json["ours"] = installed_json(installed);
    if (!without.empty())
      json["wanted"] = nullptr;
    settings.console.out(json.dump(2) + "\n");
    return 0;
  }
  if (without.empty())
    settings.console.out(to_text(Report{{report}, {}}, Detail::Push, settings.console));
  settings.console.tell(show_text(settings, report));
  return 0;
}

} // namespace banpush
