// What banpush_ban says of the rows, found by their natural key while the ban table streams by.
#pragma once

#include "core/bans/ban.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

// (hostname, name, ip, created): what a row is known by on every node of a cluster, where its id may
// differ. Compared byte for byte, so no collation of the ban table is in the way.
struct NaturalKey {
  std::string_view hostname, name, ip, created;
};

// A time without the fraction that a column of DATETIME(6) shows, where the fraction is nothing.
std::string_view whole_seconds(std::string_view time) noexcept;

struct SideNote {
  std::optional<Seconds> age;     // since the ban was last put, by UTC: exact when the clocks change
  std::optional<Seconds> until;   // still to run, negative when over, `permanent`
  std::optional<Seconds> revoked; // since it was revoked
  bool revoked_by_operator = false;
};

// 24 bytes a note. Notes are added first, then sealed, then found.
class SideIndex {
public:
  void add(const NaturalKey &key, const SideNote &note);
  void seal();
  std::optional<SideNote> find(const NaturalKey &key); // and remembers that somebody asked for it
  bool was_found(const NaturalKey &key) const;

private:
  struct Entry {
    std::uint64_t high;     // two unlike hashes of the key, 94 bits: that any two of a million keys
    std::uint32_t low : 30; // share them has a chance of 1 in 10^16
    std::uint32_t by_operator : 1, found : 1;
    std::int32_t age, until, revoked;
  };
  static Entry hashed(const NaturalKey &key);
  static bool before(const Entry &a, const Entry &b) noexcept { return a.high != b.high ? a.high < b.high : a.low < b.low; }
  std::size_t bucket(std::uint64_t high) const noexcept { return bits_ == 0 ? 0 : static_cast<std::size_t>(high >> (64 - bits_)); }
  const Entry *place(const NaturalKey &key) const; // null where there is none

  std::vector<Entry> entries_;       // in the order of their hashes
  std::vector<std::uint32_t> first_; // of each bucket: the entries whose hashes begin with the same bits_ bits
  unsigned bits_ = 0;
};

} // namespace banpush
