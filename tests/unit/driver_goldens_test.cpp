// Every folder tests/drivers/DRIVER/CASE holds what a device said, or what it is to be told, and what must
// come of it; docs/driver-format.md describes the files. A new platform needs no line here.
// BANPUSH_UPDATE_GOLDENS=1 writes what came out instead of comparing.
#include "core/reading/used_lists.hpp"
#include "core/script/setup_script.hpp"
#include "driver_case.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <cstdlib>

using namespace driver_case;
using Json = nlohmann::ordered_json;

namespace {

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
    if (!state.doubts.empty())
      json["doubts"][state.list] = state.doubts;
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
      if (const auto reasons = refusals_to_read(one.driver, one.values, one.facts); !reasons.empty())
        throw Error(ErrorKind::Device, reasons.front());
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
    const Rendering stated{
        rendering.driver, rendering.transport, rendering.values, facts, rendering.run_with, rendering.confirm_seconds, false,
        rendering.attach};
    for (const Stage stage : {Stage::Setup, Stage::Unsetup, Stage::Undo, Stage::Save, Stage::Renumber})
      if (stages.front() == word(stage)) {
        const auto reasons = refusals(one.driver, stage, one.values, facts, one.places);
        const bool is_setup = stage == Stage::Setup || stage == Stage::Unsetup;
        compare(one.folder / "script", !reasons.empty() ? fmt::format("refused: {}\n", fmt::join(reasons, "\nrefused: "))
                                       : is_setup       ? setup_script(stated, stage, installed).text()
                                                        : steps_text(render_stage(stated, stage)));
      }
  } else if (fs::exists(one.folder / "add") || fs::exists(one.folder / "remove")) {
    const Change change = change_of(one, installed);
    const Script script = render(one.rendering(), change);
    compare(one.folder / "script", script.text());
    CHECK(blocks_of(read_back(one.driver, one.values, script, installed)) == blocks_of(change));
  }
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
