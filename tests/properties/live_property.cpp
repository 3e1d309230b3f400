// A table kept up by deltas comes to what a whole reading at that moment would.
#include "core/plan/live_selection.hpp"
#include "small_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>

using namespace banpush;
using namespace banpush::test;

namespace {

// A row as the first reading would have shown it, from one seen so much later.
AnyRow at_first(AnyRow row, Seconds elapsed) {
  row.age -= elapsed;
  if (row.until && *row.until != permanent)
    *row.until += elapsed;
  return row;
}

bool same_row(const AnyRow &a, const AnyRow &b) {
  return a.prefix == b.prefix && a.jail == b.jail && a.host == b.host && std::abs(a.age - b.age) < 6;
}

std::vector<AnyRow> distinct(std::vector<AnyRow> rows) {
  std::vector<AnyRow> kept;
  for (AnyRow &row : rows)
    if (std::none_of(kept.begin(), kept.end(), [&](const AnyRow &other) { return same_row(row, other); }))
      kept.push_back(std::move(row));
  return kept;
}

std::set<Block> blocks_of(const std::vector<Candidate> &candidates) {
  std::set<Block> blocks;
  for (const Candidate &one : candidates)
    blocks.insert(one.block);
  return blocks;
}

// No end is later than it should be: earlier only costs a look (a row dated ahead does not grow older yet).
bool ends_in_time(const Candidates &live, const Candidates &fresh) {
  return std::equal(live.wanted.begin(), live.wanted.end(), fresh.wanted.begin(), fresh.wanted.end(),
                    [](const Candidate &a, const Candidate &b) { return a.block == b.block && a.until <= b.until; });
}

// The table on both sides: put row by row, and to be read whole.
struct Both {
  std::vector<AnyRow> rows;
  LiveBans live;

  explicit Both(std::vector<AnyRow> first) : rows(std::move(first)), live(bans_of(rows)) {}

  void change(Seconds elapsed) {
    for (const AnyRow &seen : *rc::gen::container<std::vector<AnyRow>>(*rc::gen::inRange<std::size_t>(0, 4), any_row())) {
      const AnyRow row = at_first(seen, elapsed);
      if (std::any_of(rows.begin(), rows.end(), [&](const AnyRow &other) { return same_row(row, other); }))
        continue;
      rows.push_back(row);
      put(row, elapsed);
    }
    if (rows.empty())
      return;
    const std::size_t place = *rc::gen::inRange<std::size_t>(0, rows.size());
    switch (*rc::gen::inRange(0, 4)) {
    case 0: // unbanned, or the unban taken back
      rows[place].revoked = *rc::gen::inRange(0U, 4U);
      put(rows[place], elapsed);
      break;
    case 1:
      rows[place].until = elapsed + *rc::gen::inRange<Seconds>(100, 20000);
      put(rows[place], elapsed);
      break;
    case 2:
      as_raw(rows[place], elapsed, [&](const RawBan &raw) { RC_ASSERT(live.take(raw, elapsed)); });
      rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(place));
      break;
    default: // seen again as it was
      as_raw(rows[place], elapsed, [&](const RawBan &raw) { RC_ASSERT(!live.put(raw, elapsed)); });
    }
  }

private:
  void put(const AnyRow &row, Seconds elapsed) {
    as_raw(row, elapsed, [&](const RawBan &raw) { live.put(raw, elapsed); });
  }
};

} // namespace

TEST_CASE("candidates kept up by deltas are those of a whole reading at that moment") {
  CHECK(rc::check([] {
    Both table(distinct(*rc::gen::container<std::vector<AnyRow>>(any_row())));
    Policy policy = any_policy();
    const bool is_lossy = policy.aggregate.mode == Aggregate::Mode::Lossy;
    if (*rc::gen::arbitrary<bool>())
      policy.max_age = 8000;
    const auto protect = any_names("address of edge1", 3);
    LiveCandidates live(table.live, policy, protect);
    std::set<Block> wanted = blocks_of(live.whole().wanted);
    Seconds elapsed = 0;
    for (int round = 0; round < 4; ++round) {
      elapsed += *rc::gen::inRange<Seconds>(0, 6000);
      table.change(elapsed);
      const CandidateChange change = live.update(elapsed);
      for (const Candidate &one : change.gone)
        RC_ASSERT(wanted.erase(one.block) == 1U);
      for (const Candidate &one : change.come)
        RC_ASSERT(wanted.insert(one.block).second);
      RC_ASSERT(change.why.size() == change.gone.size());

      const Candidates fresh = candidates(bans_of(table.rows, elapsed), policy, protect);
      if (is_lossy) {
        const World now = bits_of_all(live.whole().wanted);
        Policy exact = policy;
        exact.aggregate.mode = Aggregate::Mode::Exact;
        const World banned = bits_of_all(candidates(bans_of(table.rows, elapsed), exact, protect).wanted);
        RC_ASSERT((banned & ~now).none());
        RC_ASSERT((now & (bits_of_all(policy.allow) | bits_of_all(protect))).none());
        RC_ASSERT((now & ~banned).count() <= policy.aggregate.max_innocents);
      } else {
        RC_ASSERT(wanted == blocks_of(fresh.wanted));
        if (*rc::gen::arbitrary<bool>())
          RC_ASSERT(ends_in_time(live.whole(), fresh));
      }
    }
  }));
}

TEST_CASE("a selection kept up by deltas is select()'s below the budget, and fills the budget") {
  CHECK(rc::check([] {
    Both table(distinct(*rc::gen::container<std::vector<AnyRow>>(any_row())));
    Policy policy = any_policy();
    if (policy.aggregate.mode == Aggregate::Mode::Lossy)
      policy.aggregate.mode = Aggregate::Mode::Exact;
    Driver driver;
    const unsigned shape = *rc::gen::inRange(0U, 3U); // one list of all; hosts and nets apart; hosts only
    for (unsigned i = 0; i < (shape == 1 ? 2U : 1U); ++i) {
      driver.lists.emplace_back();
      driver.lists.back().name = "list" + std::to_string(i);
      driver.lists.back().hosts = shape != 1 || i == 0;
      driver.lists.back().nets = shape == 0 || (shape == 1 && i == 1);
    }
    Capacity capacity;
    if (*rc::gen::arbitrary<bool>())
      capacity = {*rc::gen::inRange<std::size_t>(0, 12), *rc::gen::inRange<std::size_t>(0, 12)};
    LiveCandidates live(table.live, policy, {});
    const Limits limits;
    std::optional<LiveSelection> selection;
    std::set<std::pair<Block, std::string>> wanted;
    const auto select_anew = [&](Seconds elapsed) {
      const Selection first = select(driver, live.whole(), table.live.rows(), policy, capacity, {});
      selection.emplace(driver, policy, limits, capacity, live.whole(), first, Installed{}, elapsed);
      wanted.clear();
      for (const Wanted &one : first.wanted)
        wanted.insert({one.candidate.block, one.list});
    };
    Seconds elapsed = 0;
    select_anew(elapsed);
    for (int round = 0; round < 4; ++round) {
      elapsed += *rc::gen::inRange<Seconds>(0, 6000);
      table.change(elapsed);
      const LiveSelection::Change change = selection->update(live.update(elapsed), elapsed);
      if (change.needs_whole) {
        select_anew(elapsed);
      } else {
        for (const auto &[one, why] : change.remove)
          RC_ASSERT(wanted.erase({one.candidate.block, one.list}) == 1U);
        for (const Wanted &one : change.add)
          RC_ASSERT(wanted.insert({one.candidate.block, one.list}).second);
      }
      RC_ASSERT(wanted.size() == selection->size());

      const Selection whole = select(driver, live.whole(), table.live.rows(), policy, {}, {});
      std::set<std::pair<Block, std::string>> all;
      std::size_t count4 = 0, count6 = 0;
      for (const Wanted &one : whole.wanted)
        all.insert({one.candidate.block, one.list});
      for (const auto &[block, list] : wanted)
        ++(block.prefix.family() == Family::IPv4 ? count4 : count6);
      RC_ASSERT(std::includes(all.begin(), all.end(), wanted.begin(), wanted.end()));
      if (!capacity.ipv4) {
        RC_ASSERT(wanted == all);
        continue;
      }
      const auto all4 = static_cast<std::size_t>(
          std::count_if(all.begin(), all.end(), [](const auto &one) { return one.first.prefix.family() == Family::IPv4; }));
      RC_ASSERT(count4 == std::min(*capacity.ipv4, all4)); // no more, and no place is left free
      RC_ASSERT(count6 == std::min(*capacity.ipv6, all.size() - all4));
    }
  }));
}
