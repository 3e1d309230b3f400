// What explains that an entry goes: only what can have made it.
#include "core/plan/live_selection.hpp"

#include "made_bans.hpp"

#include <catch2/catch.hpp>

using namespace banpush;
using namespace banpush::test;

namespace {

Verdict verdict(const std::vector<Row> &rows, const char *entry, const Policy &policy = {}) {
  return candidates(bans_of(rows), policy, {}).verdict(Prefix::require(entry));
}

} // namespace

TEST_CASE("a wider row explains nothing: not what is over, not what is in force, filtered or from the future") {
  Policy policy;
  policy.jails = {{"noise", {}, true, 1}};
  policy.shortest4 = 16;
  const std::vector<Row> planted[] = {
      {{"0.0.0.0/0", 400 * day}},                                             // over
      {{"203.0.113.0/24", 400 * day}},                                        // the same, of a width that policy takes
      {{"203.0.0.0/8"}},                                                      // in force, but too wide
      {{"203.0.113.0/24"}},                                                   // in force: covers the entry, and never put it there
      {{"203.0.113.0/24", -2 * day}},                                         // dated in the future
      {{"203.0.113.0/24", 60, "noise"}},                                      // ignored jail
      {{"203.0.113.0/24", 60, "sshd", "web1", "udp"}},                        // ignored protocol
      {{"203.0.113.0/24", 60, "sshd", "web1", "tcp", "22", {}, 5, true}},     // unbanned
      {{"203.0.113.6"}, {"203.0.113.8", 400 * day}, {"0.0.0.0/0", 400 * day}} // and neighbours
  };
  for (const auto &rows : planted) {
    CAPTURE(rows.front().ip, rows.front().age);
    CHECK_FALSE(explains(verdict(rows, "203.0.113.7", policy)));
  }
  CHECK_FALSE(explains(verdict({{"::/0", 400 * day}}, "2001:db8::7", policy)));
}

TEST_CASE("a row of the very prefix explains, unless it is from the future") {
  CHECK(verdict({{"203.0.113.7", 2 * day}}, "203.0.113.7") == Verdict::Expired);
  CHECK(verdict({{"203.0.113.7", -2 * day}}, "203.0.113.7") == Verdict::Future);
  CHECK_FALSE(explains(Verdict::Future));
  // A planted one hides no other that explains, in any order.
  CHECK(verdict({{"203.0.113.7", -2 * day}, {"203.0.113.7", 2 * day}}, "203.0.113.7") == Verdict::Expired);
  CHECK(verdict({{"203.0.113.7", 2 * day}, {"203.0.113.7", -2 * day}}, "203.0.113.7") == Verdict::Expired);
}

TEST_CASE("a network that was merged is explained by its parts, all of them together") {
  const std::vector<Row> both{{"203.0.113.6", 2 * day}, {"203.0.113.7"}};
  CHECK(verdict(both, "203.0.113.6/31") == Verdict::Expired);
  CHECK_FALSE(explains(verdict({both[0]}, "203.0.113.6/31")));
  CHECK_FALSE(explains(verdict({both[1]}, "203.0.113.6/31")));
  CHECK_FALSE(explains(verdict({{"203.0.113.6", 2 * day}, {"203.0.113.7", -2 * day}}, "203.0.113.6/31")));
  // Merged further, or a wider ban came: its parts are in the table, and lie in what takes their place.
  const std::vector<Row> four{{"203.0.113.4"}, {"203.0.113.5"}, {"203.0.113.6"}, {"203.0.113.7"}};
  CHECK(verdict(four, "203.0.113.6/31") == Verdict::Covered);
  CHECK(verdict(four, "203.0.113.6") == Verdict::Covered);
  CHECK(verdict({{"203.0.113.7"}, {"203.0.113.0/24"}}, "203.0.113.7") == Verdict::Covered);
}

TEST_CASE("a network that was merged at a loss is explained by as many parts as that takes") {
  Policy policy;
  policy.aggregate = {Aggregate::Mode::Lossy, 8, 0.5};
  const std::vector<Row> two{{"203.0.113.4", 2 * day}, {"203.0.113.6", 2 * day}};
  CHECK(verdict(two, "203.0.113.4/30", policy) == Verdict::Expired);
  CHECK_FALSE(explains(verdict({two[0]}, "203.0.113.4/30", policy))); // a quarter
  policy.aggregate.max_innocents = 1;
  CHECK_FALSE(explains(verdict(two, "203.0.113.4/30", policy))); // two innocents
}

TEST_CASE("a network that was widened is explained by the hosts it was made of, and they by it") {
  Policy policy;
  policy.widen6 = 64;
  CHECK(verdict({{"2001:db8::1", 2 * day}}, "2001:db8::/64", policy) == Verdict::Expired);
  CHECK(verdict({{"2001:db8::1"}}, "2001:db8::1", policy) == Verdict::Covered);
  CHECK_FALSE(explains(verdict({{"2001:db8::1"}}, "2001:db8::2", policy)));
  CHECK_FALSE(explains(verdict({{"2001:db8::/32", 2 * day}}, "2001:db8::/64", policy)));
  // The other rows of the network do not speak for a host.
  CHECK(verdict({{"2001:db8::1", -2 * day}, {"2001:db8::/64", 2 * day}}, "2001:db8::1", policy) == Verdict::Future);
}

TEST_CASE("what was cut out around an exception is explained by the ban it was cut from, and an exception explains by itself") {
  Policy policy;
  policy.allow = {named("203.0.113.128")};
  const std::vector<Row> over{{"203.0.113.0/24", 2 * day}};
  CHECK(verdict(over, "203.0.113.0/25", policy) == Verdict::Expired);
  CHECK(verdict(over, "203.0.113.129", policy) == Verdict::Expired);
  CHECK_FALSE(explains(verdict(over, "203.0.113.130", policy))); // the cut makes 203.0.113.130/31 of it
  CHECK(verdict({}, "203.0.113.128", policy) == Verdict::Allowed);
  CHECK(verdict({}, "203.0.113.128/30", policy) == Verdict::Allowed);
  CHECK(candidates(bans_of({}), {}, {named("203.0.113.128")}).verdict(Prefix::require("203.0.113.128/30")) == Verdict::Protected);
}

TEST_CASE("where it is known what made an entry, each ban of that explains, and nothing else does") {
  using Of = Why::Of;
  const auto ended = [](const char *prefix) { return Origin{Prefix::require(prefix), 0}; };
  const auto runs = [](const char *prefix) { return Origin{Prefix::require(prefix), hour}; };
  const auto why = [](const std::vector<Row> &rows, const char *entry, const Making &made_of, const Policy &policy = {}) {
    return candidates(bans_of(rows), policy, {}).why(Prefix::require(entry), made_of);
  };
  Policy hole, apart, narrow;
  hole.allow = {named("203.0.113.7")};
  apart.aggregate.mode = Aggregate::Mode::None;
  narrow.shortest4 = 25;

  const Making net{runs("203.0.113.0/24")};
  CHECK(why({{"203.0.113.0/24"}}, "203.0.113.128/25", net) == Why{Verdict::Covered, Of::Entry}); // the hole has closed
  CHECK(why({{"203.0.113.0/24"}}, "203.0.113.0/24", {}, hole) == Why{Verdict::Allowed, Of::Part});
  CHECK(why({{"203.0.113.0/24"}}, "203.0.113.7", net, hole) == Why{Verdict::Allowed, Of::Entry});
  CHECK(why({{"203.0.113.0/24", 2 * day}}, "203.0.113.128/25", net) == Why{Verdict::Expired, Of::Wider});
  CHECK(why({{"203.0.113.0/24"}}, "203.0.113.128/25", net, narrow) == Why{Verdict::TooShort, Of::Wider});
  CHECK(why({}, "203.0.113.128/25", {ended("203.0.113.0/24")}) == Why{Verdict::Expired, Of::Wider}); // and pruned since
  for (const char *planted : {"0.0.0.0/0", "203.0.112.0/23", "203.0.113.128/25", "203.0.113.128/26", "203.0.113.129"})
    CHECK_FALSE(explains(why({{planted, 400 * day}}, "203.0.113.128/25", net)));
  CHECK_FALSE(explains(why({{"203.0.112.0/23"}, {"203.0.113.129"}, {"203.0.113.0/25"}}, "203.0.113.128/25", net)));

  const Making pair{runs("203.0.113.2"), runs("203.0.113.3")};
  CHECK(why({{"203.0.113.2"}, {"203.0.113.3"}}, "203.0.113.2/31", pair, apart) == Why{Verdict::Split, Of::Entry});
  CHECK(why({{"203.0.113.2"}, {"203.0.113.3", 2 * day}}, "203.0.113.2/31", pair) == Why{Verdict::Expired, Of::Part});
  CHECK(why({{"203.0.113.2"}, {"203.0.113.2/31", 2 * day}}, "203.0.113.2/31", pair) == Why{Verdict::Absent, Of::Part});
  CHECK(why({{"203.0.113.2"}, {"203.0.113.3"}}, "203.0.113.0/29", pair) == Why{Verdict::Split, Of::Entry}); // lossy before

  const Making host{runs("2001:db8::1")};
  CHECK(why({{"2001:db8::1"}}, "2001:db8::/64", host) == Why{Verdict::Split, Of::Entry});
  Policy wide;
  wide.widen6 = 64;
  CHECK(why({{"2001:db8::2", 400 * day}}, "2001:db8::/64", host, wide) == Why{Verdict::Absent, Of::Entry});

  // An entry of its own is no part of a ban that would be cut to just this.
  hole.allow = {named("203.0.113.128")};
  CHECK_FALSE(explains(why({{"203.0.113.0/24", 2 * day}}, "203.0.113.129", {}, hole)));
}

TEST_CASE("candidates tell what each block is made of that is not the ban of its own prefix") {
  const auto text = [](const std::vector<Row> &rows, const Policy &policy) {
    std::string made;
    for (const auto &[prefix, origin] : candidates(bans_of(rows), policy, {}).origins)
      made += (made.empty() ? "" : ", ") + prefix.text() + " of " + origin.prefix.text();
    return made;
  };
  Policy policy;
  CHECK(text({{"203.0.113.7"}, {"203.0.114.0/24"}, {"203.0.114.9"}}, policy).empty());
  CHECK(text({{"203.0.113.2"}, {"203.0.113.3"}}, policy) == "203.0.113.2/31 of 203.0.113.2/32, 203.0.113.2/31 of 203.0.113.3/32");
  policy.allow = {named("203.0.113.64/26"), named("203.0.113.128/25")};
  CHECK(text({{"203.0.113.0/24"}}, policy) == "203.0.113.0/26 of 203.0.113.0/24");
  CHECK(text({{"203.0.113.0/24"}, {"203.0.113.0/26"}}, policy) == "203.0.113.0/26 of 203.0.113.0/24, 203.0.113.0/26 of 203.0.113.0/26");
  policy.shortest4 = 23; // the rest of one, merged with another
  policy.allow = {named("203.0.113.0/24")};
  CHECK(text({{"203.0.112.0/23"}, {"203.0.112.0/25"}}, policy) == "203.0.112.0/24 of 203.0.112.0/23");
  policy = {};
  policy.widen6 = 64;
  CHECK(text({{"2001:db8::1"}, {"2001:db8::2"}, {"2001:db8::3", 2 * day}}, policy) ==
        "2001:db8::/64 of 2001:db8::1/128, 2001:db8::/64 of 2001:db8::2/128");
}

TEST_CASE("what a device takes in another shape is made of what policy wants") {
  const auto named_in = [](const std::vector<Row> &rows, const char *entry, const Policy &policy = {}) {
    const Candidates all = candidates(bans_of(rows), policy, {});
    Wanted one;
    one.candidate.block.prefix = Prefix::require(entry);
    std::vector<Wanted> wanted{one};
    name_origins(wanted, all.wanted, all.origins);
    std::string made;
    for (const Origin &origin : wanted.front().made_of)
      made += (made.empty() ? "" : " ") + origin.prefix.text();
    return made;
  };
  Policy apart, hole;
  apart.aggregate.mode = Aggregate::Mode::None;
  hole.allow = {named("203.0.113.0/25")};
  CHECK(named_in({{"203.0.113.7"}}, "203.0.113.7").empty());
  CHECK(named_in({{"203.0.113.0/28"}}, "203.0.113.7") == "203.0.113.0/28");         // as its hosts
  CHECK(named_in({{"203.0.113.0/24"}}, "203.0.113.200", hole) == "203.0.113.0/24"); // as hosts of what was cut out of it
  CHECK(named_in({{"203.0.113.2"}, {"203.0.113.3"}}, "203.0.113.3") == "203.0.113.2/32 203.0.113.3/32");
  CHECK(named_in({{"203.0.113.2"}, {"203.0.113.3"}}, "203.0.113.2/31", apart) == "203.0.113.2/32 203.0.113.3/32"); // merged to fit
}

TEST_CASE("kept up by deltas, rows that vanish leave removals that a planted row does not explain") {
  std::vector<Row> rows;
  for (const char *ip : {"203.0.113.5", "203.0.113.9", "203.0.113.77"})
    rows.push_back({ip});
  LiveBans table(bans_of(rows));
  LiveCandidates live(table, {}, {});
  CHECK(live.whole().wanted.size() == 3);
  for (const Row &row : rows)
    CHECK(table.take(raw_of(row), 0));
  for (const Row &row : std::vector<Row>{{"0.0.0.0/0", 400 * day}, {"203.0.113.0/24", 400 * day}, {"203.0.113.6", -2 * day}})
    CHECK(table.put(raw_of(row), 0));
  const CandidateChange change = live.update(0);
  CHECK(change.gone.size() == 3);
  for (const Why &why : change.why)
    CHECK_FALSE(explains(why));
  for (const Row &row : rows)
    CHECK_FALSE(explains(live.whole().verdict(Prefix::require(row.ip))));
}
