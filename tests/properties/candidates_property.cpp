#include "small_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace banpush;
using namespace banpush::test;

namespace {

// The policy worked out row by row, from what the documentation says and nothing else.
struct Expected {
  World blocked;  // by a row in force, neither allowed nor protected
  World never;    // allowed, protected
  World unbanned; // by an operator, and no other row in force has the same prefix
};

bool in_force(const AnyRow &row, const Policy &policy) {
  if (row.age < -4200 || (row.jail == 1 && policy.jails[1].ignore) || (row.host == 2 && policy.hosts[0].ignore) ||
      (row.protocol == 3 && !policy.protocols.empty()))
    return false;
  if (row.revoked == 0 || (row.revoked == 1 && policy.honour_unban))
    return false;
  if (row.jail == 2)
    return *policy.jails[0].bantime == permanent || *policy.jails[0].bantime > std::max<Seconds>(row.age, 0);
  if (row.until)
    return *row.until > 0;
  return policy.bantime == permanent || policy.bantime > std::max<Seconds>(row.age, 0);
}

Expected expected(const std::vector<AnyRow> &rows, const Policy &policy, const std::vector<NamedPrefix> &protect) {
  Expected world;
  world.never = bits_of_all(policy.allow) | bits_of_all(protect);
  for (const AnyRow &row : rows) {
    const unsigned shortest = row.prefix.family() == Family::IPv4 ? policy.shortest4 : policy.shortest6;
    if (in_force(row, policy) && row.prefix.length() >= shortest)
      world.blocked |= bits_of(row.prefix);
  }
  world.blocked &= ~world.never;
  return world;
}

std::string everything(const Candidates &all, const Bans &bans) {
  std::string text;
  for (const Candidate &one : all.wanted)
    text += one.block.text() + " " + std::to_string(one.bans) + " " + std::to_string(one.hosts) + " " + std::to_string(one.history) + " " +
            bans.name(one.jail) + " " + std::to_string(one.age) + " " + std::to_string(one.since) + " " + std::to_string(one.until) + " " +
            std::to_string(one.worth) + "\n";
  for (const LeftOut &one : all.left_out)
    text += one.prefix.text() + " " + word(one.verdict) + " " + one.reason + "\n";
  for (const auto &[prefix, verdict] : all.verdicts)
    text += prefix.text() + " " + word(verdict) + "\n";
  return text;
}

} // namespace

TEST_CASE("what is in force is wanted, nothing allowed or protected is, and innocents stay in their budget") {
  CHECK(rc::check([] {
    const auto rows = *rc::gen::container<std::vector<AnyRow>>(any_row());
    const Policy policy = any_policy();
    const auto protect = any_names("address of edge1", 3);
    const Candidates all = candidates(bans_of(rows), policy, protect);
    const World wanted = bits_of_all(all.wanted);
    const Expected world = expected(rows, policy, protect);
    RC_ASSERT((wanted & world.never).none());
    RC_ASSERT((world.blocked & ~wanted).none());
    const std::size_t innocents = (wanted & ~world.blocked).count();
    RC_ASSERT(innocents == all.innocents);
    RC_ASSERT(innocents <= (policy.aggregate.mode == Aggregate::Mode::Lossy ? policy.aggregate.max_innocents : 0));
    for (const Candidate &one : all.wanted)
      RC_ASSERT(one.block.prefix.length() >= (one.block.prefix.family() == Family::IPv4 ? policy.shortest4 : policy.shortest6));
    for (std::size_t i = 1; i < all.wanted.size(); ++i) {
      RC_ASSERT(all.wanted[i - 1].block < all.wanted[i].block);
      RC_ASSERT(!all.wanted[i - 1].block.prefix.overlaps(all.wanted[i].block.prefix));
    }
    RC_ASSERT(std::is_sorted(all.verdicts.begin(), all.verdicts.end()));
  }));
}

TEST_CASE("every prefix of the table is wanted, covered, or has a verdict that fits") {
  CHECK(rc::check([] {
    const auto rows = *rc::gen::container<std::vector<AnyRow>>(any_row());
    const Policy policy = any_policy();
    const Candidates all = candidates(bans_of(rows), policy, {});
    const World wanted = bits_of_all(all.wanted);
    for (const AnyRow &row : rows) {
      const Verdict verdict = all.verdict(row.prefix);
      RC_ASSERT(verdict != Verdict::Absent);
      const bool whole = (bits_of(row.prefix) & ~wanted).none();
      // Of a row dated in the future, what lies in it may tell more: a part, where merging would make all of it.
      RC_ASSERT((verdict == Verdict::Wanted || verdict == Verdict::Covered) <= (whole || row.age < -4200));
    }
  }));
}

TEST_CASE("the order of rows never matters, whatever the policy") {
  CHECK(rc::check([] {
    auto rows = *rc::gen::container<std::vector<AnyRow>>(any_row());
    Policy policy = any_policy();
    policy.services = *rc::gen::arbitrary<bool>();
    if (*rc::gen::arbitrary<bool>())
      policy.widen6 = 62;
    if (*rc::gen::arbitrary<bool>())
      policy.quorum = Quorum{*rc::gen::inRange(0U, 3U), *rc::gen::inRange(0U, 4U), 3000, *rc::gen::element(0.0, 1.0)};
    if (*rc::gen::arbitrary<bool>())
      policy.escalate = Escalate{2, 10000, 50000};
    const auto protect = any_names("address of edge1", 2);
    const Bans bans = bans_of(rows);
    const std::string before = everything(candidates(bans, policy, protect), bans);
    const auto turn = rows.empty() ? 0 : *rc::gen::inRange<std::size_t>(0, rows.size());
    std::rotate(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(turn), rows.end());
    if (*rc::gen::arbitrary<bool>())
      std::reverse(rows.begin(), rows.end());
    Bans turned = bans_of(rows);
    if (*rc::gen::arbitrary<bool>())
      turned.settle();
    RC_ASSERT(everything(candidates(turned, policy, protect), turned) == before);
  }));
}

TEST_CASE("time, new rows and a longer allowlist explain whatever they take away") {
  CHECK(rc::check([] {
    const auto rows = *rc::gen::container<std::vector<AnyRow>>(any_row());
    Policy policy = any_policy();
    const Candidates before = candidates(bans_of(rows), policy, {});
    auto more = rows;
    const auto newer = *rc::gen::container<std::vector<AnyRow>>(any_row());
    more.insert(more.end(), newer.begin(), newer.end());
    const auto allowed = any_names("policy.allow", 2);
    policy.allow.insert(policy.allow.end(), allowed.begin(), allowed.end());
    const Candidates after = candidates(bans_of(more, *rc::gen::inRange<Seconds>(0, 30000)), policy, {});
    for (const Candidate &one : before.wanted)
      RC_ASSERT(after.verdict(one.block.prefix) != Verdict::Absent);
  }));
}

TEST_CASE("a block is right until its time runs out") {
  CHECK(rc::check([] {
    const auto rows = *rc::gen::container<std::vector<AnyRow>>(any_row());
    Policy policy = any_policy();
    policy.aggregate.mode = *rc::gen::element(Aggregate::Mode::None, Aggregate::Mode::Exact);
    const Candidates now = candidates(bans_of(rows), policy, {});
    for (const Candidate &one : now.wanted) {
      RC_ASSERT(one.until > 0);
      if (one.until == permanent)
        continue;
      const Candidates just_before = candidates(bans_of(rows, one.until - 1), policy, {});
      RC_ASSERT((bits_of(one.block.prefix) & ~bits_of_all(just_before.wanted)).none());
    }
  }));
}
