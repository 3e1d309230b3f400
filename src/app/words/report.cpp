#include "app/words/report.hpp"

#include "app/words/counts.hpp"
#include "app/words/layout.hpp"

#include <algorithm>
#include <ctime>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

// Rows of each kind a person is shown one by one; more of a kind become one row.
constexpr std::size_t most_rows = 4;

Json counts(std::size_t ipv4, std::size_t ipv6) { return {{"ipv4", ipv4}, {"ipv6", ipv6}}; }

std::size_t wanted_of(const Plan &plan, Family family) {
  return static_cast<std::size_t>(std::count_if(plan.wanted.begin(), plan.wanted.end(),
                                                [&](const Wanted &one) { return one.candidate.block.prefix.family() == family; }));
}

Json plan_json(const DeviceReport &report) {
  Json json = {{"device", report.device}, {"driver", report.driver}, {"outcome", word(report.outcome)}};
  Json add = Json::array(), remove = Json::array(), left_out = Json::array(), guards = Json::array(), foreign = Json::array(),
       not_in_force = Json::array();
  Json wanted = counts(0, 0), installed = counts(0, 0);
  std::string script, hash;
  if (report.plan) {
    const Plan &plan = *report.plan;
    wanted = counts(wanted_of(plan, Family::IPv4), wanted_of(plan, Family::IPv6));
    installed = counts(plan.installed.in_force(Family::IPv4), plan.installed.in_force(Family::IPv6));
    for (const Addition &one : plan.change.add)
      add.push_back({{"prefix", one.block.prefix.text()},
                     {"service", one.block.service.text()},
                     {"list", one.list},
                     {"jail", one.jail},
                     {"count", one.count},
                     {"until", moment_text(one.until, report.moment)},
                     {"put_back", one.put_back}});
    for (const Removal &one : plan.change.remove)
      remove.push_back(
          {{"prefix", one.block.prefix.text()}, {"service", one.block.service.text()}, {"list", one.list}, {"reason", one.reason}});
    for (const LeftOut &one : plan.left_out)
      left_out.push_back({{"prefix", one.prefix.text()}, {"verdict", word(one.verdict)}, {"reason", one.reason}});
    for (const GuardNote &one : plan.guards)
      guards.push_back({{"name", one.name}, {"message", one.message}, {"refuses", one.refuses()}, {"remedy", remedy_of(one, plan.device)}});
    for (const Foreign &one : of_others(plan.installed))
      foreign.push_back({{"list", one.list}, {"text", one.text}});
    for (const Entry &one : plan.installed.entries)
      if (!one.in_force)
        not_in_force.push_back({{"prefix", one.block.prefix.text()}, {"list", one.list}, {"reason", one.why_not}});
    script = plan.script.text();
    hash = plan.hash;
  }
  json["wanted"] = std::move(wanted);
  json["installed"] = std::move(installed);
  json["add"] = std::move(add);
  json["remove"] = std::move(remove);
  json["put_back"] = report.plan ? counts_of(report.plan->change).put_back : 0;
  json["left_out"] = std::move(left_out);
  json["guards"] = std::move(guards);
  json["foreign"] = std::move(foreign);
  json["not_in_force"] = std::move(not_in_force);
  json["script"] = script;
  json["hash"] = hash;
  json["notes"] = report.notes;
  json["paused"] = report.paused;
  json["seconds"] = report.seconds;
  json["unsaved"] = report.unsaved;
  json["unconfirmed"] = report.unconfirmed;
  json["dead_man"] = report.dead_man ? to_json(*report.dead_man) : Json();
  json["error"] = report.error;
  return json;
}

std::string plural(std::size_t count, const char *one, const char *many) { return fmt::format("{} {}", count, count == 1 ? one : many); }

Colour colour_of(Outcome outcome) {
  switch (outcome) {
  case Outcome::InSync: return Colour::Green;
  case Outcome::Planned: return Colour::Bold;
  case Outcome::Changed: return Colour::Green;
  case Outcome::Refused: return Colour::Yellow;
  case Outcome::Failed: return Colour::Red;
  }
  return Colour::Plain;
}

const char *spoken(Outcome outcome) {
  switch (outcome) {
  case Outcome::InSync: return "in sync";
  case Outcome::Planned: return "planned";
  case Outcome::Changed: return "changed";
  case Outcome::Refused: return "refused";
  case Outcome::Failed: return "failed";
  }
  return "?";
}

std::string why_added(const Addition &one, std::optional<std::time_t> moment) {
  std::string text;
  if (!one.jail.empty())
    text += shown(one.jail, 30) + ", ";
  if (one.count != 0)
    text += plural(one.count, "ban", "bans") + ", ";
  return text + until_text(one.until, moment) + (one.put_back ? "; it had gone from the device" : "");
}

std::string row(const std::string &what, const std::string &block, const std::string &why) {
  return fmt::format("  {}  {:<22} {}\n", what, block, why);
}

// `12 (203.0.113.7/32, …)`, because a thousand rows of one reason are one thing to know.
std::string several(std::size_t count, const std::string &first) { return count == 1 ? first : fmt::format("{} ({}, …)", count, first); }

// Jails by how much of the change is theirs: `sshd 380, postfix 20 and 3 other jails`.
std::string by_jail(const std::vector<Addition> &additions) {
  std::map<std::string, std::size_t> counts;
  for (const Addition &one : additions)
    ++counts[one.jail.empty() ? "merged" : one.jail];
  std::vector<std::pair<std::size_t, std::string>> most;
  for (const auto &[jail, count] : counts)
    most.emplace_back(count, jail);
  std::sort(most.rbegin(), most.rend());
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, most.size()); ++i)
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", shown(most[i].second, 30), most[i].first);
  return most.size() <= 3 ? text : text + fmt::format(" and {}", plural(most.size() - 3, "other jail", "other jails"));
}

void addition_rows(std::string &out, const DeviceReport &report, const Console &console) {
  const std::vector<Addition> &additions = report.plan->change.add;
  const std::string what = console.paint(Colour::Green, "add    ");
  if (additions.size() <= most_rows) {
    for (const Addition &one : additions)
      out += row(what, one.block.text(), why_added(one, report.moment));
    return;
  }
  Seconds first_end = permanent, last_end = 0;
  for (const Addition &one : additions) {
    first_end = std::min(first_end, one.until);
    last_end = std::max(last_end, one.until);
  }
  out += row(what, several(additions.size(), additions.front().block.text()),
             fmt::format("{}; the first ends {}, the last {}", by_jail(additions),
                         first_end == permanent ? "never" : moment_text(first_end, report.moment).substr(0, 16),
                         last_end == permanent ? "never" : moment_text(last_end, report.moment).substr(0, 16)));
}

// One row a reason, the commonest first.
template <typename Items, typename Name>
void rows_by_reason(std::string &out, const Items &items, const std::string &what, Name name) {
  std::map<std::string, std::pair<std::size_t, std::string>> reasons;
  for (const auto &item : items) {
    auto &[count, first] = reasons[item.reason];
    if (++count == 1)
      first = name(item);
  }
  std::vector<std::pair<std::string, std::pair<std::size_t, std::string>>> most(reasons.begin(), reasons.end());
  std::stable_sort(most.begin(), most.end(), [](const auto &a, const auto &b) { return a.second.first > b.second.first; });
  std::size_t shown_rows = 0, rest = 0;
  for (const auto &[reason, group] : most) {
    if (shown_rows++ < most_rows)
      out += row(what, several(group.first, group.second), reason);
    else
      rest += group.first;
  }
  if (rest != 0)
    out += row(what, fmt::format("{} more", rest),
               fmt::format("for {} (--json lists them)", plural(most.size() - most_rows, "other reason", "other reasons")));
}

std::string headline(const DeviceReport &report, const Console &console) {
  std::string text = fmt::format("{} ({}): {}", console.paint(Colour::Bold, report.device), report.driver,
                                 console.paint(colour_of(report.outcome), spoken(report.outcome)));
  if (!report.unsaved.empty())
    text += ", not saved";
  if (report.paused)
    text += " (paused)";
  if (report.plan) {
    const Plan &plan = *report.plan;
    const std::size_t installed = plan.installed.in_force(Family::IPv4) + plan.installed.in_force(Family::IPv6);
    if (report.outcome == Outcome::Changed)
      text += fmt::format("; {} wanted, {}", plan.wanted.size(), done_text(counts_of(plan.change)));
    else
      text += fmt::format("; {} wanted, {} in force, {}", plan.wanted.size(), installed, planned_text(counts_of(plan.change)));
    if (!plan.left_out.empty())
      text += fmt::format(", {} left out", plan.left_out.size());
  }
  return text + "\n";
}

void device_text(std::string &out, const DeviceReport &report, const Console &console) {
  out += headline(report, console);
  if (report.plan) {
    const Plan &plan = *report.plan;
    for (const GuardNote &note : plan.guards) {
      const std::string remedy = remedy_of(note, report.device);
      const char *effect = note.refuses() ? "refused" : note.effect == GuardNote::Effect::Holds ? "held   " : "passed ";
      out += fmt::format("  {}  {}: {}{}\n", console.paint(note.refuses() ? Colour::Red : Colour::Yellow, effect), note.name, note.message,
                         remedy.empty() ? "" : "; " + remedy);
    }
    addition_rows(out, report, console);
    rows_by_reason(out, plan.change.remove, console.paint(Colour::Red, "remove "), [](const Removal &one) { return one.block.text(); });
    rows_by_reason(out, plan.left_out, console.paint(Colour::Dim, "without"), [](const LeftOut &one) { return one.prefix.text(); });
    if (const std::size_t others = of_others(plan.installed).size(); others != 0)
      out += fmt::format("  foreign  {} on the device (`banpush show {}` lists them), left alone\n",
                         plural(others, "entry of somebody else", "entries of somebody else"), report.device);
  }
  for (const std::string &note : report.notes)
    out += fmt::format("  note     {}\n", note);
  for (const std::string *standing : {&report.unsaved, &report.unconfirmed})
    if (!standing->empty() && *standing != report.error)
      out += fmt::format("  {}     {}\n", console.paint(Colour::Yellow, "note"), *standing);
  if (!report.error.empty())
    out += fmt::format("  {}    {}\n", console.paint(Colour::Red, "error"), report.error);
}

// `3 devices: 2 planned, 1 in sync`.
std::string all_devices(const Report &report) {
  std::map<Outcome, std::size_t> counts;
  for (const DeviceReport &device : report.devices)
    ++counts[device.outcome];
  std::string text;
  for (const auto &[outcome, count] : counts)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, spoken(outcome));
  return fmt::format("{} devices: {}\n", report.devices.size(), text);
}

void script_text(std::string &out, const DeviceReport &report, const Console &console) {
  if (!report.plan || report.plan->script.empty())
    return;
  out += console.paint(Colour::Dim, fmt::format("--- script for {}: these bytes, in this order", report.device)) + "\n";
  out += report.plan->script.text();
  out += console.paint(Colour::Dim, "---") + "\n";
}

} // namespace

const char *word(Outcome outcome) noexcept {
  switch (outcome) {
  case Outcome::InSync: return "in_sync";
  case Outcome::Planned: return "planned";
  case Outcome::Changed: return "changed";
  case Outcome::Refused: return "refused";
  case Outcome::Failed: return "failed";
  }
  return "?";
}

// A paused device is left alone because a person said so: that is no news.
bool DeviceReport::held() const { return !(paused && !plan) && (outcome == Outcome::Refused || (plan && !plan->guards.empty())); }

int Report::exit_code() const {
  if (table_gone)
    return 3;
  const auto any = [this](auto condition) { return std::any_of(devices.begin(), devices.end(), condition); };
  if (any([](const DeviceReport &report) { return report.outcome == Outcome::Failed || report.save_failed; }))
    return 1;
  if (any([](const DeviceReport &report) { return report.held(); }))
    return 5;
  return 0;
}

bool Report::has_changes() const {
  return std::any_of(devices.begin(), devices.end(),
                     [](const DeviceReport &report) { return report.plan && !report.plan->change.empty(); });
}

Json to_json(const DeadManUse &dead_man) {
  return {{"kind", dead_man.kind.empty() ? "none" : dead_man.kind},
          {"needs", dead_man.needs},
          {"used", dead_man.used},
          {"why", dead_man.why},
          {"seconds", dead_man.within},
          {"proved", dead_man.proved},
          {"not_judged", dead_man.not_judged}};
}

std::string DeadManUse::text() const {
  if (kind.empty())
    return "no dead-man: the platform takes nothing back by itself";
  if (!needs.empty())
    return fmt::format("no dead-man: its {} needs `{}` ({})", kind, needs, why);
  if (!used)
    return fmt::format("not under the device's dead-man ({}): {}", kind, why);
  return fmt::format("under the device's dead-man ({}): {}; it goes back by itself after {}s unless it is confirmed", kind, why, within);
}

Json to_json(const Report &report) {
  Json devices = Json::array();
  for (const DeviceReport &device : report.devices)
    devices.push_back(plan_json(device));
  return {{"schema", 1}, {"devices", std::move(devices)}, {"notes", report.notes}, {"bad_rows", report.bad_rows}};
}

std::string to_text(const Report &report, Detail detail, const Console &console) {
  std::string out;
  for (const DeviceReport &device : report.devices)
    device_text(out, device, console);
  if (report.devices.size() > 1)
    out += all_devices(report);
  for (const std::string &note : report.notes)
    out += fmt::format("note: {}\n", note);
  out = folded(out, console.columns);
  if (detail == Detail::Plan) // its bytes as they are
    for (const DeviceReport &device : report.devices)
      script_text(out, device, console);
  return out;
}

std::string moment_text(Seconds until, std::optional<std::time_t> from) {
  if (until == permanent)
    return "permanent";
  const std::time_t end = from.value_or(std::time(nullptr)) + static_cast<std::time_t>(until);
  std::tm local{};
  localtime_r(&end, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
  return text;
}

std::string until_text(Seconds until, std::optional<std::time_t> from) {
  return until == permanent ? "permanent" : "until " + moment_text(until, from).substr(0, 16);
}

} // namespace banpush
