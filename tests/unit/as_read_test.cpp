// What a reading told beside the entries: what of them is let through, why they may block less, and who keeps what out.
#include "app/state/state.hpp"
#include "bans/sqlite/sqlite.hpp"
#include "core/plan/as_read.hpp"

#include <catch2/catch.hpp>

#include "config_folder.hpp"

using namespace banpush;

namespace {

Block block(const char *text) { return Block::parse(text).value(); }

Entry entry(const char *prefix, std::size_t behind) {
  Entry made;
  made.block = block(prefix);
  made.list = "set4";
  made.behind = behind;
  made.in_force = false;
  made.shadowed = behind != 0;
  if (behind == 0)
    made.why_not = "inactive";
  return made;
}

Installed installed() {
  Installed made;
  made.entries = {entry("192.0.2.9/32", 0), entry("203.0.113.0/24", 2), entry("203.0.113.66/32", 1)};
  ListState list;
  list.list = "set4";
  list.permits = {{{}, Prefix::require("203.0.113.64/30"), "one"}, {{}, Prefix::require("203.0.113.128/25"), "two"}, {{}, {}, "all"}};
  list.doubts = {"cannot tell"};
  made.lists = {list};
  made.foreign = {{"set4", "theirs", {}, Prefix::require("198.51.100.9/32")}, {"set4", "another", Prefix::require("198.51.100.8/32")}};
  return made;
}

std::string why(const AsRead &told, const char *of, const char *prefix) {
  return passes(told.gaps, {block(of), "set4"}, Prefix::require(prefix)).value_or("blocked");
}

const std::vector<LeftOut> left_out{{Prefix::require("198.51.100.9/32"), Verdict::Foreign, "theirs"},
                                    {Prefix::require("198.51.100.8/32"), Verdict::OverBudget, "over budget"}};

} // namespace

TEST_CASE("an entry is let through where a rule before it meets the packet, and blocks what none meets") {
  const AsRead told = as_read(installed(), left_out);
  CHECK(why(told, "203.0.113.0/24", "203.0.113.65") == "an earlier rule lets it through (one)");
  CHECK(why(told, "203.0.113.0/24", "203.0.113.130") == "an earlier rule lets it through (two)");
  CHECK(why(told, "203.0.113.0/24", "203.0.113.0/24") == "an earlier rule lets a part of it through (one)");
  CHECK(why(told, "203.0.113.0/24", "203.0.113.7") == "blocked");
  CHECK(why(told, "203.0.113.66/32", "203.0.113.66") == "an earlier rule lets it through (one)");
  CHECK(why(told, "192.0.2.9/32", "192.0.2.9") == "inactive");
  CHECK(why(told, "192.0.2.8/32", "192.0.2.8") == "blocked");
  REQUIRE(told.others.size() == 1);
  CHECK(told.others.front().text == "theirs");
}

TEST_CASE("the state file keeps what was told, and writes nothing where it is told again") {
  const ConfigFolder folder;
  State state(folder.path() + "/state.db");
  const AsRead told = as_read(installed(), left_out);
  state.looked_at("edge", told);
  CHECK(state.as_read("edge") == told);
  const Database other(folder.path() + "/state.db");
  const auto changes = [&] {
    auto row = other.prepare("PRAGMA data_version");
    row.step();
    return row.number(0);
  };
  const auto before = changes();
  state.looked_at("edge", told);
  CHECK(changes() == before);
  CHECK(state.as_read("other") == AsRead());
  state.looked_at("edge", {});
  CHECK(state.as_read("edge") == AsRead());
  CHECK(state.trouble().empty());
}
