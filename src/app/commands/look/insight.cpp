#include "app/commands/commands.hpp"
#include "app/outlook.hpp"
#include "app/pass.hpp"
#include "core/bans/stats.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

// Of one address, so that all that is said of it stays on one screen.
constexpr std::size_t most_rows = 8;

std::string age_text(Seconds age) {
  if (age < 2 * minute)
    return fmt::format("{} s ago", age);
  if (age < 2 * hour)
    return fmt::format("{} min ago", age / minute);
  if (age < 2 * day)
    return fmt::format("{} h ago", age / hour);
  return fmt::format("{} days ago", age / day);
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

std::string row_text(const Json &row) {
  const std::string service = row.value("service", "any");
  const bool over = row.at("left").is_number() && row.at("left").get<Seconds>() <= 0;
  const Seconds left = row.at("left").is_number() ? row.at("left").get<Seconds>() : permanent;
  return fmt::format("  row      {:<20} {:<16} {:<20} {:<14} {} ({})\n", row.value("prefix", "") + (service == "any" ? "" : " " + service),
                     shown(row.value("jail", ""), 30), shown(row.value("hostname", ""), 30), age_text(row.value("age", Seconds{0})),
                     over ? "over" : until_text(left), row.value("text", ""));
}

std::string author_text(const Json &one) {
  const std::string actor = one.value("actor", ""), reason = one.value("reason", "");
  return fmt::format("  author   {} ({}, {}, {}) recorded by {}{}\n", one.value("prefix", ""), shown(one.value("jail", ""), 30),
                     shown(one.value("hostname", ""), 30), one.value("created", ""), actor.empty() ? "somebody" : shown(actor, 60),
                     reason.empty() ? "" : ": " + shown(reason, 200));
}

std::string policy_text(const Console &console, const Json &policy) {
  std::string out = fmt::format("policy of {}\n", fmt::join(policy.at("devices").get<std::vector<std::string>>(), ", "));
  for (const Json &step : policy.at("steps")) {
    const bool passes = step.at("verdict") == "passes";
    out += fmt::format("  {}  {:<10} {}\n", console.paint(passes ? Colour::Green : Colour::Yellow, passes ? "passes" : "stops "),
                       step.value("step", ""), step.value("text", ""));
  }
  return out;
}

std::string device_text(const Console &console, const Json &one) {
  const std::string state = one.value("state", ""), since = one.value("since", ""), until = one.value("until", "");
  const Json &read = one.at("read"); // null: nobody knows
  return fmt::format("  {:<10} {} {}{}{}{}\n", one.value("device", ""),
                     console.paint(state == "present" ? Colour::Green : Colour::Yellow, state), one.value("reason", ""),
                     since.empty() ? "" : ", since " + since, until.empty() ? "" : ", until " + until,
                     read.is_null()                                ? std::string()
                     : read.get_ref<const std::string &>().empty() ? "; never read yet"
                                                                   : "; read " + read.get<std::string>());
}

// The document of `explain --json` for people.
std::string explanation_text(const Console &console, const Json &told) {
  std::string out = console.paint(Colour::Bold, told.value("prefix", "")) + "\n";
  const Json &rows = told.at("rows");
  for (std::size_t i = 0; i < std::min(rows.size(), most_rows); ++i)
    out += row_text(rows[i]);
  if (rows.size() > most_rows)
    out += fmt::format("  row      … and {} older rows (--json lists all)\n", rows.size() - most_rows);
  const Json &authors = told.at("authors");
  for (std::size_t i = 0; i < std::min(authors.size(), most_rows); ++i)
    out += author_text(authors[i]);
  for (const Json &policy : told.at("policies")) {
    out += policy_text(console, policy);
    for (const Json &one : told.at("devices"))
      if (const Json &of = policy.at("devices"); std::find(of.begin(), of.end(), one.at("device")) != of.end())
        out += device_text(console, one);
  }
  for (const Json &note : told.at("notes"))
    out += fmt::format("note: {}\n", note.get<std::string>());
  return out;
}

} // namespace

int explain(const Settings &settings, const std::string &ip) {
  const Prefix prefix = Prefix::require(ip);
  Outlook view(load_all(settings));
  const Json told = explained(view, prefix);
  if (settings.console.json())
    settings.console.out(told.dump(2) + "\n");
  else
    settings.console.tell(explanation_text(settings.console, told));
  return 0;
}

int stats(const Settings &settings, const StatsOptions &options) {
  Outlook view(load_all(settings));
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
  std::string out =
      fmt::format("{} ban{} of {} address{} in the last {}{}; {} address{} came back\n", counted.rows, counted.rows == 1 ? "" : "s",
                  counted.addresses, counted.addresses == 1 ? "" : "es", options.days == 1 ? "" : fmt::format("{} ", options.days),
                  options.days == 1 ? "day" : "days", counted.repeated, counted.repeated == 1 ? "" : "es");
  const std::size_t largest = counted.over_time.empty() ? 0 : *std::max_element(counted.over_time.begin(), counted.over_time.end());
  out += console.paint(Colour::Bold, "over time") + "\n";
  for (std::size_t i = 0; i < counted.over_time.size(); ++i)
    out += fmt::format("  {:<28} {:>8} {}\n",
                       fmt::format("{} {} ago", steps - 1 - i,
                                   options.days == 1 ? "h"
                                   : steps - 2 == i  ? "day"
                                                     : "days"),
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
