// What a reading told beside the entries: what of them is let through, why they may block less, and who keeps what out.
#include "app/state/state.hpp"
#include "bans/sqlite/sqlite.hpp"
#include "core/plan/as_read.hpp"

#include <algorithm>
#include <array>

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
}

TEST_CASE("every entry of somebody else that may keep one of ours out is told, and what it covers only where its list is in force") {
  Installed found = installed();
  found.foreign.push_back({"set4", "of no prefix", {}});
  found.foreign.push_back(found.foreign.front());
  const AsRead told = as_read(found, {});
  const auto at = [](const char *prefix) { return std::optional(Prefix::require(prefix)); };
  CHECK(told.others ==
        std::vector<OtherEntry>{{"set4", "another", at("198.51.100.8/32"), {}}, {"set4", "theirs", {}, at("198.51.100.9/32")}});
  CHECK(told.more_others == 0);
  found.lists.front().in_force = false;
  const AsRead idle = as_read(found, {});
  CHECK(idle.others ==
        std::vector<OtherEntry>{{"set4", "another", {}, at("198.51.100.8/32")}, {"set4", "theirs", {}, at("198.51.100.9/32")}});
}

TEST_CASE("of more of them than are kept, those that keep something out and the widest are, and how many are not") {
  Installed found = installed();
  for (unsigned i = 0; i < most_others; ++i)
    found.foreign.push_back(
        {"set4", "host", Prefix(Family::IPv4, {10, 0, static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i)}, 32)});
  found.foreign.push_back({"set4", "wide", Prefix::require("10.9.0.0/16")});
  const AsRead told = as_read(found, left_out);
  CHECK(told.others.size() == most_others);
  CHECK(told.more_others == 3);
  const auto has = [&](const char *text) {
    return std::any_of(told.others.begin(), told.others.end(), [&](const OtherEntry &one) { return one.text == text; });
  };
  CHECK(has("theirs"));
  CHECK(has("wide"));
  CHECK(std::is_sorted(told.others.begin(), told.others.end()));
}

TEST_CASE("the state file keeps what was told, and writes nothing where it is told again") {
  const ConfigFolder folder;
  State state(folder.path() + "/state.db");
  const AsRead told = as_read(installed(), left_out);
  state.keep_as_read("edge", told);
  CHECK(state.as_read("edge") == told);
  const Database other(folder.path() + "/state.db");
  const auto changes = [&] {
    auto row = other.prepare("PRAGMA data_version");
    row.step();
    return row.number(0);
  };
  const auto before = changes();
  state.keep_as_read("edge", told);
  CHECK(changes() == before);
  AsRead more = told;
  more.more_others = 7;
  more.gaps.erase(more.gaps.begin());
  const auto rows = [&] {
    auto row = other.prepare("SELECT COUNT(*), MIN(rowid), MAX(rowid) FROM as_read");
    row.step();
    return std::array{row.number(0), row.number(1), row.number(2)};
  };
  state.keep_as_read("later", told); // with the highest numbers: a line that is written anew comes behind them
  const auto [count, first, last] = rows();
  state.keep_as_read("edge", more);
  CHECK(state.as_read("edge") == more);
  const auto [count_then, first_then, last_then] = rows();
  CHECK(count_then == count);
  CHECK(last_then <= last + 1); // one line goes and one comes: the others are not written anew
  CHECK(state.as_read("other") == AsRead());
  state.keep_as_read("edge", {});
  CHECK(state.as_read("edge") == AsRead());
  CHECK(state.trouble().empty());
}

TEST_CASE("after a change that is all that has changed, only the gaps of what it changed are others") {
  const ConfigFolder folder;
  State state(folder.path() + "/state.db");
  state.keep_as_read("edge", as_read(installed(), {}));
  Change change;
  Removal gone;
  gone.block = block("192.0.2.9/32");
  gone.list = "set4";
  change.remove.push_back(gone);
  Addition come;
  come.block = block("192.0.2.77/32");
  come.list = "set4";
  change.add.push_back(come);
  state.change_as_read("edge", change, {{{come.block, "set4"}, {}, "one", {}}});
  const AsRead told = state.as_read("edge");
  CHECK(why(told, "192.0.2.9/32", "192.0.2.9") == "blocked");
  CHECK(why(told, "192.0.2.77/32", "192.0.2.77") == "an earlier rule lets it through (one)");
  CHECK(why(told, "203.0.113.66/32", "203.0.113.66") == "an earlier rule lets it through (one)");
  CHECK(told.others.size() == 2);
  state.change_as_read("edge", change, {});
  CHECK(why(state.as_read("edge"), "192.0.2.77/32", "192.0.2.77") == "blocked");
  CHECK(state.trouble().empty());
}
