#include "app/commands/commands.hpp"
#include "app/dead_man.hpp"
#include "app/pass.hpp"
#include "app/request/doorbell.hpp"
#include "app/request/push_request.hpp"
#include "app/site/list_files.hpp"
#include "app/state/turn.hpp"
#include "app/world/rights.hpp"
#include "files/open.hpp"

#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

constexpr std::size_t most_bytes_of_a_plan = 1UL << 30U;
constexpr std::chrono::minutes patience_with_service{26};
constexpr const char *no_devices = "no devices are configured: nothing to do (docs/configuration.md shows how to add one)";

void say(const Settings &settings, const Report &report, Detail detail) {
  if (settings.console.json()) {
    settings.console.out(to_json(report).dump(2) + "\n");
    return;
  }
  settings.console.out(to_text(report, detail, settings.console));
  if (settings.console.verbose())
    for (const DeviceReport &device : report.devices)
      if (!device.words.empty())
        settings.console.note(fmt::format("--- {} said:\n{}", device.device, device.words));
}

void save_plan(const std::string &path, const Report &report) {
  Json hashes = Json::object();
  for (const DeviceReport &device : report.devices)
    if (device.plan)
      hashes[device.device] = device.plan->hash;
  Json json = to_json(report);
  json["hashes"] = std::move(hashes);
  const auto file = open_anew(path, Shared::AllRead);
  if (!file)
    throw Error(ErrorKind::Usage, fmt::format("the plan cannot be written to {}: {}", path, file.error().text));
  if (const auto written = write_whole(file->get(), json.dump(2) + "\n"); !written)
    throw Error(ErrorKind::Usage, fmt::format("the plan cannot be written to {}: {}", path, written.error().text));
}

std::map<std::string, std::string> saved_hashes(const std::string &path) {
  const auto text = read_given(path, most_bytes_of_a_plan);
  if (!text)
    throw Error(ErrorKind::Usage, fmt::format("the plan {} cannot be read: {}", path, text.error().text));
  const Json json = Json::parse(*text, nullptr, false);
  if (json.is_discarded() || !json.contains("hashes") || !json["hashes"].is_object())
    throw Error(ErrorKind::Usage, fmt::format("{} is not a plan that `banpush plan --out` wrote", path));
  std::map<std::string, std::string> hashes;
  for (const auto &[device, hash] : json["hashes"].items())
    hashes[device] = hash.is_string() ? hash.get<std::string>() : std::string();
  return hashes;
}

// The service waits for such a device, too, and says nothing until it has pushed.
void say_what_is_waited_for(const Settings &settings, const Config &config, const Names &devices) {
  const auto meant = chosen(config, devices);
  State state(config.state);
  for (const Device *device : meant)
    if (const auto unconfirmed = state.awaits_confirm(device->name))
      settings.console.note(fmt::format("{}: {}; waiting for that", device->name, text_of(*unconfirmed)));
}

// The service has the devices' sessions: it pushes, and says what came of it. Nothing where there is none.
std::optional<int> push_by_service(const Settings &settings, const Config &config, const Names &devices, const Order &order) {
  if (!is_served(config))
    return std::nullopt; // what this process waits for is said by its pass
  say_what_is_waited_for(settings, config, devices);
  const Json request{{"do", "push"},
                     {"devices", devices},
                     {"force", order.forced},
                     {"hashes", order.hashes},
                     {"actor", order.actor},
                     {"json", settings.console.json()},
                     {"colour", settings.console.colour}};
  const auto answer = ask_service(config, request, patience_with_service, saying_whom(settings, config, patience_with_service));
  if (!answer)
    return std::nullopt;
  if (!settings.trace.empty())
    settings.console.note("the service pushed: there is no trace of it here");
  const auto text = answer->at("out").get<std::string>();
  if (settings.console.json())
    settings.console.out(text);
  else
    settings.console.tell(text);
  return answer->at("code").get<int>();
}

} // namespace

int plan(const Settings &settings, const PlanOptions &options) {
  Config config = load_all(settings);
  require_files_of_their_own(config);
  Order order;
  order.depth = options.offline ? Depth::Offline : Depth::Plan;
  const Report report = run_pass(settings, config, options.devices, order);
  if (report.devices.empty())
    settings.console.note(no_devices);
  say(settings, report, Detail::Plan);
  if (!options.out.empty())
    save_plan(options.out, report);
  const int code = report.exit_code();
  return code == 0 && options.exit_code && report.has_changes() ? 4 : code;
}

int push(const Settings &settings, const PushOptions &options) {
  Config config = load_all(settings);
  require_files_of_their_own(config);
  if (options.turn >= 0) {
    const auto report = push_requested(settings, config, State(config.state).requested() - 1, Turn::inherited(options.turn, "push"));
    return report ? report->exit_code() : 0;
  }
  if (!options.shows.empty()) {
    const auto prefix = Prefix::parse(options.shows);
    if (!prefix)
      throw Error(ErrorKind::Usage, fmt::format("push --shows {}: no prefix", shown(options.shows)));
    settings.console.out(push_and_show(settings, config, *prefix).dump() + "\n");
    return 0;
  }
  require_service_rights(config, "push");
  Order order;
  order.actor = actor();
  order.forced = options.repair ? std::set<std::string>(liftable.begin(), liftable.end()) : forced_limits(options.force);
  Names devices = options.devices;
  if (!options.plan.empty()) {
    order.hashes = saved_hashes(options.plan);
    if (devices.empty())
      for (const auto &[device, hash] : order.hashes)
        devices.push_back(device);
  }
  chosen(config, devices); // before the turn is taken: throws where one is unknown
  const Config untouched = config;
  std::optional<Turn> turn = Turn::attempt(config.state, "push");
  for (std::string said; !turn;) {
    if (const auto code = push_by_service(settings, config, devices, order))
      return *code;
    const std::string waiting_for = fmt::format("{} has the turn; waiting for it to end", Turn::holder(config.state));
    if (std::exchange(said, waiting_for) != waiting_for)
      settings.console.note(waiting_for);
    turn = Turn::within(config.state, "push", std::chrono::seconds{10});
  }
  const long served = State(config.state).requested();
  const Report report = run_pass(settings, config, devices, order);
  turn.reset();
  if (report.devices.empty())
    settings.console.note(no_devices);
  say(settings, report, Detail::Push);
  push_requested(settings, untouched, served);
  return report.exit_code();
}

} // namespace banpush
