#include "core/policy/policy.hpp"

#include "made_bans.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace banpush;
using namespace banpush::test;

namespace {

std::string wanted(const std::vector<Row> &rows, const Policy &policy = {}, const std::vector<NamedPrefix> &protect = {}) {
  return text_of(candidates(bans_of(rows), policy, protect).wanted);
}

Candidate only(const std::vector<Row> &rows, const Policy &policy = {}) {
  const Candidates all = candidates(bans_of(rows), policy, {});
  REQUIRE(all.wanted.size() == 1);
  return all.wanted.front();
}

Verdict verdict(const std::vector<Row> &rows, const Policy &policy, const char *prefix = "203.0.113.7",
                const std::vector<NamedPrefix> &protect = {}) {
  return candidates(bans_of(rows), policy, protect).verdict(Prefix::require(prefix));
}

std::string reason(const std::vector<Row> &rows, const Policy &policy, const std::vector<NamedPrefix> &protect = {}) {
  const Candidates all = candidates(bans_of(rows), policy, protect);
  REQUIRE(all.left_out.size() == 1);
  return all.left_out.front().reason;
}

} // namespace

TEST_CASE("a ban lasts by its jail's time, else as fail2ban said, else the default") {
  Policy policy;
  policy.bantime = hour;
  policy.jails = {{"sshd", 10 * minute, false, 1},
                  {"recidive", permanent, false, 1},
                  {"app-*", 2 * hour, false, 1},
                  {"app-long-*", 3 * hour, false, 1},
                  {"app-long-exact", {}, false, 1}};
  struct Case {
    const char *jail;
    Seconds age;
    std::optional<Seconds> until;
    Seconds left; // 0: over
  };
  const Case cases[] = {
      {"sshd", 0, {}, 10 * minute},
      {"sshd", 599, {}, 1},
      {"sshd", 600, {}, 0},
      {"sshd", 599, permanent, 1}, // the jail's time stands above what was passed
      {"sshd", 700, 99999, 0},
      {"recidive", 400 * day, {}, permanent},
      {"recidive", 400 * day, -5, permanent},
      {"app-web", 0, {}, 2 * hour},
      {"app-long-web", 0, {}, 3 * hour}, // the longest wildcard
      {"app-long-exact", 0, {}, hour},   // an exact line stands above wildcards, even when it says nothing
      {"other", 0, {}, hour},
      {"other", hour, {}, 0},
      {"other", 5 * hour, 60, 60},
      {"other", 5 * hour, permanent, permanent},
      {"other", 0, 0, 0},
      {"other", 0, -1, 0},
  };
  for (const Case &one : cases) {
    INFO(one.jail << " " << one.age);
    const Candidates all = candidates(bans_of({{"203.0.113.7", one.age, one.jail, "web1", "tcp", "22", one.until}}), policy, {});
    if (one.left == 0) {
      CHECK(all.wanted.empty());
      CHECK(all.left_out.empty());
      CHECK(all.verdict(Prefix::require("203.0.113.7")) == Verdict::Expired);
    } else {
      REQUIRE(all.wanted.size() == 1);
      CHECK(all.wanted[0].until == one.left);
      CHECK(all.verdict(Prefix::require("203.0.113.7")) == Verdict::Wanted);
    }
  }
}

TEST_CASE("a new ban of the same address extends, and makes no second block") {
  const Candidate one = only({{"203.0.113.7", 80000}, {"203.0.113.7", 100, "postfix", "web2"}, {"203.0.113.7", 200000}});
  CHECK(one.bans == 2);
  CHECK(one.hosts == 2);
  CHECK(one.history == 3);
  CHECK(one.age == 100);
  CHECK(one.since == 80000);
  CHECK(one.until == day - 100);
}

TEST_CASE("an unban ends what it was for, and nothing else") {
  Policy keeping;
  keeping.honour_unban = false;
  const Row by_fail2ban{"203.0.113.7", 60, "sshd", "web1", "tcp", "22", {}, 5};
  const Row by_operator{"203.0.113.7", 60, "sshd", "web1", "tcp", "22", {}, 5, true};
  const Row other_host{"203.0.113.7", 60, "sshd", "web2"};
  CHECK(verdict({by_fail2ban}, {}) == Verdict::Unbanned);
  CHECK(verdict({by_fail2ban}, keeping) == Verdict::Wanted);
  CHECK(verdict({by_operator}, {}) == Verdict::Unbanned);
  CHECK(verdict({by_operator}, keeping) == Verdict::Unbanned);
  CHECK(verdict({by_operator, other_host}, {}) == Verdict::Wanted);
  CHECK(only({by_operator, other_host}).bans == 1);
  CHECK(only({by_operator, other_host}).history == 2);
  // Unbanned, and over in any case.
  CHECK(verdict({{"203.0.113.7", 2 * day, "sshd", "web1", "tcp", "22", {}, 5}}, {}) == Verdict::Expired);
}

TEST_CASE("rows far in the future are not trusted") {
  CHECK(verdict({{"203.0.113.7", -70 * minute}}, {}) == Verdict::Wanted);
  CHECK(only({{"203.0.113.7", -70 * minute}}).age == 0);
  CHECK(only({{"203.0.113.7", -70 * minute}}).until == day);
  CHECK(verdict({{"203.0.113.7", -70 * minute - 1}}, {}) == Verdict::Future);
  CHECK(reason({{"203.0.113.7", -2 * hour}}, {}) == "dated 120 minutes ahead of the database's clock");
  CHECK(verdict({{"203.0.113.7", -2 * hour}, {"203.0.113.7", 5}}, {}) == Verdict::Wanted);
}

TEST_CASE("filters") {
  Policy policy;
  policy.jails = {{"*-test", {}, true, 1}, {"good-test", {}, false, 1}};
  policy.hosts = {{"lab*", true, 1}};
  policy.protocols = {"tcp", "icmp"};
  policy.families = {Family::IPv4};
  policy.max_age = 2 * hour;
  policy.bantime = permanent;
  CHECK(verdict({{"203.0.113.7"}}, policy) == Verdict::Wanted);
  CHECK(verdict({{"203.0.113.7", 60, "web-test"}}, policy) == Verdict::Ignored);
  CHECK(verdict({{"203.0.113.7", 60, "good-test"}}, policy) == Verdict::Wanted);
  CHECK(verdict({{"203.0.113.7", 60, "sshd", "lab3"}}, policy) == Verdict::Ignored);
  CHECK(verdict({{"203.0.113.7", 60, "sshd", "web1", "udp"}}, policy) == Verdict::Ignored);
  CHECK(verdict({{"203.0.113.7", 60, "sshd", "web1", "icmp"}}, policy) == Verdict::Wanted);
  for (const char *protocol : {"all", "ip", "", "tcp,udp", "UDP, TCP", "6", "udp,icmp"})
    CHECK(verdict({{"203.0.113.7", 60, "sshd", "web1", protocol}}, policy) == Verdict::Wanted);
  CHECK(verdict({{"203.0.113.7", 60, "sshd", "web1", "udp,sctp"}}, policy) == Verdict::Ignored);
  CHECK(reason({{"203.0.113.7", 60, "sshd", "web1", "udp,sctp"}}, policy) == "protocol udp,sctp is not pushed here (protocols: tcp, icmp)");
  CHECK(verdict({{"203.0.113.7", 60, "sshd", "web1", "nonsense"}}, policy) == Verdict::Ignored);
  CHECK(verdict({{"203.0.113.7", 2 * hour + 1}}, policy) == Verdict::Ignored);
  CHECK(verdict({{"2001:db8::7"}}, policy, "2001:db8::7") == Verdict::Ignored);
  CHECK(verdict({{"203.0.113.7", 60, "sshd", "lab3"}, {"203.0.113.7"}}, policy) == Verdict::Wanted);

  CHECK(reason({{"203.0.113.7", 60, "web-test"}}, policy) == "jail web-test is ignored");
  CHECK(reason({{"203.0.113.7", 60, "sshd", "lab3"}}, policy) == "host lab3 is ignored");
  CHECK(reason({{"203.0.113.7", 60, "sshd", "web1", "udp"}}, policy) == "protocol udp is not pushed here (protocols: tcp, icmp)");
  CHECK(reason({{"203.0.113.7", 3 * hour}}, policy) == "older than max_age (2h)");
  CHECK(reason({{"2001:db8::7"}}, policy) == "no IPv6 here");

  policy.protocols.clear();
  for (const char *protocol : {"udp", "all", "nonsense", ""})
    CHECK(verdict({{"203.0.113.7", 60, "sshd", "web1", protocol}}, policy) == Verdict::Wanted);
  // What is over is over, whoever said it.
  policy.bantime = hour;
  CHECK(verdict({{"203.0.113.7", 90 * minute, "web-test"}}, policy) == Verdict::Expired);
}

TEST_CASE("quorum") {
  Policy policy;
  policy.bantime = day;
  policy.quorum = Quorum{2, 3, hour, 0};
  CHECK(verdict({{"203.0.113.7"}}, policy) == Verdict::NoQuorum);
  CHECK(verdict({{"203.0.113.7", 60, "sshd", "web1"}, {"203.0.113.7", 61, "sshd", "web2"}}, policy) == Verdict::Wanted);
  CHECK(verdict({{"203.0.113.7", 60}, {"203.0.113.7", 61}}, policy) == Verdict::NoQuorum);
  CHECK(verdict({{"203.0.113.7", 60}, {"203.0.113.7", 61}, {"203.0.113.7", 62}}, policy) == Verdict::Wanted);
  // Too far apart; and just within.
  CHECK(verdict({{"203.0.113.7", 60, "sshd", "web1"}, {"203.0.113.7", 60 + hour + 1, "sshd", "web2"}}, policy) == Verdict::NoQuorum);
  CHECK(verdict({{"203.0.113.7", 60, "sshd", "web1"}, {"203.0.113.7", 60 + hour, "sshd", "web2"}}, policy) == Verdict::Wanted);
  // It was met hours ago and the bans still run.
  CHECK(verdict({{"203.0.113.7", 5 * hour, "sshd", "web1"}, {"203.0.113.7", 5 * hour, "sshd", "web2"}}, policy) == Verdict::Wanted);
  // It was met by bans that are over: a single new one does not profit.
  CHECK(verdict({{"203.0.113.7", 50 * hour, "sshd", "web1"}, {"203.0.113.7", 50 * hour, "sshd", "web2"}, {"203.0.113.7", 60}}, policy) ==
        Verdict::NoQuorum);
  // What an operator unbanned is no report.
  CHECK(verdict({{"203.0.113.7", 60, "sshd", "web1"}, {"203.0.113.7", 61, "sshd", "web2", "tcp", "22", {}, 5, true}}, policy) ==
        Verdict::NoQuorum);
  CHECK(reason({{"203.0.113.7"}}, policy) == "1 ban by 1 host in force, no quorum of 2 hosts or 3 bans within 1h");
}

TEST_CASE("a source of low trust alone never makes a quorum of weight") {
  Policy policy;
  policy.quorum = Quorum{0, 2, hour, 1.0};
  policy.hosts = {{"lab*", false, 0.4}};
  policy.jails = {{"noise", {}, false, 0.5}};
  policy.trust = {1.0, 0.2};
  const auto from = [](const char *host, const char *jail = "sshd", std::uint8_t source = 0) {
    return Row{"203.0.113.7", 60, jail, host, "tcp", "22", {}, {}, false, source};
  };
  CHECK(verdict({from("lab1"), from("lab1"), from("lab1")}, policy) == Verdict::NoQuorum);
  CHECK(verdict({from("lab1"), from("lab2")}, policy) == Verdict::NoQuorum);
  CHECK(verdict({from("lab1"), from("lab2"), from("lab3")}, policy) == Verdict::Wanted);
  CHECK(verdict({from("web1"), from("lab1")}, policy) == Verdict::Wanted);
  CHECK(verdict({from("web1")}, policy) == Verdict::NoQuorum); // weight alone is not the two bans
  CHECK(verdict({from("web1", "noise"), from("web1", "noise")}, policy) == Verdict::NoQuorum);
  CHECK(verdict({from("web1", "noise"), from("web1", "sshd")}, policy) == Verdict::Wanted); // a host counts by its heaviest report
  CHECK(verdict({from("web1", "sshd", 1), from("web2", "sshd", 1)}, policy) == Verdict::NoQuorum);
}

TEST_CASE("repeat offenders are banned for longer") {
  Policy policy;
  policy.bantime = hour;
  policy.escalate = Escalate{2, day, 5 * hour};
  CHECK(only({{"203.0.113.7", 60}}, policy).until == hour - 60);
  CHECK(only({{"203.0.113.7", 60}, {"203.0.113.7", 7200}}, policy).until == 2 * hour - 60);
  CHECK(only({{"203.0.113.7", 60}, {"203.0.113.7", 7200}, {"203.0.113.7", 20000}}, policy).until == 4 * hour - 60);
  CHECK(only({{"203.0.113.7", 60}, {"203.0.113.7", 7200}, {"203.0.113.7", 20000}, {"203.0.113.7", 30000}}, policy).until ==
        5 * hour - 60);                                                                         // max
  CHECK(only({{"203.0.113.7", 60}, {"203.0.113.7", 60 + day + 1}}, policy).until == hour - 60); // outside the window
  CHECK(only({{"203.0.113.7", 60}, {"203.0.113.7", 60 + day}}, policy).until == 2 * hour - 60);
  // What was unbanned stays in the history; what policy ignores does not.
  CHECK(only({{"203.0.113.7", 60}, {"203.0.113.7", 7200, "sshd", "web1", "tcp", "22", {}, 5}}, policy).until == 2 * hour - 60);
  policy.hosts = {{"lab", true, 1}};
  CHECK(only({{"203.0.113.7", 60}, {"203.0.113.7", 7200, "sshd", "lab"}}, policy).until == hour - 60);
  // A time that was passed with the ban, and one without end, stay as they are.
  CHECK(only({{"203.0.113.7", 60, "sshd", "web1", "tcp", "22", 300}, {"203.0.113.7", 20000}}, policy).until == 300);
  policy.bantime = permanent;
  CHECK(only({{"203.0.113.7", 60}, {"203.0.113.7", 7200}}, policy).until == permanent);
  // The cap does not shorten a ban that is longer by itself.
  policy.bantime = 10 * hour;
  CHECK(only({{"203.0.113.7", 60}, {"203.0.113.7", 7200}}, policy).until == 10 * hour - 60);
}

TEST_CASE("allowed and protected, both ways") {
  Policy policy;
  policy.allow = {named("192.0.2.0/28", "office.txt:3"), named("203.0.113.7", "policy.allow")};
  const std::vector<NamedPrefix> protect{named("198.51.100.1", "address of edge1")};
  const std::vector<Row> rows{{"192.0.2.5"}, {"192.0.2.0/28"}, {"203.0.113.7"}, {"203.0.113.8"}, {"198.51.100.1"}};
  const Candidates all = candidates(bans_of(rows), policy, protect);
  CHECK(text_of(all.wanted) == "203.0.113.8/32");
  CHECK(text_of(all.left_out) == "192.0.2.0/28 allowed, 192.0.2.5/32 allowed, 198.51.100.1/32 protected, 203.0.113.7/32 allowed");
  CHECK(all.left_out[0].reason == "allowed by office.txt:3");
  CHECK(all.left_out[1].reason == "allowed by office.txt:3 (192.0.2.0/28)");
  CHECK(all.left_out[2].reason == "protected by address of edge1");
  CHECK(all.verdict(Prefix::require("192.0.2.5")) == Verdict::Allowed);
  CHECK(all.verdict(Prefix::require("198.51.100.1")) == Verdict::Protected);
}

TEST_CASE("what is allowed inside a wider ban becomes the smallest hole") {
  Policy policy;
  policy.allow = {named("203.0.113.77", "office.txt:3")};
  const Candidates all = candidates(bans_of({{"203.0.113.0/24"}}), policy, {named("203.0.113.200/29", "bastion")});
  CHECK(all.wanted.size() == 11);
  CHECK(text_of(all.wanted) ==
        "203.0.113.0/26, 203.0.113.64/29, 203.0.113.72/30, 203.0.113.76/32, 203.0.113.78/31, 203.0.113.80/28, 203.0.113.96/27, "
        "203.0.113.128/26, 203.0.113.192/29, 203.0.113.208/28, 203.0.113.224/27");
  CHECK(text_of(all.left_out) == "203.0.113.77/32 allowed, 203.0.113.200/29 protected");
  CHECK(all.left_out[0].reason == "allowed by office.txt:3, inside the ban of 203.0.113.0/24");
  CHECK(all.verdict(Prefix::require("203.0.113.0/24")) == Verdict::Protected);
  CHECK(wanted({{"203.0.113.0/24"}}, policy).size() == std::string("203.0.113.0/26, 203.0.113.64/29, 203.0.113.72/30, 203.0.113.76/32, "
                                                                   "203.0.113.78/31, 203.0.113.80/28, 203.0.113.96/27, 203.0.113.128/25")
                                                           .size());
  // The hole of a ban stays open when a host beside it is banned too; the allowed one never is.
  CHECK(text_of(candidates(bans_of({{"203.0.113.76/30"}, {"203.0.113.77"}}), policy, {}).wanted) == "203.0.113.76/32, 203.0.113.78/31");
}

TEST_CASE("reserved space and prefixes that are too wide") {
  const char *const reserved_ones[] = {
      "10.1.2.3",  "172.16.0.1", "172.31.255.255",  "192.168.1.1",    "100.64.0.1", "127.0.0.1", "169.254.1.1", "0.1.2.3",
      "224.0.0.1", "240.0.0.1",  "255.255.255.255", "198.18.0.1",     "192.0.0.1",  "fc00::1",   "fe80::1",     "ff02::1",
      "::1",       "::",         "fec0::1",         "64:ff9b::a00:1", "4000::1",    "2001:2::1"};
  for (const char *ip : reserved_ones) {
    INFO(ip);
    CHECK(reserved(Prefix::require(ip)).has_value());
    CHECK(verdict({{ip}}, {}, ip) == Verdict::Reserved);
    Policy allowed;
    allowed.reserved_allowed = true;
    CHECK(verdict({{ip}}, allowed, ip) == Verdict::Wanted);
  }
  for (const char *ip : {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2600::1",
                         "2002:c000:204::1", "2001::1", "11.0.0.0/24"}) {
    INFO(ip);
    CHECK_FALSE(reserved(Prefix::require(ip)).has_value());
    CHECK(verdict({{ip}}, {}, ip) == Verdict::Wanted);
  }
  CHECK(reserved(Prefix::require("8.0.0.0/6")).value() == "private"); // overlaps 10.0.0.0/8
  CHECK(verdict({{"203.0.112.0/23"}}, {}, "203.0.112.0/23") == Verdict::TooShort);
  CHECK(verdict({{"0.0.0.0/0"}}, {}, "0.0.0.0/0") == Verdict::TooShort);
  CHECK(verdict({{"::/0"}}, {}, "::/0") == Verdict::TooShort);
  CHECK(verdict({{"2001:db8::/47"}}, {}, "2001:db8::/47") == Verdict::TooShort);
  CHECK(verdict({{"2001:db8::/48"}}, {}, "2001:db8::/48") == Verdict::Wanted);
  CHECK(reason({{"203.0.112.0/23"}}, {}) == "wider than /24, the shortest that policy takes");
  CHECK(reason({{"10.1.2.3"}}, {}) == "private address space");
}

TEST_CASE("widening") {
  Policy policy;
  policy.widen6 = 64;
  const std::vector<Row> rows{
      {"2001:db8::1", 60, "sshd", "web1"}, {"2001:db8::2", 50, "sshd", "web2"}, {"2001:db8:0:1::1", 40}, {"203.0.113.7"}};
  const Candidates all = candidates(bans_of(rows), policy, {});
  CHECK(text_of(all.wanted) == "203.0.113.7/32, 2001:db8::/63");
  policy.aggregate.mode = Aggregate::Mode::None;
  const Candidates apart = candidates(bans_of(rows), policy, {});
  CHECK(text_of(apart.wanted) == "203.0.113.7/32, 2001:db8::/64, 2001:db8:0:1::/64");
  CHECK(apart.wanted[1].bans == 2);
  CHECK(apart.wanted[1].hosts == 2);
  CHECK(apart.verdict(Prefix::require("2001:db8::1")) == Verdict::Covered);
  CHECK(apart.left_out.empty());
  // A network stays as it was banned, and keeps nothing of the hosts around it.
  CHECK(wanted({{"2001:db8::1"}, {"2001:db8:1::/56"}, {"2001:db8::/120"}, {"2001:db8::ffff"}}, policy) == "2001:db8::/64, 2001:db8:1::/56");
  policy.widen4 = 28;
  CHECK(wanted({{"203.0.113.4/30"}, {"203.0.113.0/29"}, {"203.0.113.64"}, {"203.0.113.65"}}, policy) == "203.0.113.0/29, 203.0.113.64/28");
  policy.widen6 = 56;
  CHECK(wanted({{"2001:db8::/64"}, {"2001:db8:1::1"}}, policy) == "2001:db8::/64, 2001:db8:1::/56");
  policy.quorum = Quorum{2, 0, hour, 0};
  CHECK(wanted({{"2001:db8::1", 60, "sshd", "web1"}, {"2001:db8::8/125"}, {"2001:db8::9", 60, "sshd", "web2"}}, policy) == "2001:db8::/56");
  policy.quorum.reset();
  policy.widen4.reset();
  policy.widen6 = 64;
  // Never over what is allowed: such hosts stay hosts.
  policy.allow = {named("2001:db8::99")};
  CHECK(wanted(rows, policy) == "203.0.113.7/32, 2001:db8::1/128, 2001:db8::2/128, 2001:db8:0:1::/64");
  // An expired host leaves an explanation for its network too.
  policy.allow.clear();
  const Candidates over = candidates(bans_of({{"2001:db8::1", 2 * day}}), policy, {});
  CHECK(over.verdict(Prefix::require("2001:db8::/64")) == Verdict::Expired);
  CHECK(over.verdict(Prefix::require("2001:db8::1")) == Verdict::Expired);
  // Never wider than the shortest.
  policy.widen6 = 32;
  CHECK(wanted({{"2001:db8::1"}}, policy) == "2001:db8::/48");
}

TEST_CASE("exact aggregation") {
  const std::vector<Row> rows{{"203.0.113.0", 60, "sshd", "web1"},
                              {"203.0.113.1", 50, "postfix", "web1"},
                              {"203.0.113.2", 40, "sshd", "web2"},
                              {"203.0.113.3", 30, "sshd", "web2"},
                              {"203.0.113.5"}};
  const Candidates all = candidates(bans_of(rows), {}, {});
  CHECK(text_of(all.wanted) == "203.0.113.0/30, 203.0.113.5/32");
  CHECK(all.wanted[0].bans == 4);
  CHECK(all.wanted[0].hosts == 2);
  CHECK(all.wanted[0].age == 30);
  CHECK(all.wanted[0].since == 60);
  CHECK(all.wanted[0].until == day - 60); // right as it stands until the first of them ends
  CHECK(all.innocents == 0);
  CHECK(all.verdict(Prefix::require("203.0.113.2")) == Verdict::Covered);

  Policy none;
  none.aggregate.mode = Aggregate::Mode::None;
  CHECK(wanted(rows, none) == "203.0.113.0/32, 203.0.113.1/32, 203.0.113.2/32, 203.0.113.3/32, 203.0.113.5/32");
  // What lies in a wider ban needs no entry of its own; the wider ban keeps its own time.
  for (const Policy &policy : {Policy{}, none}) {
    const Candidates nested = candidates(bans_of({{"203.0.113.0/24", 80000}, {"203.0.113.9", 10}, {"203.0.113.9", 20}}), policy, {});
    CHECK(text_of(nested.wanted) == "203.0.113.0/24");
    CHECK(nested.wanted[0].bans == 3);
    CHECK(nested.wanted[0].until == day - 80000);
  }
  // Two /24 side by side stay two: a /23 would be wider than policy takes.
  CHECK(wanted({{"203.0.112.0/24"}, {"203.0.113.0/24"}}) == "203.0.112.0/24, 203.0.113.0/24");
  Policy wide;
  wide.shortest4 = 23;
  CHECK(wanted({{"203.0.112.0/24"}, {"203.0.113.0/24"}}, wide) == "203.0.112.0/23");
}

TEST_CASE("lossy aggregation spends its budget where it saves most") {
  Policy policy;
  policy.aggregate = {Aggregate::Mode::Lossy, 4, 0.25};
  // .1 .2 → /30 costs 2 and saves 1; .64 .66 .67 → /30 costs 1 and saves 1; .128 to .134 without .131 → /29 costs 2, saves 3.
  const std::vector<Row> rows{{"203.0.113.1"},   {"203.0.113.2"},   {"203.0.113.64"},  {"203.0.113.66"},
                              {"203.0.113.67"},  {"203.0.113.128"}, {"203.0.113.129"}, {"203.0.113.130"},
                              {"203.0.113.132"}, {"203.0.113.133"}, {"203.0.113.134"}};
  const Candidates all = candidates(bans_of(rows), policy, {});
  CHECK(text_of(all.wanted) == "203.0.113.1/32, 203.0.113.2/32, 203.0.113.64/30, 203.0.113.128/29");
  CHECK(all.innocents == 3);
  // Never over what is allowed, protected, or unbanned by an operator.
  Policy allowing = policy;
  allowing.allow = {named("203.0.113.131")};
  CHECK(wanted(rows, allowing) == "203.0.113.0/30, 203.0.113.64/30, 203.0.113.128/31, 203.0.113.130/32, 203.0.113.132/30");
  CHECK(wanted(rows, policy, {named("203.0.113.131")}) == wanted(rows, allowing));
  std::vector<Row> unbanned = rows;
  unbanned.push_back({"203.0.113.131", 60, "sshd", "web1", "tcp", "22", {}, 5, true});
  CHECK(wanted(unbanned, policy) == wanted(rows, allowing));
  // Dense enough, and never wider than the shortest.
  policy.aggregate = {Aggregate::Mode::Lossy, 100000, 0.5};
  CHECK(wanted({{"203.0.113.0"}, {"203.0.113.3"}, {"203.0.113.64"}, {"203.0.113.71"}}, policy) ==
        "203.0.113.0/30, 203.0.113.64/32, 203.0.113.71/32");
  policy.aggregate = {Aggregate::Mode::Lossy, 100000, 0};
  CHECK(wanted({{"203.0.112.1"}, {"203.0.113.254"}}, policy) == "203.0.112.1/32, 203.0.113.254/32");
  CHECK(wanted({{"203.0.113.1"}, {"203.0.113.254"}}, policy) == "203.0.113.0/24");
}

TEST_CASE("lossy aggregation counts IPv6 in /64s") {
  Policy policy;
  policy.aggregate = {Aggregate::Mode::Lossy, 0, 0.0};
  // Within one /64 nobody else is hit, by that measure.
  CHECK(wanted({{"2001:db8::1"}, {"2001:db8::9"}, {"2001:db8:0:2::1"}}, policy) == "2001:db8::/124, 2001:db8:0:2::1/128");
  policy.aggregate.max_innocents = 1;
  const Candidates all = candidates(bans_of({{"2001:db8::/64"}, {"2001:db8:0:2::/63"}}), policy, {});
  CHECK(text_of(all.wanted) == "2001:db8::/62");
  CHECK(all.innocents == 1);
  policy.aggregate.max_innocents = 0;
  CHECK(wanted({{"2001:db8::/64"}, {"2001:db8:0:2::/63"}}, policy) == "2001:db8::/64, 2001:db8:0:2::/63");
}

TEST_CASE("services") {
  Policy policy;
  policy.services = true;
  policy.protocols.clear();
  const auto with = [](const char *ip, const char *protocol, const char *port) { return Row{ip, 60, "sshd", "web1", protocol, port}; };
  CHECK(wanted({with("203.0.113.7", "tcp", "22"), with("203.0.113.7", "tcp", "80")}, policy) ==
        "203.0.113.7/32 tcp/22, 203.0.113.7/32 tcp/80");
  CHECK(wanted({with("203.0.113.7", "tcp", "22"), with("203.0.113.7", "tcp", "")}, policy) == "203.0.113.7/32");
  CHECK(wanted({with("203.0.113.7", "tcp", "22"), with("203.0.113.7", "tcp", "20:30")}, policy) == "203.0.113.7/32 tcp/20-30");
  CHECK(wanted({with("203.0.113.6", "tcp", "22"), with("203.0.113.7", "tcp", "22"), with("203.0.113.7", "udp", "53")}, policy) ==
        "203.0.113.6/31 tcp/22, 203.0.113.7/32 udp/53");
  CHECK(wanted({with("203.0.113.0/24", "all", ""), with("203.0.113.7", "tcp", "22")}, policy) == "203.0.113.0/24");
  policy.services = false;
  CHECK(wanted({with("203.0.113.7", "tcp", "22"), with("203.0.113.7", "tcp", "80")}, policy) == "203.0.113.7/32");
}

TEST_CASE("what explains that an entry goes") {
  const std::vector<Row> rows{{"203.0.113.0"}, {"203.0.113.1", 2 * day}, {"203.0.113.4"}, {"203.0.113.5"}, {"198.51.100.0/24", 2 * day}};
  const Candidates all = candidates(bans_of(rows), {}, {named("198.51.100.7")});
  const auto at = [&](const char *prefix) { return all.verdict(Prefix::require(prefix)); };
  CHECK(at("203.0.113.0") == Verdict::Wanted);
  CHECK(at("203.0.113.1") == Verdict::Expired);
  CHECK(at("203.0.113.0/31") == Verdict::Expired); // was merged of one that still runs and one that does not
  CHECK(at("203.0.113.4") == Verdict::Covered);
  CHECK(at("203.0.113.4/31") == Verdict::Wanted);
  CHECK(at("198.51.100.128/25") == Verdict::Expired); // was cut out of a ban that is over
  CHECK(at("203.0.113.9") == Verdict::Absent);
  CHECK(at("203.0.113.8/31") == Verdict::Absent);
  // Half of a merged block was deleted from the table by somebody: nothing explains that.
  Policy none;
  none.aggregate.mode = Aggregate::Mode::None;
  CHECK(candidates(bans_of({{"203.0.113.8"}}), {}, {}).verdict(Prefix::require("203.0.113.8/31")) == Verdict::Absent);
  CHECK(candidates(bans_of({{"203.0.113.8"}, {"203.0.113.9"}}), none, {}).verdict(Prefix::require("203.0.113.8/31")) == Verdict::Covered);
}

TEST_CASE("innocents that merging covers today do not explain that an entry goes: rows elsewhere decide over them") {
  Policy policy;
  policy.aggregate = {Aggregate::Mode::Lossy, 8, 0.5};
  const Prefix entry = Prefix::require("203.0.113.0/28"); // of which 4 addresses are banned
  std::vector<std::string> ips;
  for (int last : {0, 2, 4, 6, 16, 18, 20, 22, 24, 26, 28, 30})
    ips.push_back("203.0.113." + std::to_string(last));
  const auto made = [&] {
    std::vector<Row> rows;
    for (const std::string &ip : ips)
      rows.push_back({ip});
    return candidates(bans_of(rows), policy, {});
  };
  CHECK_FALSE(explains(made().verdict(entry)));
  for (int last = 17; last < 32; last += 2) // now the budget of innocents is free for the entry's half
    ips.push_back("203.0.113." + std::to_string(last));
  CHECK(text_of(made().wanted) == "203.0.113.0/29, 203.0.113.16/28");
  CHECK_FALSE(explains(made().verdict(entry)));
  for (int last : {8, 10, 12, 14}) // half of it is banned: merging would make it
    ips.push_back("203.0.113." + std::to_string(last));
  CHECK(made().verdict(entry) == Verdict::Covered); // into the wider one
}

TEST_CASE("worth: recent, recurring, by many hosts, from a jail that counts") {
  const auto worth = [](const std::vector<Row> &rows, const Policy &policy = {}) {
    return candidates(bans_of(rows), policy, {}).wanted.at(0).worth;
  };
  Policy policy;
  policy.bantime = permanent;
  CHECK(worth({{"203.0.113.7", 0}}, policy) == Approx(1.0));
  CHECK(worth({{"203.0.113.7", 7 * day}}, policy) == Approx(0.5).epsilon(0.001));
  CHECK(worth({{"203.0.113.7", 0}, {"203.0.113.7", 7 * day}}, policy) == Approx(1.5).epsilon(0.001));
  CHECK(worth({{"203.0.113.7", 0, "sshd", "web1"}, {"203.0.113.7", 0, "sshd", "web2"}}, policy) == Approx(2 * std::sqrt(2.0)));
  policy.jails = {{"sshd", {}, false, 3}};
  policy.trust = {0.5};
  CHECK(worth({{"203.0.113.7", 0}}, policy) == Approx(1.5));
  policy.jails.clear();
  policy.trust.clear();
  CHECK(worth({{"203.0.113.7", 0}, {"203.0.113.99", 0}}, policy) == Approx(1.02));
  policy.worth = {day, 0, 0};
  CHECK(worth({{"203.0.113.7", day, "sshd", "web1"}, {"203.0.113.7", day, "sshd", "web2"}, {"203.0.113.99"}}, policy) == Approx(1.0));
}

TEST_CASE("the order of rows does not matter") {
  std::vector<Row> rows;
  const char *ips[] = {"203.0.113.7",  "203.0.113.0/24", "2001:db8::1", "198.51.100.1",
                       "198.51.100.2", "203.0.113.6",    "10.0.0.1",    "2001:db8::/64"};
  const char *jails[] = {"sshd", "postfix", "nginx"};
  const char *hosts[] = {"web1", "web2"};
  for (int i = 0; i < 60; ++i)
    rows.push_back({ips[i % 8], (i % 7) * 20000, jails[i % 3], hosts[i % 2], i % 5 == 0 ? "udp" : "tcp"});
  Policy policy;
  policy.quorum = Quorum{2, 4, day, 0.5};
  policy.escalate = Escalate{};
  const auto told = [&](const std::vector<Row> &some) {
    const Bans bans = bans_of(some);
    std::string text;
    const Candidates all = candidates(bans, policy, {});
    for (const Candidate &one : all.wanted)
      text += fmt::format("{} {} {} {} {} {} {} {} {}\n", one.block.text(), one.bans, one.hosts, one.history, bans.name(one.jail), one.age,
                          one.since, one.until, one.worth);
    for (const LeftOut &one : all.left_out)
      text += one.prefix.text() + one.reason + "\n";
    return text;
  };
  const std::string first = told(rows);
  std::reverse(rows.begin(), rows.end());
  CHECK(told(rows) == first);
  std::rotate(rows.begin(), rows.begin() + 17, rows.end());
  CHECK(told(rows) == first);
  Bans settled = bans_of(rows);
  settled.settle();
  CHECK(text_of(candidates(settled, policy, {}).wanted) == text_of(candidates(bans_of(rows), policy, {}).wanted));
}

TEST_CASE("patterns and words") {
  CHECK(matches("*", ""));
  CHECK(matches("*", "anything"));
  CHECK(matches("ssh*", "sshd"));
  CHECK(matches("*-test", "web-test"));
  CHECK_FALSE(matches("*-test", "web-test2"));
  CHECK(matches("a?c*e", "abcde"));
  CHECK_FALSE(matches("?", ""));
  CHECK_FALSE(matches("", "x"));
  CHECK_FALSE(matches("a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
  CHECK(duration(90) == "90s");
  CHECK(duration(hour) == "1h");
  CHECK(duration(14 * day) == "2w");
  CHECK(duration(0) == "0s");
  CHECK(duration(permanent) == "permanent");
  CHECK(std::string(word(Verdict::NoQuorum)) == "no_quorum");
  CHECK(overlap({named("10.0.0.0/8", "a")}, Prefix::require("10.1.1.1"))->why == "a");
  CHECK(overlap({named("10.1.1.1", "a")}, Prefix::require("10.0.0.0/8"))->why == "a");
  CHECK_FALSE(overlap({named("10.1.1.1", "a")}, Prefix::require("10.1.1.2")).has_value());
}
