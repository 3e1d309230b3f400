// What banpush_ban says of the rows, found by their natural key while the ban table streams by.
#pragma once

#include "core/ban.hpp"

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

// 40 bytes a note. Notes are added first, then sealed, then found.
class SideIndex {
public:
  void add(const NaturalKey &key, const SideNote &note);
  void seal();
  std::optional<SideNote> find(const NaturalKey &key); // and remembers that somebody asked for it
  bool was_found(const NaturalKey &key) const;

private:
  struct Entry {
    std::uint64_t high, low; // two unlike hashes of the key: a million keys share one by a chance of 1 in 10^26
    std::int32_t age, until, revoked;
    bool by_operator, found;
  };
  static Entry hashed(const NaturalKey &key);
  std::vector<Entry>::const_iterator place(const NaturalKey &key) const;

  std::vector<Entry> entries_;
};

} // namespace banpush
