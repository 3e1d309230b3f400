// What rows of one address decide about each other: `prune` leaves them, `list` counts them.
#include "core/policy/repeats.hpp"

#include "made_bans.hpp"

#include <catch2/catch.hpp>

using namespace banpush;
using namespace banpush::test;

namespace {

std::string kept(const std::vector<Row> &rows, const Policy &policy, Seconds ended_within = 0) {
  std::string text;
  for (const bool one : needed(bans_of(rows), policy, ended_within))
    text += one ? 'k' : '-';
  return text;
}

} // namespace

TEST_CASE("which ban of its address each row is") {
  Policy policy;
  const std::vector<Row> rows{{"203.0.113.7", 5 * day}, {"203.0.113.7", 8 * day}, {"203.0.113.8", day}, {"203.0.113.7", 12 * day}};
  CHECK(places(bans_of(rows), policy) == std::vector<unsigned>{1, 1, 1, 1});
  policy.escalate = Escalate{4, 60 * day, 4 * week};
  CHECK(places(bans_of(rows), policy) == std::vector<unsigned>{3, 2, 1, 1});
  policy.escalate->window = 5 * day;
  CHECK(places(bans_of(rows), policy) == std::vector<unsigned>{2, 2, 1, 1});
  policy.widen4 = 24;
  CHECK(places(bans_of(rows), policy) == std::vector<unsigned>{2, 2, 2, 1});
}

TEST_CASE("rows that decide about other bans are needed") {
  Policy policy;
  const std::vector<Row> repeated{{"203.0.113.7", 5 * day}, {"203.0.113.7", 8 * day}, {"203.0.113.7", 12 * day}};
  CHECK(kept(repeated, policy) == "---");
  policy.escalate = Escalate{4, 60 * day, 4 * week};
  CHECK(kept(repeated, policy) == "kkk");
  // Beyond the window they count for nothing to come, but for one that they made long enough to be in force still.
  policy.escalate = Escalate{4, 6 * day, 4 * week};
  CHECK(kept(repeated, policy) == "k--"); // of those none is in force: the newest is the second within six days, four days long
  CHECK(kept({{"203.0.113.7", 7 * day}, {"203.0.113.7", 8 * day}, {"203.0.113.7", 9 * day}, {"203.0.113.7", 15 * day}}, policy) == "kkk-");
  // Over, but not for as long as is asked for.
  CHECK(kept({{"203.0.113.7", 7 * day}, {"203.0.113.7", 8 * day}}, policy) == "--");
  CHECK(kept({{"203.0.113.7", 7 * day}, {"203.0.113.7", 8 * day}}, policy, 4 * day) == "kk");
  // An unban does not take a row out of the history; what policy leaves out is none.
  CHECK(kept({{"203.0.113.7", 5 * day, "sshd", "web1", "tcp", "22", {}, 5, true}}, policy) == "k");
  CHECK(kept({{"203.0.113.7", 5 * day, "sshd", "web1", "udp", "22"}}, policy) == "-");

  policy.escalate.reset();
  policy.quorum = Quorum{2, 0, 3 * day, 0};
  policy.bantime = 30 * day;
  CHECK(kept({{"203.0.113.7", 20 * day, "sshd", "web1", "tcp", "22"}, {"203.0.113.7", 22 * day, "sshd", "web2", "tcp", "22", -day}},
             policy) == "kk");
  CHECK(kept({{"203.0.113.7", 22 * day, "sshd", "web1"}, {"203.0.113.7", 20 * day, "sshd", "web2", "tcp", "22", -day}}, policy) == "kk");
  CHECK(kept({{"203.0.113.7", 20 * day, "sshd", "web1"}, {"203.0.113.7", 24 * day, "sshd", "web2", "tcp", "22", -day}}, policy) == "k-");
  CHECK(kept({{"203.0.113.7", 2 * day, "sshd", "web2", "tcp", "22", -day}}, policy) == "k"); // for a report to come
}
