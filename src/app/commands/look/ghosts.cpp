// `status --ghosts`: where a device and the tables differ, by what was read of the device last.
#include "app/commands/look/ghosts.hpp"

#include "app/on_device.hpp"
#include "app/pass.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

constexpr std::size_t most_lines = 20; // of each kind, a device

struct Difference {
  std::string prefix, list, why;
};

// What one device has too much, what it lacks, and how many have no room there.
struct OfDevice {
  std::string device, read_at, problem;
  std::vector<Difference> ghosts, missing;
  std::size_t over_budget = 0;
};

// What comes of what is missing, as far as that is known: nothing is promised of a device that is left alone, refuses or fails.
std::string outlook(const DeviceReport &report, const Prospect &prospect, const std::string &list, const std::string &read_at) {
  if (!prospect.obstacles.empty())
    return prospect.of(list);
  for (const GuardNote &note : report.plan->guards)
    if (note.refuses())
      return fmt::format("refused by {}: {}", note.name, note.message);
  return read_at.empty() ? "the device was never read" : prospect.of(list);
}

OfDevice differences(const DeviceReport &report, State &state, const Config &config) {
  OfDevice made{report.device, state.verified_at(report.device), {}, {}, {}, 0};
  if (!report.plan || !state.trouble().empty()) { // what was read there is not known: neither is what it lacks
    made.problem = report.plan ? state.trouble() : report.error;
    return made;
  }
  const Plan &plan = *report.plan;
  for (const Removal &one : plan.change.remove)
    made.ghosts.push_back({one.block.text(), one.list, one.reason});
  for (const KeptEntry &one : plan.kept)
    made.ghosts.push_back(
        {one.removal.block.text(), one.removal.list,
         one.removal.reason + (one.guard.empty() ? std::string("; what is to take its place is held") : "; held by " + one.guard)});
  const Prospect prospect = prospect_of(state, config, *config.device(report.device));
  std::map<std::string, std::string> why; // by list: devices miss thousands
  for (const Addition &one : plan.change.add) {
    const auto [of_list, is_new] = why.try_emplace(one.list);
    if (is_new)
      of_list->second = outlook(report, prospect, one.list, made.read_at);
    made.missing.push_back({one.block.text(), one.list, of_list->second});
  }
  for (const LeftOut &one : plan.left_out) {
    if (one.verdict == Verdict::Held)
      made.missing.push_back({one.prefix.text(), "", one.reason});
    made.over_budget += one.verdict == Verdict::OverBudget ? 1 : 0;
  }
  return made;
}

Json json_of(const std::vector<Difference> &all) {
  Json list = Json::array();
  for (const Difference &one : all)
    list.push_back({{"prefix", one.prefix}, {"list", one.list}, {"reason", one.why}});
  return list;
}

Json json_of(const OfDevice &one) {
  return {{"device", one.device},
          {"read", one.read_at},
          {"problem", one.problem},
          {"ghosts", json_of(one.ghosts)},
          {"missing", json_of(one.missing)},
          {"over_budget", one.over_budget}};
}

std::string lines_of(const char *kind, const std::vector<Difference> &all) {
  std::string out;
  for (std::size_t i = 0; i < std::min(all.size(), most_lines); ++i)
    out += fmt::format("  {:<8} {:<20} {}{}{}\n", kind, all[i].prefix, all[i].list, all[i].list.empty() ? "" : "  ", all[i].why);
  if (all.size() > most_lines)
    out += fmt::format("  {:<8} and {} more (--json lists all)\n", kind, all.size() - most_lines);
  return out;
}

std::string text_of(const OfDevice &one, const Console &console) {
  if (!one.problem.empty())
    return fmt::format("{}: {}\n", one.device, console.paint(Colour::Yellow, one.problem));
  const std::string when = one.read_at.empty() ? "never read" : "as read " + one.read_at;
  if (one.ghosts.empty() && one.missing.empty())
    return fmt::format("{} ({}): no difference{}\n", one.device, when,
                       one.over_budget == 0 ? std::string() : fmt::format("; {} over its budget", one.over_budget));
  return fmt::format("{} ({}): {} on it that no table wants there, {} missing, {} over its budget\n", one.device, when, one.ghosts.size(),
                     one.missing.size(), one.over_budget) +
         lines_of("ghost", one.ghosts) + lines_of("missing", one.missing);
}

} // namespace

int ghosts(const Settings &settings, const Names &devices) {
  Config config = load_all(settings);
  Order order;
  order.depth = Depth::Offline;
  const Report report = run_pass(settings, config, devices, order);
  State state(config.state);
  Json all = Json::array();
  std::string out;
  bool differs = false;
  for (const DeviceReport &one : report.devices) {
    const OfDevice of = differences(one, state, config);
    differs = differs || !of.ghosts.empty() || !of.missing.empty();
    all.push_back(json_of(of));
    out += text_of(of, settings.console);
  }
  if (settings.console.json()) {
    settings.console.out(Json{{"schema", 1}, {"devices", all}, {"notes", report.notes}}.dump(2) + "\n");
    return 0;
  }
  settings.console.tell(out);
  for (const std::string &note : report.notes)
    settings.console.note(note);
  if (differs)
    settings.console.note(
        "`banpush push DEVICE` reads a device and puts right what nothing named above keeps from it; with --repair also what limits hold");
  return 0;
}

} // namespace banpush
