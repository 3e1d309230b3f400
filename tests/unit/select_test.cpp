#include "core/plan/plan.hpp"

#include "made_bans.hpp"

#include <catch2/catch.hpp>

using namespace banpush;
using namespace banpush::test;

namespace {

List list(std::string name, std::vector<Family> families = {Family::IPv4, Family::IPv6}) {
  List made;
  made.name = std::move(name);
  made.families = std::move(families);
  return made;
}

Driver driver(std::vector<List> lists) {
  Driver made;
  made.name = "test";
  made.lists = std::move(lists);
  return made;
}

// 203.0.113.(1, 3, 5, …), the first of the highest worth.
Candidates many(std::size_t count, double first = 1000) {
  Candidates all;
  for (std::size_t i = 0; i < count; ++i) {
    Candidate one;
    one.block.prefix = Prefix::require("203." + std::to_string(i / 100) + ".113." + std::to_string(2 * (i % 100) + 1));
    one.worth = first - static_cast<double>(i);
    one.since = 7200;
    one.bans = 1;
    all.wanted.push_back(one);
  }
  return all;
}

Candidate candidate(const char *block, double worth) {
  Candidate one;
  one.block = Block::parse(block).value();
  one.worth = worth;
  return one;
}

Candidates of(std::vector<Candidate> wanted) {
  Candidates all;
  all.wanted = std::move(wanted);
  std::sort(all.wanted.begin(), all.wanted.end(), [](const Candidate &a, const Candidate &b) { return a.block < b.block; });
  return all;
}

Entry entry(const std::string &block, const std::string &in = "all") {
  Entry made;
  made.block = Block::parse(block).value();
  made.list = in;
  return made;
}

Installed holding(const Selection &selection) {
  Installed installed;
  for (const Wanted &one : selection.wanted)
    installed.entries.push_back(entry(one.candidate.block.text(), one.list));
  return installed;
}

std::string text_of(const Selection &selection) {
  std::string text;
  for (const Wanted &one : selection.wanted)
    text += (text.empty() ? "" : ", ") + one.candidate.block.text() + (one.list == "all" ? "" : " in " + one.list);
  return text;
}

Selection chosen(const Driver &on, const Candidates &candidates, Capacity capacity = {}, const Installed &installed = {}) {
  return select(on, candidates, {}, {}, capacity, installed);
}

ListState bound_nowhere() {
  ListState state;
  state.list = "all";
  state.in_force = false;
  state.why_not = "bound nowhere";
  return state;
}

} // namespace

TEST_CASE("without a budget everything is wanted, in the list that takes it") {
  List hosts4 = list("hosts4", {Family::IPv4}), nets4 = list("nets4", {Family::IPv4}), all6 = list("all6", {Family::IPv6});
  hosts4.nets = false;
  nets4.hosts = false;
  const Selection selection = chosen(driver({hosts4, nets4, all6}), of({candidate("203.0.113.7", 1), candidate("203.0.113.0/25", 1),
                                                                        candidate("2001:db8::/64", 1), candidate("2001:db8:1::1", 1)}));
  CHECK(text_of(selection) == "203.0.113.0/25 in nets4, 203.0.113.7/32 in hosts4, 2001:db8::/64 in all6, 2001:db8:1::1/128 in all6");
  CHECK(selection.left_out.empty());
}

TEST_CASE("what the device has no list for is left out") {
  List hosts4 = list("hosts4", {Family::IPv4});
  hosts4.nets = false;
  const Selection selection =
      chosen(driver({hosts4}), of({candidate("203.0.113.4/30", 4), candidate("198.51.0.0/16", 1), candidate("2001:db8::1", 1)}));
  // A small network goes in as its hosts.
  CHECK(text_of(selection) == "203.0.113.4/32 in hosts4, 203.0.113.5/32 in hosts4, 203.0.113.6/32 in hosts4, 203.0.113.7/32 in hosts4");
  CHECK(selection.wanted[0].candidate.worth == Approx(1));
  CHECK(text_of(selection.left_out) == "198.51.0.0/16 not_held, 2001:db8::1/128 not_held");
  CHECK(selection.left_out[1].reason == "driver test has no list for IPv6 hosts");
}

TEST_CASE("under a budget the most worthwhile go first, each family by its own") {
  Candidates all = many(10);
  all.wanted.push_back(candidate("2001:db8::1", 1));
  all.wanted.push_back(candidate("2001:db8::2", 2));
  const Selection selection = chosen(driver({list("all")}), all, {3, 1});
  CHECK(text_of(selection) == "203.0.113.1/32, 203.0.113.3/32, 203.0.113.5/32, 2001:db8::2/128");
  CHECK(selection.left_out.size() == 8);
  CHECK(selection.left_out[0].verdict == Verdict::OverBudget);
  CHECK(chosen(driver({list("all")}), all, {10, 2}).left_out.empty());
  CHECK(chosen(driver({list("all")}), all, {0, {}}).wanted.size() == 2);
  CHECK(chosen(driver({list("all")}), all, {{}, 0}).wanted.size() == 10);
}

TEST_CASE("entries that cost more take more of the budget") {
  List hosts = list("hosts", {Family::IPv4}), nets = list("nets", {Family::IPv4});
  hosts.nets = nets.hosts = false;
  nets.cost = 2;
  const Candidates all =
      of({candidate("203.0.113.0/25", 10), candidate("198.51.100.0/25", 9), candidate("192.0.2.1", 8), candidate("192.0.2.3", 7)});
  CHECK(text_of(chosen(driver({hosts, nets}), all, {3, {}})) == "192.0.2.1/32 in hosts, 203.0.113.0/25 in nets");
  CHECK(text_of(chosen(driver({hosts, nets}), all, {6, {}})).size() == text_of(chosen(driver({hosts, nets}), all)).size());
}

TEST_CASE("a list and a device have their own size") {
  Driver small = driver({list("all")});
  small.lists[0].most = 4;
  CHECK(chosen(small, many(10)).wanted.size() == 4);
  small.lists[0].most.reset();
  small.most_entries = 3;
  Candidates all = many(10);
  all.wanted.push_back(candidate("2001:db8::1", 998.5));
  CHECK(text_of(chosen(small, all)) == "203.0.113.1/32, 203.0.113.3/32, 2001:db8::1/128");
}

TEST_CASE("a newcomer must be worth clearly more than what stands there") {
  const Driver on = driver({list("all")});
  Installed installed;
  installed.entries = {entry("203.0.113.1"), entry("203.0.113.3")};
  const auto with = [&](double worth) {
    return text_of(
        chosen(on, of({candidate("203.0.113.1", 10), candidate("203.0.113.3", 9), candidate("203.0.113.5", worth)}), {2, {}}, installed));
  };
  CHECK(with(9.5) == "203.0.113.1/32, 203.0.113.3/32");
  CHECK(with(11.2) == "203.0.113.1/32, 203.0.113.3/32");
  CHECK(with(11.3) == "203.0.113.1/32, 203.0.113.5/32");
  // What is not in force is no incumbent; hits are evidence for one that is.
  installed.entries[1].in_force = false;
  CHECK(with(9.5) == "203.0.113.1/32, 203.0.113.5/32");
  installed.entries[1].in_force = true;
  installed.entries[1].hits = 100000;
  CHECK(with(16) == "203.0.113.3/32, 203.0.113.5/32");
  CHECK(with(11.3) == "203.0.113.1/32, 203.0.113.3/32");
  installed.lists = {bound_nowhere()};
  CHECK(with(9.5) == "203.0.113.1/32, 203.0.113.5/32");
}

TEST_CASE("selecting twice is selecting once") {
  const Driver on = driver({list("all")});
  const Candidates all = many(500);
  Installed installed;
  for (std::size_t i = 0; i < 500; i += 3)
    installed.entries.push_back(entry(all.wanted[i].block.text()));
  Selection before = chosen(on, all, {100, {}}, installed);
  CHECK(before.wanted.size() == 100);
  CHECK(text_of(chosen(on, all, {100, {}}, holding(before))) == text_of(before));
}

TEST_CASE("equal worth is no reason to swap") {
  Candidates all = many(10);
  for (Candidate &one : all.wanted)
    one.worth = 0;
  const Driver on = driver({list("all")});
  Installed installed;
  installed.entries = {entry(all.wanted[7].block.text()), entry(all.wanted[9].block.text())};
  CHECK(text_of(chosen(on, all, {2, {}}, installed)) == all.wanted[7].block.text() + ", " + all.wanted[9].block.text());
  CHECK(text_of(chosen(on, all, {2, {}})) == all.wanted[0].block.text() + ", " + all.wanted[1].block.text());
}

TEST_CASE("what somebody else's entry blocks already is left out") {
  const Driver on = driver({list("all")});
  Installed installed;
  installed.foreign.push_back({"all", "deny ip 198.51.100.0 0.0.0.255 any", Prefix::require("198.51.100.0/24")});
  installed.foreign.push_back({"all", "deny ip 203.0.113.128 0.0.0.127 any", Prefix::require("203.0.113.128/25")});
  const Candidates all = of({candidate("198.51.100.7", 1), candidate("203.0.113.0/24", 1), candidate("192.0.2.1", 1)});
  const Selection selection = chosen(on, all, {}, installed);
  CHECK(text_of(selection) == "192.0.2.1/32, 203.0.113.0/24");
  CHECK(text_of(selection.left_out) == "198.51.100.7/32 foreign");
  CHECK(selection.left_out[0].reason == "an entry of somebody else holds it: deny ip 198.51.100.0 0.0.0.255 any");
  installed.lists = {bound_nowhere()};
  CHECK(chosen(on, all, {}, installed).left_out.empty());
}

TEST_CASE("services where a list holds them, and any where none does") {
  List plain = list("plain"), fine = list("fine", {Family::IPv4});
  fine.services = true;
  const Candidates all = of({candidate("203.0.113.4 tcp/22", 3), candidate("203.0.113.4 tcp/80", 1), candidate("203.0.113.5 tcp/22", 2),
                             candidate("2001:db8::1 tcp/22", 1), candidate("2001:db8::1 udp", 1)});
  CHECK(text_of(chosen(driver({fine, plain}), all)) ==
        "203.0.113.4/31 tcp/22 in fine, 203.0.113.4/32 tcp/80 in fine, 2001:db8::1/128 in plain");
  const Selection reduced = chosen(driver({plain}), all);
  CHECK(text_of(reduced) == "203.0.113.4/31 in plain, 2001:db8::1/128 in plain");
  CHECK(reduced.left_out.empty());
}

TEST_CASE("where the longest match decides, an entry of somebody else holds only the very same prefix") {
  List routes = list("all");
  routes.longest_match = true;
  Installed installed;
  installed.foreign = {{"all", "blackhole 203.0.112.0/22", Prefix::require("203.0.112.0/22")},
                       {"all", "blackhole 203.0.113.9", Prefix::require("203.0.113.9")}};
  const Candidates wanted = of({candidate("203.0.113.7", 1), candidate("203.0.113.9", 1)});
  CHECK(text_of(chosen(driver({routes}), wanted, {}, installed)) == "203.0.113.7/32");
  routes.longest_match = false;
  CHECK(text_of(chosen(driver({routes}), wanted, {}, installed)).empty());
}

TEST_CASE("in a list whose entries may not overlap, the wider one of ours stands, and what meets others does not") {
  List nets = list("all");
  nets.disjoint = true;
  Installed installed;
  installed.foreign = {{"all", "198.51.100.16/28", Prefix::require("198.51.100.16/28")}};
  const Selection selection = chosen(
      driver({nets}),
      of({candidate("203.0.113.0/24", 1), candidate("203.0.113.64/26", 1), candidate("198.51.100.0/24", 1), candidate("192.0.2.0/24", 1)}),
      {}, installed);
  CHECK(text_of(selection) == "192.0.2.0/24, 203.0.113.0/24");
  CHECK(text_of(selection.left_out) == "198.51.100.0/24 foreign, 203.0.113.64/26 covered");
}

TEST_CASE("a range of somebody else keeps what meets it out of a list whose entries may not overlap") {
  List nets = list("all");
  nets.disjoint = true;
  Installed installed;
  installed.foreign = {{"all", "198.51.100.10-198.51.100.20", std::nullopt, Prefix::require("198.51.100.0/27")}};
  const Selection selection =
      chosen(driver({nets}), of({candidate("198.51.100.0/24", 1), candidate("198.51.100.64/26", 1)}), {}, installed);
  CHECK(text_of(selection) == "198.51.100.64/26");
  CHECK(text_of(selection.left_out) == "198.51.100.0/24 foreign");
}
