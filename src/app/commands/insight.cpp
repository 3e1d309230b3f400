#include "app/commands/commands.hpp"
#include "app/on_device.hpp"
#include "app/pass.hpp"
#include "app/record/waiting.hpp"
#include "core/bans/stats.hpp"
#include "core/policy/explain.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

// Of one address, so that all that is said of it stays on one screen.
constexpr std::size_t most_rows = 8;

// Everything these verbs look at: nothing is connected to.
struct Outlook {
  Config config;
  Fetched fetched;
  std::vector<std::string> notes;
  State state;
  Site site;

  explicit Outlook(const Settings &settings)
      : config(load_all(settings)), fetched(fetch_with_waiting(config)), notes(std::move(fetched.notes)), state(config.state),
        site(config, state, std::move(fetched.bans), std::move(fetched.protect)) {}
};

std::string age_text(Seconds age) {
  if (age < 2 * minute)
    return fmt::format("{} s ago", age);
  if (age < 2 * hour)
    return fmt::format("{} min ago", age / minute);
  if (age < 2 * day)
    return fmt::format("{} h ago", age / hour);
  return fmt::format("{} days ago", age / day);
}

Json step_json(const PolicyStep &step) {
  return {{"step", step.name}, {"verdict", step.result == PolicyStep::Result::Passes ? "passes" : "stops"}, {"text", step.text}};
}

// Devices whose policy and protected set are equal share one explanation.
struct Group {
  std::vector<const Device *> devices;
  Explanation explanation;
};

std::vector<Group> groups_of(Outlook &view, const Prefix &prefix) {
  std::vector<Group> groups;
  for (const Device &device : view.config.devices) {
    const auto same =
        std::find_if(groups.begin(), groups.end(), [&](const Group &group) { return group.devices.front()->policy == device.policy; });
    if (same != groups.end()) {
      same->devices.push_back(&device);
      continue;
    }
    groups.push_back({{&device},
                      explain(view.site.bans(), device.policy, view.site.protect_for(device, {}),
                              view.site.candidates_for(device, {}).candidates, prefix)});
  }
  return groups;
}

// A bar of eighths of a character cell.
std::string bar(std::size_t value, std::size_t largest, std::size_t width) {
  static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const std::size_t eighths = largest == 0 ? 0 : value * width * 8 / largest;
  std::string text;
  for (std::size_t i = 0; i < eighths / 8; ++i)
    text += "█";
  return text + parts[eighths % 8];
}

void chart(std::string &out, const Console &console, const char *title, const std::vector<std::pair<std::string, std::size_t>> &rows) {
  if (rows.empty())
    return;
  out += console.paint(Colour::Bold, title) + "\n";
  std::size_t largest = 0;
  for (const auto &[name, count] : rows)
    largest = std::max(largest, count);
  for (const auto &[name, count] : rows)
    out += fmt::format("  {:<28} {:>8} {}\n", name, count, bar(count, largest, 30));
}

Json pairs_json(const std::vector<std::pair<std::string, std::size_t>> &rows, const char *key) {
  Json list = Json::array();
  for (const auto &[name, count] : rows)
    list.push_back({{key, name}, {"bans", count}});
  return list;
}

PrefixSet entries_of(Outlook &view, const Device &device) {
  std::vector<Prefix> prefixes;
  for (const LedgerEntry &entry : view.state.ledger(device.name))
    prefixes.push_back(entry.block.prefix);
  return PrefixSet(std::move(prefixes));
}

} // namespace

int explain(const Settings &settings, const std::string &ip) {
  const Prefix prefix = Prefix::require(ip);
  Outlook view(settings);
  const std::vector<Group> groups = groups_of(view, prefix);
  const Console &console = settings.console;
  Json rows = Json::array(), policies = Json::array(), devices = Json::array();
  std::string out = console.paint(Colour::Bold, prefix.text()) + "\n";
  // The rows are the same for every policy, what they count for is not: the first policy's word, and each policy's steps.
  const Explanation top = groups.empty() ? explain(view.site.bans(), view.config.policy, view.site.protect_for({}, {}), {}, prefix)
                                         : groups.front().explanation;
  std::size_t rows_shown = 0;
  for (const RowVerdict &row : top.rows) {
    const Ban &ban = view.site.bans().rows()[row.row];
    const std::string left = row.left <= 0 ? "over" : until_text(row.left);
    if (rows_shown++ < most_rows)
      out += fmt::format("  row      {:<20} {:<16} {:<20} {:<14} {} ({})\n", ban.block.text(), shown(view.site.bans().name(ban.jail), 30),
                         shown(view.site.bans().name(ban.host), 30), age_text(ban.age), left, row.text);
    rows.push_back({{"prefix", ban.block.prefix.text()},
                    {"service", ban.block.service.text()},
                    {"jail", shown(view.site.bans().name(ban.jail), 255)},
                    {"hostname", shown(view.site.bans().name(ban.host), 255)},
                    {"age", ban.age},
                    {"left", row.left == permanent ? Json("permanent") : Json(std::max<Seconds>(row.left, 0))},
                    {"verdict", word(row.verdict)},
                    {"text", row.text}});
  }
  if (rows_shown > most_rows)
    out += fmt::format("  row      … and {} older rows (--json lists all)\n", rows_shown - most_rows);
  for (const Group &group : groups) {
    std::string names;
    Json group_devices = Json::array(), steps = Json::array();
    for (const Device *device : group.devices) {
      names += (names.empty() ? "" : ", ") + device->name;
      group_devices.push_back(device->name);
    }
    out += fmt::format("policy of {}\n", names);
    for (const PolicyStep &step : group.explanation.steps) {
      const bool passes = step.result == PolicyStep::Result::Passes;
      out += fmt::format("  {}  {:<10} {}\n", console.paint(passes ? Colour::Green : Colour::Yellow, passes ? "passes" : "stops "),
                         step.name, step.text);
      steps.push_back(step_json(step));
    }
    policies.push_back({{"devices", group_devices},
                        {"steps", steps},
                        {"entry", group.explanation.entry ? Json(group.explanation.entry->text()) : Json(nullptr)}});
    for (const Device *device : group.devices) {
      const OnDevice one = on_device(view.site, *device, group.explanation, prefix);
      out += fmt::format("  {:<10} {} {}{}{}{}\n", one.device,
                         console.paint(one.state == "present" ? Colour::Green : Colour::Yellow, one.state), one.reason,
                         one.since.empty() ? "" : ", since " + one.since, one.until.empty() ? "" : ", until " + one.until,
                         one.read_at.empty() ? "; never read yet" : "; read " + one.read_at);
      devices.push_back({{"device", one.device},
                         {"state", one.state},
                         {"reason", one.reason},
                         {"since", one.since},
                         {"until", one.until},
                         {"read", one.read_at}});
    }
  }
  for (const std::string &note : view.notes)
    out += fmt::format("note: {}\n", note);
  if (console.json())
    console.out(
        Json{{"schema", 1}, {"prefix", prefix.text()}, {"rows", rows}, {"policies", policies}, {"devices", devices}, {"notes", view.notes}}
            .dump(2) +
        "\n");
  else
    console.out(out);
  return 0;
}

int stats(const Settings &settings, const StatsOptions &options) {
  Outlook view(settings);
  const std::size_t steps = options.days == 1 ? 24 : options.days;
  const Seconds step = options.days == 1 ? hour : day;
  const Stats counted = stats(view.site.bans(), steps, step, 8);
  const Console &console = settings.console;
  Json devices = Json::array();
  std::vector<std::pair<std::string, double>> levels;
  for (const Device &device : view.config.devices) {
    levels.emplace_back(device.name, enforcement(view.site.bans(), entries_of(view, device), static_cast<Seconds>(options.days) * day));
    devices.push_back({{"device", device.name}, {"enforcement", std::round(levels.back().second * 10000) / 10000}});
  }
  Json recurrence = Json::array();
  for (const auto &[bans, addresses] : counted.recurrence)
    recurrence.push_back({{"bans", bans}, {"addresses", addresses}});
  if (console.json()) {
    console.out(Json{{"schema", 1},
                     {"days", options.days},
                     {"bans", counted.rows},
                     {"addresses", counted.addresses},
                     {"repeated", counted.repeated},
                     {"over_time", counted.over_time},
                     {"recurrence", recurrence},
                     {"jails", pairs_json(counted.jails, "jail")},
                     {"hosts", pairs_json(counted.hosts, "hostname")},
                     {"networks", pairs_json(counted.networks, "prefix")},
                     {"devices", devices}}
                    .dump(2) +
                "\n");
    return 0;
  }
  std::string out = fmt::format("{} bans of {} addresses in the last {} day{}; {} addresses came back\n", counted.rows, counted.addresses,
                                options.days, options.days == 1 ? "" : "s", counted.repeated);
  const std::size_t largest = counted.over_time.empty() ? 0 : *std::max_element(counted.over_time.begin(), counted.over_time.end());
  out += console.paint(Colour::Bold, "over time") + "\n";
  for (std::size_t i = 0; i < counted.over_time.size(); ++i)
    out += fmt::format("  {:<28} {:>8} {}\n", fmt::format("{} {} ago", steps - 1 - i, options.days == 1 ? "h" : "days"),
                       counted.over_time[i], bar(counted.over_time[i], largest, 30));
  chart(out, console, "addresses by how often they were banned", counted.recurrence);
  chart(out, console, "by jail", counted.jails);
  chart(out, console, "by reporting host", counted.hosts);
  chart(out, console, "by network", counted.networks);
  if (!levels.empty())
    out += console.paint(Colour::Bold, "share of these bans that the devices' entries cover") + "\n";
  for (const auto &[device, level] : levels)
    out += fmt::format("  {:<28} {:>7.1f}% {}\n", device, level * 100, bar(static_cast<std::size_t>(level * 1000), 1000, 30));
  console.out(out);
  return 0;
}

} // namespace banpush
