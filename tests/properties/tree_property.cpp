#include "core/policy/aggregate.hpp"

#include "small_world.hpp"

#include <catch2/catch.hpp>

using namespace banpush;
using namespace banpush::test;

namespace {

// Eight addresses: 15 prefixes, and 2^15 sets of them to try one by one.
constexpr unsigned depth_most = 3;
constexpr unsigned addresses = 1U << depth_most;

struct Piece {
  Prefix prefix;
  std::uint8_t bits = 0; // which of the eight addresses
};

std::vector<Piece> parts(Family family) {
  std::vector<Piece> all;
  for (unsigned depth = 0; depth <= depth_most; ++depth)
    for (unsigned first = 0; first < addresses; first += addresses >> depth) {
      Piece part;
      part.prefix = at(family, first, world_bits - depth_most + depth);
      part.bits = static_cast<std::uint8_t>(((1U << (addresses >> depth)) - 1U) << first);
      all.push_back(part);
    }
  return all;
}

struct Best {
  int entries = 1000;
  int innocents = 1000;
};

// Tries every set of prefixes. `may` says which of them a block may be.
template <typename May>
Best best_of_all(const std::vector<Piece> &all, std::uint8_t banned, std::uint8_t never, int budget, May may) {
  Best best;
  for (std::uint32_t set = 0; set < 1U << all.size(); ++set) {
    const int entries = __builtin_popcount(set);
    if (entries > best.entries)
      continue;
    std::uint8_t covered = 0;
    bool fits = true;
    for (std::size_t i = 0; fits && i < all.size(); ++i)
      if ((set >> i & 1U) != 0) {
        fits = (covered & all[i].bits) == 0 && may(all[i]);
        covered |= all[i].bits;
      }
    if (!fits || (banned & ~covered) != 0 || (covered & never) != 0)
      continue;
    const int innocents = __builtin_popcount(static_cast<unsigned>(covered & ~banned));
    if (innocents <= budget && (entries < best.entries || innocents < best.innocents))
      best = {entries, innocents};
  }
  return best;
}

std::vector<Prefix> hosts(Family family, std::uint8_t bits) {
  std::vector<Prefix> found;
  for (unsigned i = 0; i < addresses; ++i)
    if ((bits >> i & 1U) != 0)
      found.push_back(at(family, i, world_bits));
  return found;
}

} // namespace

TEST_CASE("a hole has as few prefixes as any set that covers the same") {
  const std::vector<Piece> all = parts(Family::IPv4);
  CHECK(rc::check([&all] {
    const auto gone = *rc::gen::arbitrary<std::uint8_t>();
    const PrefixSet exceptions(hosts(Family::IPv4, gone));
    const std::vector<Prefix> hole = exceptions.hole(all[0].prefix);
    RC_ASSERT((bits_of_all(hole) ^ bits_of_all(exceptions)) == bits_of(all[0].prefix));
    const auto left = static_cast<std::uint8_t>(~gone);
    const Best best = best_of_all(all, left, gone, 0, [](const Piece &) { return true; });
    RC_ASSERT(hole.size() == static_cast<std::size_t>(left == 0 ? 0 : best.entries));
    // Collapsing the addresses that are left finds the same.
    RC_ASSERT(PrefixSet(hole) == PrefixSet(hosts(Family::IPv4, left)).collapsed());
  }));
}

TEST_CASE("lossy aggregation finds the fewest entries, and of those the fewest innocents") {
  for (const Family family : {Family::IPv4, Family::IPv6}) {
    const std::vector<Piece> all = parts(family);
    CHECK(rc::check([&] {
      const auto banned = *rc::gen::nonZero<std::uint8_t>();
      const auto never = static_cast<std::uint8_t>(*rc::gen::arbitrary<std::uint8_t>() & *rc::gen::arbitrary<std::uint8_t>() & ~banned);
      Policy policy;
      policy.shortest4 = at(Family::IPv4, 0, world_bits - depth_most + *rc::gen::inRange(0U, 2U)).length();
      policy.shortest6 = at(Family::IPv6, 0, world_bits - depth_most + *rc::gen::inRange(0U, 2U)).length();
      const unsigned shortest = family == Family::IPv4 ? policy.shortest4 : policy.shortest6;
      policy.aggregate = {Aggregate::Mode::Lossy, *rc::gen::inRange<std::uint64_t>(0, 6), *rc::gen::element(0.0, 0.3, 0.5, 0.7, 0.8)};
      std::vector<Candidate> blocks;
      for (const Prefix &host : hosts(family, banned)) {
        blocks.emplace_back();
        blocks.back().block.prefix = host;
      }
      const Aggregated merged = aggregate(std::move(blocks), policy, PrefixSet(hosts(family, never)));
      const Best best = best_of_all(all, banned, never, static_cast<int>(policy.aggregate.max_innocents), [&](const Piece &part) {
        const double share =
            static_cast<double>(__builtin_popcount(static_cast<unsigned>(part.bits & banned))) / __builtin_popcount(part.bits);
        return part.prefix.length() >= shortest && share >= policy.aggregate.density;
      });
      RC_ASSERT(merged.blocks.size() == static_cast<std::size_t>(best.entries));
      RC_ASSERT(merged.innocents == static_cast<std::uint64_t>(best.innocents));
    }));
  }
}

TEST_CASE("both families draw on one budget of innocents") {
  CHECK(rc::check([] {
    Policy policy;
    policy.shortest4 = 32 - world_bits;
    policy.shortest6 = 64 - world_bits;
    policy.aggregate = {Aggregate::Mode::Lossy, *rc::gen::inRange<std::uint64_t>(0, 20), 0.0};
    std::vector<Candidate> blocks;
    for (const Prefix &prefix : *rc::gen::container<std::vector<Prefix>>(any_prefix())) {
      blocks.emplace_back();
      blocks.back().block.prefix = prefix;
    }
    const World banned = bits_of_all(blocks);
    const std::size_t before = aggregate(blocks, Policy(policy), {}).blocks.size();
    const Aggregated merged = aggregate(blocks, policy, {});
    const World covered = bits_of_all(merged.blocks);
    RC_ASSERT((banned & ~covered).none());
    RC_ASSERT((covered & ~banned).count() == merged.innocents);
    RC_ASSERT(merged.innocents <= policy.aggregate.max_innocents);
    RC_ASSERT(merged.blocks.size() <= before);
    // One innocent more is never worse.
    policy.aggregate.max_innocents += 1;
    RC_ASSERT(aggregate(blocks, policy, {}).blocks.size() <= merged.blocks.size());
  }));
}

TEST_CASE("a set of prefixes answers like its addresses, and collapsing keeps them") {
  CHECK(rc::check([] {
    const auto prefixes = *rc::gen::container<std::vector<Prefix>>(any_prefix());
    const Prefix probe = *any_prefix();
    const PrefixSet set(prefixes);
    const auto overlapping = std::count_if(prefixes.begin(), prefixes.end(), [&](const Prefix &one) { return one.overlaps(probe); });
    const auto containing = std::count_if(prefixes.begin(), prefixes.end(), [&](const Prefix &one) { return one.contains(probe); });
    RC_ASSERT(set.overlap(probe).has_value() == (overlapping > 0));
    RC_ASSERT(set.covers(probe) == (containing > 0));
    RC_ASSERT(set.has(probe) == (std::find(prefixes.begin(), prefixes.end(), probe) != prefixes.end()));
    const PrefixSet collapsed = set.collapsed();
    RC_ASSERT(bits_of_all(collapsed) == bits_of_all(set));
    RC_ASSERT(collapsed.collapsed() == collapsed);
    RC_ASSERT(collapsed.size() <= set.size());
    const World left = bits_of(probe) & ~bits_of_all(set);
    RC_ASSERT(bits_of_all(set.hole(probe)) == left);
  }));
}

TEST_CASE("prefixes and blocks survive their own text") {
  CHECK(rc::check([] {
    Prefix::Bytes bytes;
    for (std::uint8_t &byte : bytes)
      byte = *rc::gen::element<std::uint8_t>(0, 0, 0, 1, 0xff, *rc::gen::arbitrary<std::uint8_t>());
    const bool ipv6 = *rc::gen::arbitrary<bool>();
    const Prefix prefix(ipv6 ? Family::IPv6 : Family::IPv4, bytes, *rc::gen::inRange(0U, ipv6 ? 129U : 33U));
    RC_ASSERT(Prefix::parse(prefix.text()).value() == prefix);
    RC_ASSERT(prefix.contains(prefix.last_host()));
    RC_ASSERT(prefix.length() == 0 || prefix.sibling().sibling() == prefix);
    const Block block{
        prefix, {static_cast<std::uint16_t>(*rc::gen::inRange(1, 200)), static_cast<std::uint16_t>(*rc::gen::inRange(200, 65536)), 6}};
    RC_ASSERT(Block::parse(block.text()).value() == block);
  }));
}

TEST_CASE("no text makes the parser do anything but take or refuse it") {
  CHECK(rc::check([] {
    const auto text = *rc::gen::container<std::string>(
        rc::gen::oneOf(rc::gen::elementOf(std::string("0123456789abcdef:./%- \n")), rc::gen::arbitrary<char>()));
    const auto prefix = Prefix::parse(text);
    if (prefix)
      RC_ASSERT(Prefix::parse(prefix->text()).value() == *prefix);
    else
      RC_ASSERT(!prefix.error().what.empty());
    RC_ASSERT(shown(text).find('\n') == std::string::npos);
  }));
}
