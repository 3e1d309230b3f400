// Whoever may insert rows cannot talk a guard out of it: none that cannot have made an entry explains that it goes.
#include "core/plan/live_selection.hpp"
#include "small_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace banpush;
using namespace banpush::test;

namespace {

// Any row, or one as wide as the world, a /8 or all there is.
rc::Gen<AnyRow> planted_row() {
  return rc::gen::map(rc::gen::pair(any_row(), rc::gen::inRange(0, 6)), [](std::pair<AnyRow, int> made) {
    AnyRow row = made.first;
    const std::array<unsigned, 3> lengths{0, 8, row.prefix.family() == Family::IPv4 ? 32 - world_bits : 64 - world_bits};
    if (made.second < 3)
      row.prefix = row.prefix.with_length(lengths.at(static_cast<std::size_t>(made.second)));
    return row;
  });
}

std::vector<AnyRow> outside(const Prefix &entry, std::vector<AnyRow> rows) {
  std::erase_if(rows, [&](const AnyRow &row) { return entry.contains(row.prefix); });
  return rows;
}

// One in which rows alone explain: exceptions do by themselves, and cut out of wider bans what is then as narrow as an entry.
Policy policy_without_exceptions() {
  Policy policy = any_policy();
  policy.allow.clear();
  if (*rc::gen::arbitrary<bool>())
    policy.widen4 = 30;
  if (*rc::gen::arbitrary<bool>())
    policy.quorum = Quorum{*rc::gen::inRange(0U, 3U), *rc::gen::inRange(0U, 4U), 3000, 0};
  return policy;
}

std::vector<AnyRow> with(std::vector<AnyRow> rows, const std::vector<AnyRow> &more) {
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

} // namespace

TEST_CASE("no set of added rows that lie outside an entry turns its unexplained removal into an explained one") {
  CHECK(rc::check([] {
    const auto rows = *rc::gen::container<std::vector<AnyRow>>(any_row());
    const Policy policy = policy_without_exceptions();
    const Prefix entry = *any_prefix();
    const Candidates before = candidates(bans_of(rows), policy, {});
    RC_PRE(!explains(before.verdict(entry)));
    const auto planted = outside(entry, *rc::gen::container<std::vector<AnyRow>>(planted_row()));
    const Candidates after = candidates(bans_of(with(rows, planted)), policy, {});
    const Verdict verdict = after.verdict(entry);
    RC_ASSERT(verdict == Verdict::Wanted || !explains(verdict));
  }));
}

TEST_CASE("rows inside an entry explain its removal only when merging would make it of them") {
  CHECK(rc::check([] {
    const auto rows = *rc::gen::container<std::vector<AnyRow>>(planted_row());
    Policy policy = policy_without_exceptions();
    policy.widen4.reset();
    const Prefix entry = at(*rc::gen::element(Family::IPv4, Family::IPv6), 8, 2); // eight units
    std::vector<Prefix> inside;
    for (const AnyRow &row : rows)
      if (entry.contains(row.prefix))
        inside.push_back(row.prefix);
    const Candidates all = candidates(bans_of(rows), policy, {});
    for (const Candidate &one : all.wanted)
      if (one.block.prefix != entry && entry.contains(one.block.prefix))
        inside.push_back(one.block.prefix); // with its innocents
    const auto named = static_cast<double>(bits_of_all(inside).count());
    const Aggregate &aggregate = policy.aggregate;
    const bool enough = aggregate.mode == Aggregate::Mode::Lossy
                            ? named / 8 >= aggregate.density && 8 - named <= static_cast<double>(aggregate.max_innocents)
                            : named == 8;
    const Verdict verdict = all.verdict(entry);
    RC_ASSERT(enough || verdict == Verdict::Wanted || !explains(verdict));
  }));
}

namespace {

Making making_of(const Candidates &all, const Prefix &entry) {
  Making made_of;
  for (const auto &[prefix, origin] : all.origins)
    if (prefix == entry)
      made_of.push_back(origin);
  return made_of;
}

bool is_origin(const Making &made_of, const Prefix &entry, const Prefix &prefix) {
  return made_of.empty() ? prefix == entry
                         : std::any_of(made_of.begin(), made_of.end(), [&](const Origin &one) { return one.prefix == prefix; });
}

// With exceptions, so that some of what is wanted was cut out of wider bans.
Policy policy_with_exceptions() {
  const std::vector<NamedPrefix> allow = any_names("policy.allow");
  Policy policy = policy_without_exceptions();
  policy.allow = allow;
  return policy;
}

} // namespace

TEST_CASE("once a ban that made an entry has vanished, no set of other rows explains that it goes: not if it was cut, either") {
  CHECK(rc::check([] {
    auto rows = *rc::gen::container<std::vector<AnyRow>>(any_row());
    const Policy policy = policy_with_exceptions();
    const Candidates before = candidates(bans_of(rows), policy, {});
    RC_PRE(!before.wanted.empty());
    const Prefix entry = before.wanted[*rc::gen::inRange<std::size_t>(0, before.wanted.size())].block.prefix;
    const Making made_of = making_of(before, entry);
    RC_CLASSIFY(!made_of.empty() && made_of.front().prefix.contains(entry), "cut");
    const Prefix gone = made_of.empty() ? entry : made_of[*rc::gen::inRange<std::size_t>(0, made_of.size())].prefix;
    std::erase_if(rows, [&](const AnyRow &row) { return row.prefix == gone; });
    auto planted = *rc::gen::container<std::vector<AnyRow>>(planted_row());
    std::erase_if(planted, [&](const AnyRow &row) { return is_origin(made_of, entry, row.prefix); });
    const Why why = candidates(bans_of(with(rows, planted)), policy, {}).why(entry, made_of);
    RC_ASSERT(why.verdict == Verdict::Wanted || !explains(why));
  }));
}

TEST_CASE("a policy that changes explains every entry that goes, whatever shape it had") {
  CHECK(rc::check([] {
    const Bans bans = bans_of(*rc::gen::container<std::vector<AnyRow>>(any_row()));
    const Candidates before = candidates(bans, policy_with_exceptions(), {});
    const Candidates after = candidates(bans, policy_with_exceptions(), {});
    for (const Candidate &one : before.wanted) {
      const Prefix &entry = one.block.prefix;
      const Why why = after.why(entry, making_of(before, entry));
      RC_ASSERT(explains(why));
      const auto contains = [&](const Candidate &other) { return other.block.prefix.contains(entry); };
      const auto lies_in = [&](const Candidate &other) { return entry.contains(other.block.prefix); };
      if (why.verdict == Verdict::Covered)
        RC_ASSERT(std::any_of(after.wanted.begin(), after.wanted.end(), contains));
      if (why.verdict == Verdict::Split)
        RC_ASSERT(std::any_of(after.wanted.begin(), after.wanted.end(), lies_in));
      if (why.verdict == Verdict::Allowed)
        RC_ASSERT(after.allow.overlap(entry).has_value() || why.of == Why::Of::Wider);
    }
  }));
}

TEST_CASE("kept up by deltas, too: what made an entry is deleted, and rows outside it do not explain that") {
  CHECK(rc::check([] {
    std::vector<AnyRow> rows;
    for (AnyRow &row : *rc::gen::container<std::vector<AnyRow>>(any_row()))
      if (std::none_of(rows.begin(), rows.end(), [&](const AnyRow &one) { return one.prefix == row.prefix; }))
        rows.push_back(std::move(row));
    const Policy policy = policy_with_exceptions();
    LiveBans table(bans_of(rows));
    LiveCandidates live(table, policy, {});
    const std::vector<Candidate> wanted = live.whole().wanted;
    RC_PRE(!wanted.empty());
    const Prefix entry = wanted[*rc::gen::inRange<std::size_t>(0, wanted.size())].block.prefix;
    const Making made_of = making_of(live.whole(), entry);
    for (const AnyRow &row : rows)
      if (row.prefix.overlaps(entry))
        as_raw(row, 0, [&](const RawBan &raw) { RC_ASSERT(table.take(raw, 0)); });
    for (const AnyRow &row : outside(entry, *rc::gen::container<std::vector<AnyRow>>(planted_row())))
      if (!is_origin(made_of, entry, row.prefix))
        as_raw(row, 0, [&](const RawBan &raw) { table.put(raw, 0); });
    const CandidateChange change = live.update(0);
    for (std::size_t i = 0; i < change.gone.size(); ++i)
      if (change.gone[i].block.prefix == entry)
        RC_ASSERT(!explains(change.why[i]));
    const Why whole = live.whole().why(entry, made_of);
    RC_ASSERT(whole.verdict == Verdict::Wanted || !explains(whole));
  }));
}
