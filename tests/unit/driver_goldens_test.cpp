// Every folder tests/drivers/DRIVER/CASE holds what a device said, or what it is to be told, and what must
// come of it; docs/driver-format.md describes the files. A new platform needs no line here.
// BANPUSH_UPDATE_GOLDENS=1 writes what came out instead of comparing.
#include "config/driver_file.hpp"
#include "core/parse.hpp"
#include "core/places.hpp"
#include "core/plan.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace banpush;
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

const fs::path root = BANPUSH_SOURCE_DIR;

std::optional<std::string> text_of(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const fs::path &path) {
  std::vector<std::string> lines;
  std::istringstream text(text_of(path).value_or(""));
  for (std::string line; std::getline(text, line);)
    if (!line.empty() && line.front() != '#')
      lines.push_back(line);
  return lines;
}

// `name value` a line: params, facts.
std::map<std::string, std::string> pairs_of(const fs::path &path) {
  std::map<std::string, std::string> pairs;
  for (const std::string &line : lines_of(path)) {
    const std::size_t blank = std::min(line.find(' '), line.size());
    pairs[line.substr(0, blank)] = blank < line.size() ? line.substr(blank + 1) : std::string();
  }
  return pairs;
}

// What a device said in one session, by what it was asked. The file `said` is made of sections: a line
// `$ argv` or `> line`, then what came back, standard error as `2> …`, an exit status other than 0 as `? N`.
std::map<std::string, Reply> said_in(const fs::path &path) {
  std::map<std::string, Reply> said;
  Reply *reply = nullptr;
  std::istringstream text(text_of(path).value_or(""));
  for (std::string line; std::getline(text, line);) {
    if (line.rfind("$ ", 0) == 0 || line.rfind("> ", 0) == 0)
      reply = &said[line];
    else if (reply == nullptr)
      continue;
    else if (line.rfind("2> ", 0) == 0)
      reply->errors += line.substr(3) + "\n";
    else if (line.rfind("? ", 0) == 0)
      reply->exit = std::stoi(line.substr(2));
    else
      reply->text += line + "\n";
  }
  return said;
}

Json json_of(const Installed &installed) {
  Json json;
  json["entries"] = Json::array();
  for (const Entry &entry : installed.entries) {
    Json one{{"block", entry.block.text()}, {"list", entry.list}};
    if (!entry.number.empty())
      one["number"] = entry.number;
    if (entry.hits != 0)
      one["hits"] = entry.hits;
    if (!entry.in_force)
      one["not_in_force"] = entry.why_not;
    json["entries"].push_back(std::move(one));
  }
  json["foreign"] = Json::array();
  for (const Foreign &foreign : installed.foreign) {
    Json one{{"list", foreign.list}, {"text", foreign.text}};
    if (foreign.covers)
      one["covers"] = foreign.covers->text();
    json["foreign"].push_back(std::move(one));
  }
  json["lists"] = Json::object();
  for (const ListState &state : installed.lists) {
    Json one = state.stands && state.in_force
                   ? Json("in force")
                   : Json(fmt::format("{}: {}", state.stands ? "not in force" : "does not stand", state.why_not));
    json["lists"][state.list] = std::move(one);
    if (state.terminal)
      json["terminal"][state.list] = *state.terminal;
  }
  return json;
}

void compare(const fs::path &golden, const std::string &is) {
  if (std::getenv("BANPUSH_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(golden, std::ios::binary) << is;
    return;
  }
  const auto expected = text_of(golden);
  INFO(golden.string() << " (BANPUSH_UPDATE_GOLDENS=1 rewrites it)");
  REQUIRE(expected);
  CHECK(is == *expected);
}

// Where the device's lists are bound, in this case: `attach-INTERFACE DIRECTION` a line.
Places places_of(const fs::path &render) {
  Places places;
  for (const std::string &line : lines_of(render))
    if (line.rfind("attach-", 0) == 0)
      places.emplace_back(line.substr(7, line.rfind(' ') - 7), line.substr(line.rfind(' ') + 1));
  return places;
}

// NETCONF is asked by the name of a template; what has none is learnt from the hello.
template <typename Asking>
std::string rpc_of(const Asking &asking) {
  if constexpr (requires { asking.rpc; })
    return asking.rpc;
  else
    return "hello";
}

struct Case {
  fs::path folder;
  Places places;
  Driver driver;
  Values values;
  Facts facts;
  std::map<std::string, Reply> said;

  Case(fs::path path, const Driver &of)
      : folder(std::move(path)), places(places_of(folder / "render")), driver(at_places(of, places)),
        values(values_of(of, pairs_of(folder / "params"))), said(said_in(folder / "said")) {
    values["attach"] = places.empty() ? "" : "yes";
    facts.attach.resize(places.size());
    for (const Fact &fact : driver.facts) {
      if (!fact.per_attach)
        if (const Reply *reply = reply_to(fact, values))
          facts.values[fact.name] = learn(fact, values, *reply);
      for (std::size_t i = 0; fact.per_attach && i < places.size(); ++i) {
        Values there = values;
        for (const auto &[name, value] : names_of_place(places[i].first, places[i].second))
          there[name] = value;
        if (const Reply *reply = reply_to(fact, there))
          facts.attach[i][fact.name] = learn(fact, there, *reply);
      }
    }
    for (const auto &[name, value] : pairs_of(folder / "facts"))
      facts.values[name] = value;
  }

  // Nothing where the session did not ask this.
  template <typename Asking>
  const Reply *reply_to(const Asking &asking, const Values &names) const {
    std::string words = "$";
    for (const std::string &word : asking.run)
      words += " " + expand(word, names);
    auto found = said.find(words);
    if (found == said.end())
      found = said.find("> " + (asking.send.empty() ? rpc_of(asking) : expand(asking.send, names)));
    return found == said.end() ? nullptr : &found->second;
  }

  // Reads and proofs that the session did not ask are left out: the case is not about them.
  Installed installed() const {
    Driver asked = driver;
    asked.reads.clear();
    asked.in_force.clear();
    Answers answers;
    for (const Read &read : driver.reads)
      if (const Reply *reply = reply_to(read, values)) {
        asked.reads.push_back(read);
        answers.reads.push_back(*reply);
      }
    for (const Proof &proof : driver.in_force)
      if (const Reply *reply = reply_to(proof, names_for(proof, values)); reply != nullptr && holds(proof.when, values, {})) {
        asked.in_force.push_back(proof);
        answers.in_force.push_back(*reply);
      }
    return parse(asked, values, answers);
  }

  Rendering rendering() const {
    Rendering rendering{driver, driver.transports.front(), values, facts, {}, 0, false, places};
    for (const auto &[name, value] : pairs_of(folder / "render")) {
      if (name == "transport")
        rendering.transport = value == "cli" ? TransportKind::Cli : value == "exec" ? TransportKind::Exec : TransportKind::Netconf;
      else if (name == "confirm")
        rendering.confirm_seconds = static_cast<unsigned>(std::stoul(value));
      else if (name == "save")
        rendering.save = true;
      else if (name.rfind("attach-", 0) == 0)
        continue;
      else
        FAIL("unknown setting " << name << " in " << folder);
    }
    return rendering;
  }
};

// The change as it would be planned: what is installed, without `remove`, with `add`.
Change change_of(const Case &one, const Installed &installed) {
  std::map<Block, std::string> wanted;
  for (const Entry &entry : installed.entries)
    wanted.emplace(entry.block, entry.list);
  for (const std::string &line : lines_of(one.folder / "remove"))
    wanted.erase(Block::parse(line).value());
  for (const std::string &line : lines_of(one.folder / "add")) {
    const Block block = Block::parse(line).value();
    const List *list = one.driver.list_for(block.prefix, !block.service.is_any());
    REQUIRE(list != nullptr);
    wanted[block] = list->name;
  }
  Selection selection;
  for (const auto &[block, list] : wanted) {
    Wanted made;
    made.candidate.block = block;
    made.list = list;
    selection.wanted.push_back(std::move(made));
  }
  return diff(one.driver, selection, Bans(), Candidates(), installed).change;
}

// What a change is about, whatever else it carries.
std::vector<std::string> blocks_of(const Change &change) {
  std::vector<std::string> blocks;
  for (const Addition &addition : change.add)
    blocks.push_back(fmt::format("+ {} {}", addition.list, addition.block.text()));
  for (const Removal &removal : change.remove)
    blocks.push_back(fmt::format("- {} {}", removal.list, removal.block.text()));
  std::sort(blocks.begin(), blocks.end());
  return blocks;
}

std::string steps_text(const std::vector<Step> &steps) {
  Script script;
  script.change = steps;
  return script.text();
}

void check_checks(const Case &one) {
  Json found = Json::object();
  for (const Check &check : one.driver.checks)
    if (const Reply *reply = one.reply_to(check, one.values))
      found[check.name] = good(check, one.values, *reply) ? "good" : "said";
  if (!found.empty())
    compare(one.folder / "checks.json", found.dump(2) + "\n");
}

void check(const Case &one) {
  Installed installed;
  if (std::any_of(one.driver.reads.begin(), one.driver.reads.end(),
                  [&](const Read &read) { return one.reply_to(read, one.values) != nullptr; })) {
    Json outcome;
    try {
      installed = one.installed();
      outcome = json_of(installed);
    } catch (const Error &error) {
      outcome = Json{{"error", error.what()}};
    }
    compare(one.folder / "expect.json", outcome.dump(2) + "\n");
  }
  check_checks(one);
  if (const auto stages = lines_of(one.folder / "stage"); !stages.empty()) {
    Rendering rendering = one.rendering();
    const Facts facts = with_states(one.facts, installed);
    const Rendering stated{rendering.driver, rendering.transport, rendering.values, facts, rendering.run_with, 0, false, rendering.attach};
    for (const Stage stage : {Stage::Setup, Stage::Unsetup, Stage::Save, Stage::Renumber})
      if (stages.front() == word(stage)) {
        const auto reasons = refusals(one.driver, stage, one.values, facts, one.places);
        compare(one.folder / "script", reasons.empty() ? steps_text(render_stage(stated, stage))
                                                       : fmt::format("refused: {}\n", fmt::join(reasons, "\nrefused: ")));
      }
  } else if (fs::exists(one.folder / "add") || fs::exists(one.folder / "remove")) {
    const Change change = change_of(one, installed);
    const Script script = render(one.rendering(), change);
    compare(one.folder / "script", script.text());
    CHECK(blocks_of(read_back(one.driver, one.values, script, installed)) == blocks_of(change));
  }
}

std::vector<fs::path> folders_in(const fs::path &path) {
  std::vector<fs::path> folders;
  for (const auto &entry : fs::directory_iterator(path))
    if (entry.is_directory())
      folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

} // namespace

TEST_CASE("drivers: goldens") {
  for (const fs::path &folder : folders_in(root / "tests/drivers")) {
    const std::string name = folder.filename().string();
    DYNAMIC_SECTION(name) {
      const Driver driver = load_driver((root / "drivers" / (name + ".yaml")).string(), {root.string()});
      for (const fs::path &one : folders_in(folder)) {
        INFO(one.string());
        check(Case(one, driver));
      }
    }
  }
}

TEST_CASE("drivers: every driver loads, and has goldens") {
  for (const std::string &name : driver_names({root.string()})) {
    INFO(name);
    CHECK_NOTHROW(load_driver((root / "drivers" / (name + ".yaml")).string(), {root.string()}));
    CHECK(fs::exists(root / "tests/drivers" / name));
  }
}
