// Random tables, policies and sets in a few addresses of each family, so that they meet each other; and
// the addresses as bits, so that what a policy should do can be worked out address by address.
#pragma once

#include "core/plan/plan.hpp"
#include "made_bans.hpp"

#include <rapidcheck.h>

#include <bitset>
#include <set>
#include <string>
#include <vector>

namespace banpush::test {

// 32 addresses of IPv4 (203.0.113.0/27), then 32 /64s of IPv6 (2001:db8::/59).
constexpr unsigned world_bits = 5;
constexpr std::size_t half = std::size_t{1} << world_bits;
using World = std::bitset<2 * half>;

// The part of the world at `first` of 2^(world_bits - depth) addresses, as a prefix.
inline Prefix at(Family family, unsigned first, unsigned depth) {
  Prefix::Bytes bytes{};
  if (family == Family::IPv4) {
    bytes = {203, 0, 113, static_cast<std::uint8_t>(first)};
    return {family, bytes, 32 - world_bits + depth};
  }
  bytes = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, static_cast<std::uint8_t>(first)};
  return {family, bytes, 64 - world_bits + depth};
}

// The addresses of a prefix of the world.
inline World bits_of(const Prefix &prefix) {
  World world;
  for (unsigned i = 0; i < half; ++i) {
    if (prefix.overlaps(at(Family::IPv4, i, world_bits)))
      world.set(i);
    if (prefix.overlaps(at(Family::IPv6, i, world_bits)))
      world.set(half + i);
  }
  return world;
}

template <typename Prefixes>
World bits_of_all(const Prefixes &prefixes) {
  World world;
  for (const Prefix &prefix : prefixes)
    world |= bits_of(prefix);
  return world;
}

inline World bits_of_all(const std::vector<Candidate> &candidates) {
  World world;
  for (const Candidate &one : candidates)
    world |= bits_of(one.block.prefix);
  return world;
}

inline World bits_of_all(const std::vector<NamedPrefix> &names) {
  World world;
  for (const NamedPrefix &named : names)
    world |= bits_of(named.prefix);
  return world;
}

// Mostly hosts, now and then a network.
inline rc::Gen<Prefix> any_prefix() {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::inRange(0U, static_cast<unsigned>(half)), rc::gen::inRange(0U, 4 * world_bits), rc::gen::arbitrary<bool>()),
      [](const auto &parts) {
        const auto &[first, depth, ipv6] = parts;
        return at(ipv6 ? Family::IPv6 : Family::IPv4, first, std::min(depth + 1, world_bits));
      });
}

struct AnyRow {
  Prefix prefix;
  Seconds age = 0;
  unsigned jail = 0, host = 0, protocol = 0, revoked = 0;
  std::optional<Seconds> until;
};

inline std::ostream &operator<<(std::ostream &out, const AnyRow &row) {
  return out << row.prefix.text() << " age " << row.age << " jail " << row.jail << " host " << row.host << " protocol " << row.protocol
             << " revoked " << row.revoked << " until " << (row.until ? std::to_string(*row.until) : "-");
}

inline rc::Gen<AnyRow> any_row() {
  return rc::gen::build<AnyRow>(
      rc::gen::set(&AnyRow::prefix, any_prefix()), rc::gen::set(&AnyRow::age, rc::gen::inRange<Seconds>(-6000, 30000)),
      rc::gen::set(&AnyRow::jail, rc::gen::inRange(0U, 3U)), rc::gen::set(&AnyRow::host, rc::gen::inRange(0U, 3U)),
      rc::gen::set(&AnyRow::protocol, rc::gen::inRange(0U, 5U)), rc::gen::set(&AnyRow::revoked, rc::gen::inRange(0U, 8U)),
      rc::gen::set(&AnyRow::until,
                   rc::gen::oneOf(rc::gen::just(std::optional<Seconds>()), rc::gen::just(std::optional<Seconds>(permanent)),
                                  rc::gen::map(rc::gen::inRange<Seconds>(-1000, 20000), [](Seconds s) { return std::optional(s); }))));
}

// `later`: the same table so many seconds on.
inline Bans bans_of(const std::vector<AnyRow> &rows, Seconds later = 0) {
  static const char *const jails[] = {"sshd", "postfix", "recidive"}, *const hosts[] = {"web1", "web2", "lab1"},
                           *const protocols[] = {"tcp", "tcp", "tcp", "udp", "all"};
  Bans bans;
  for (const AnyRow &row : rows) {
    const std::string ip = row.prefix.text();
    RawBan raw;
    raw.ip = ip;
    raw.name = jails[row.jail];
    raw.hostname = hosts[row.host];
    raw.protocol = protocols[row.protocol];
    raw.port = row.jail == 1 ? "25" : "";
    raw.age = row.age + later;
    raw.until = row.until;
    if (raw.until && *raw.until != permanent)
      *raw.until -= later;
    if (row.revoked < 2)
      raw.revoked = 1;
    raw.revoked_by_operator = row.revoked == 0;
    bans.add(raw);
  }
  return bans;
}

// The row as a table hands it over `elapsed` seconds after the first reading.
template <typename Use>
void as_raw(const AnyRow &row, Seconds elapsed, Use use) {
  const Bans one = bans_of({row}, elapsed);
  const Ban &ban = one.rows().front();
  static const char *const protocols[] = {"tcp", "tcp", "tcp", "udp", "all"};
  const std::string ip = row.prefix.text();
  RawBan raw;
  raw.ip = ip;
  raw.name = one.name(ban.jail);
  raw.hostname = one.name(ban.host);
  raw.protocol = protocols[row.protocol];
  raw.port = row.jail == 1 ? "25" : "";
  raw.age = row.age + elapsed;
  raw.until = row.until;
  if (raw.until && *raw.until != permanent)
    *raw.until -= elapsed;
  if (row.revoked < 2)
    raw.revoked = 1;
  raw.revoked_by_operator = row.revoked == 0;
  use(raw);
}

inline std::vector<NamedPrefix> any_names(const char *why, int most = 4) {
  std::vector<NamedPrefix> names;
  const int count = *rc::gen::inRange(0, most);
  for (int i = 0; i < count; ++i)
    names.push_back({*any_prefix(), why});
  return names;
}

// A policy without quorum and widening, which need more than one row at a time to judge.
inline Policy any_policy() {
  Policy policy;
  policy.bantime = *rc::gen::element<Seconds>(600, 5000, permanent);
  policy.jails = {{"recidive", *rc::gen::element<Seconds>(100, 20000, permanent), false, 1}, {"post*", {}, *rc::gen::arbitrary<bool>(), 1}};
  policy.hosts = {{"lab*", *rc::gen::arbitrary<bool>(), 0.5}};
  if (*rc::gen::arbitrary<bool>())
    policy.protocols.clear();
  policy.honour_unban = *rc::gen::arbitrary<bool>();
  policy.shortest4 = 32 - world_bits + *rc::gen::inRange(0U, 3U);
  policy.shortest6 = 64 - world_bits + *rc::gen::inRange(0U, 3U);
  policy.allow = any_names("policy.allow");
  using Mode = Aggregate::Mode;
  policy.aggregate.mode = *rc::gen::element(Mode::None, Mode::Exact, Mode::Lossy);
  policy.aggregate.max_innocents = *rc::gen::inRange<std::uint64_t>(0, 12);
  policy.aggregate.density = *rc::gen::element(0.0, 0.25, 0.5, 0.9);
  return policy;
}

} // namespace banpush::test
