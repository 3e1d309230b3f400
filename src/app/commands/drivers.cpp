#include "app/commands/commands.hpp"
#include "app/pass.hpp"
#include "config/driver/driver_file.hpp"
#include "files/open.hpp"

#include <algorithm>
#include <iostream>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

constexpr std::size_t most_bytes_of_a_reply = 1UL << 30U;

const char *word_of(EvidenceLevel level) {
  switch (level) {
  case EvidenceLevel::Believed: return "believed";
  case EvidenceLevel::Documented: return "documented";
  case EvidenceLevel::Captured: return "captured";
  case EvidenceLevel::Live: return "live";
  }
  return "?";
}

Driver require_driver(const Settings &settings, const std::string &name) {
  const auto folders = data_folders(settings.config);
  const auto file = driver_file(name, folders);
  if (!file) {
    std::string known;
    for (const std::string &one : driver_names(folders))
      known += (known.empty() ? "" : ", ") + one;
    throw Error(ErrorKind::Usage, fmt::format("no driver is called \"{}\" in drivers/ of {}; there {}", shown(name),
                                              fmt::join(folders, " and "), known.empty() ? "are none" : "are " + known));
  }
  return load_driver(*file, folders);
}

std::vector<int> families_of(const Driver &driver) {
  std::vector<int> families;
  for (const Family family : {Family::IPv4, Family::IPv6})
    if (std::any_of(driver.lists.begin(), driver.lists.end(),
                    [&](const List &list) { return std::count(list.families.begin(), list.families.end(), family) != 0; }))
      families.push_back(family == Family::IPv4 ? 4 : 6);
  return families;
}

Json transports_of(const Driver &driver) {
  Json transports = Json::array();
  for (const TransportKind kind : driver.transports)
    transports.push_back(word(kind));
  return transports;
}

Json driver_json(const Driver &driver) {
  return {{"name", driver.name},
          {"about", driver.about},
          {"transport", transports_of(driver)},
          {"evidence", word_of(driver.evidence.level)},
          {"source", driver.evidence.source},
          {"families", families_of(driver)},
          {"sets", driver.sets},
          {"file", driver.file}};
}

// What is asked of the device, as the driver has it.
std::string command_of(const Read &read) {
  std::string words;
  for (const std::string &word : read.run)
    words += (words.empty() ? "" : " ") + word;
  if (!read.send.empty())
    words += (words.empty() ? "" : " | CLI: ") + read.send;
  return words.empty() ? "rpc " + read.rpc : words;
}

std::string input_text() { return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()}; }

// Without a ledger at hand: as that of a device that shows this would have it, where the platform gives numbers anew by itself.
std::vector<BlockIn> known_if_renumbered(const Installed &shown_there) {
  std::vector<BlockIn> known;
  for (const Foreign &foreign : shown_there.foreign)
    if (foreign.maybe)
      known.emplace_back(foreign.maybe->block, foreign.maybe->list);
  std::sort(known.begin(), known.end());
  return known;
}

// A text that a person hands in: every read that concerns the family is tried, what can be read counts.
Installed read_text(const Driver &driver, Values values, const std::string &text, int family, const std::string &list_name) {
  Installed all;
  std::string problem;
  bool any = false;
  for (const Read &read : driver.reads) {
    if (read.shows != Read::Shows::Entries)
      continue;
    Values named = values;
    bool concerned = false;
    for (const std::string &key : read.lists) {
      const List &list = *driver.list(key);
      const bool of_family = family == 0 || std::count(list.families.begin(), list.families.end(), static_cast<Family>(family)) != 0;
      concerned = concerned || of_family;
      if (of_family && !list_name.empty())
        named[key] = list_name;
    }
    if (!concerned)
      continue;
    try {
      Installed part = parse_read(driver, read, named, {text, 0, {}});
      any = true;
      const std::vector<BlockIn> known = known_if_renumbered(part);
      part = claimed(std::move(part), known);
      all.entries.insert(all.entries.end(), part.entries.begin(), part.entries.end());
      all.foreign.insert(all.foreign.end(), part.foreign.begin(), part.foreign.end());
      all.lists.insert(all.lists.end(), part.lists.begin(), part.lists.end());
    } catch (const Error &error) {
      problem = error.what();
    }
  }
  if (!any)
    throw Error(ErrorKind::Usage, fmt::format("driver {}: the text is not what its reads expect: {}", driver.name,
                                              problem.empty() ? "no read concerns that family" : problem));
  std::stable_sort(all.entries.begin(), all.entries.end(), [](const Entry &a, const Entry &b) { return a.block < b.block; });
  return all;
}

std::map<std::string, std::string> params_of(const Names &given) {
  std::map<std::string, std::string> params;
  for (const std::string &one : given) {
    const std::size_t equals = one.find('=');
    if (equals == std::string::npos)
      throw Error(ErrorKind::Usage, fmt::format("--param {}: NAME=VALUE is meant", shown(one)));
    params[one.substr(0, equals)] = one.substr(equals + 1);
  }
  return params;
}

Prefix prefix_of(const std::string &text) { return Prefix::require(text); }

} // namespace

int drivers_list(const Settings &settings) {
  const std::vector<FoundDriver> found = find_drivers(data_folders(settings.config));
  Json drivers = Json::array(), problems = Json::array();
  for (const FoundDriver &one : found) {
    if (one.driver)
      drivers.push_back(driver_json(*one.driver));
    else
      problems.push_back(one.problems);
  }
  const int code = problems.empty() ? 0 : 2;
  if (settings.console.json()) {
    settings.console.out(Json{{"schema", 1}, {"drivers", drivers}, {"problems", problems}}.dump(2) + "\n");
  } else {
    for (const FoundDriver &one : found) {
      if (!one.driver) {
        settings.console.warn(one.problems);
        continue;
      }
      const Driver &driver = *one.driver;
      std::string transports, families;
      for (const TransportKind kind : driver.transports)
        transports += (transports.empty() ? "" : ",") + std::string(word(kind));
      for (const int family : families_of(driver))
        families += fmt::format("{}v{}", families.empty() ? "" : ",", family);
      settings.console.out(
          fmt::format("{:<26} {:<14} {:<6} {:<11} {}\n", driver.name, transports, families, word_of(driver.evidence.level), driver.about));
    }
  }
  return code;
}

int drivers_show(const Settings &settings, const std::string &name) {
  const Driver driver = require_driver(settings, name);
  Json json = driver_json(driver);
  Json params = Json::object(), lists = Json::array(), templates = Json::object();
  for (const auto &[param_name, param] : driver.params)
    params[param_name] = {{"default", param.standard ? Json(*param.standard) : Json(nullptr)}, {"about", param.about}, {"for", param.only}};
  for (const List &list : driver.lists)
    lists.push_back(list.name);
  for (const auto &[template_name, text] : driver.templates)
    templates[template_name] = text.text();
  json["schema"] = 1;
  json["params"] = params;
  json["lists"] = lists;
  json["templates"] = templates;
  json["reads"] = Json::array();
  for (const Read &read : driver.reads)
    json["reads"].push_back(command_of(read));
  if (settings.console.json()) {
    settings.console.out(json.dump(2) + "\n");
    return 0;
  }
  settings.console.out(fmt::format("{}: {}\nfile      {}\nevidence  {} ({})\nobject    {}\n", driver.name, driver.about, driver.file,
                                   word_of(driver.evidence.level), driver.evidence.source, driver.sets));
  for (const auto &[param_name, param] : driver.params)
    settings.console.out(fmt::format("param     {:<14} {}{}{}\n", param_name,
                                     param.standard   ? "default " + (param.standard->empty() ? "empty" : *param.standard)
                                     : param.optional ? "optional"
                                                      : "required",
                                     param.only.empty() ? "" : ", for " + param.only, param.about.empty() ? "" : "; " + param.about));
  for (const List &list : driver.lists)
    settings.console.out(fmt::format("list      {}\n", list.name));
  for (const Read &read : driver.reads)
    settings.console.out(
        fmt::format("read      {}{}\n", command_of(read), read.shows == Read::Shows::InForce ? " (what is in force)" : ""));
  for (const auto &[template_name, text] : driver.templates)
    settings.console.out(fmt::format("--- {} ({})\n{}", template_name, text.file(), text.text()));
  return 0;
}

int drivers_parse(const Settings &settings, const ParseOptions &options) {
  const Driver driver = require_driver(settings, options.driver);
  const Installed installed = read_text(driver, values_of(driver, {}), input_text(), options.family, options.list);
  if (settings.console.json()) {
    Json entries = Json::array(), foreign = Json::array();
    for (const Entry &entry : installed.entries)
      entries.push_back({{"prefix", entry.block.prefix.text()},
                         {"service", entry.block.service.text()},
                         {"number", entry.number.empty() ? Json(nullptr) : Json(entry.number)},
                         {"list", entry.list},
                         {"hits", entry.hits},
                         {"in_force", entry.in_force}});
    for (const Foreign &one : installed.foreign)
      foreign.push_back(one.text);
    settings.console.out(
        Json{{"schema", 1}, {"entries", entries}, {"foreign", foreign}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    return 0;
  }
  for (const Entry &entry : installed.entries)
    settings.console.out(fmt::format("{:<28} {:<12} {:<10} {}\n", entry.block.text(), entry.list, entry.number,
                                     entry.in_force ? "in force" : entry.why_not));
  for (const Foreign &one : installed.foreign)
    settings.console.out(fmt::format("foreign: {}\n", shown(one.text, 160)));
  for (const ListState &list : installed.lists)
    if (!list.stands)
      settings.console.note(fmt::format("list {} does not exist: {}", list.list, list.why_not));
  return 0;
}

int drivers_render(const Settings &settings, const RenderOptions &options) {
  const Driver driver = require_driver(settings, options.driver);
  const Values values = values_of(driver, params_of(options.params));
  Installed installed;
  if (!options.installed.empty()) {
    const auto text = read_given(options.installed, most_bytes_of_a_reply);
    if (!text)
      throw Error(ErrorKind::Usage, fmt::format("--installed {}: cannot be read: {}", options.installed, text.error().text));
    installed = read_text(driver, values, *text, 0, {});
  }
  // The wanted set is what stands, less what is to go, and what is to come: the driver's own diff does the rest.
  Selection selection;
  const auto want = [&](const Prefix &prefix) {
    const List *list = driver.list_for(prefix, false);
    if (list == nullptr)
      throw Error(ErrorKind::Usage, fmt::format("driver {} has no list that holds {}", driver.name, prefix.text()));
    Wanted one;
    one.candidate.block = {prefix, {}};
    one.candidate.until = permanent;
    one.list = list->name;
    selection.wanted.push_back(std::move(one));
  };
  std::vector<Prefix> gone;
  bool invented = false;
  for (const std::string &text : options.remove) {
    gone.push_back(prefix_of(text));
    const bool there = std::any_of(installed.entries.begin(), installed.entries.end(),
                                   [&](const Entry &entry) { return entry.block.prefix == gone.back(); });
    if (!there) { // not in a given list: shown as if it stood there
      invented = true;
      Entry entry;
      entry.block = {gone.back(), {}};
      const List *list = driver.list_for(gone.back(), false);
      if (list == nullptr)
        throw Error(ErrorKind::Usage, fmt::format("driver {} has no list that holds {}", driver.name, text));
      entry.list = list->name;
      entry.number = list->numbers ? std::to_string(list->numbers->from) : std::string();
      installed.entries.push_back(std::move(entry));
    }
  }
  for (const Entry &entry : installed.entries)
    if (std::find(gone.begin(), gone.end(), entry.block.prefix) == gone.end())
      want(entry.block.prefix);
  for (const std::string &text : options.add)
    want(prefix_of(text));
  std::sort(selection.wanted.begin(), selection.wanted.end(),
            [](const Wanted &a, const Wanted &b) { return a.candidate.block < b.candidate.block; });
  const Difference difference = diff(driver, selection, {}, {}, installed);
  const Facts facts;
  Rendering rendering{driver, driver.transports.front(), values, facts, {}, 0, false, {}};
  const Script script = render(rendering, difference.change);
  if (!invented) // without the device's own output nobody knows by which name or number it would let go of an entry
    read_back(driver, values, script, installed);
  if (settings.console.json())
    settings.console.out(Json{{"schema", 1},
                              {"driver", driver.name},
                              {"script", script.text()},
                              {"adds", difference.change.add.size()},
                              {"removes", difference.change.remove.size()}}
                             .dump(2) +
                         "\n");
  else
    settings.console.out(script.text());
  return 0;
}

} // namespace banpush
