// The ban tables in memory after one whole reading, kept up by deltas: a change costs what it touches, not what
// the table holds.
//
// The service's order: LiveBans once, put() for each row a poll brings, LiveCandidates::update() for each
// policy, LiveSelection::update() for each device. `elapsed` is always the seconds since the whole reading.
// can_follow() says for which policies and drivers that comes to the same as computing everything anew.
#pragma once

#include "core/address/prefix.hpp"
#include "core/bans/ban.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace banpush {

// What tells rows of one address, jail and host apart: their `created`, as text, in short.
std::uint32_t key_of_time(std::string_view created) noexcept;

class LiveBans {
public:
  // `bans` as just read, of all tables; `times` the key_of_time() of each row. Without those, rows are told
  // apart by their age, two seconds more or less.
  explicit LiveBans(Bans bans, std::optional<std::vector<std::uint32_t>> times = std::nullopt);

  // One row of table `source` as a later reading shows it. The row that is there already (same address,
  // jail, host, service and time) takes its age, end and revocation; any other row is new. Returns whether anything
  // has changed, so a reading may overlap the one before.
  bool put(const RawBan &row, Seconds elapsed, std::uint8_t source = 0, std::string_view source_name = {});
  // The row was deleted. Returns whether there was one.
  bool take(const RawBan &row, Seconds elapsed, std::uint8_t source = 0);

  // Also those that were replaced: to be asked for names and samples. What counts is inside().
  const Bans &rows() const noexcept { return bans_; }
  // Numbers of the rows that lie in the prefix, in the order of their prefixes.
  std::vector<std::uint32_t> inside(const Prefix &prefix) const;
  std::vector<std::uint32_t> all() const;
  // The prefixes of rows that came, changed or went, in that order since the whole reading.
  const std::vector<Prefix> &touched() const noexcept { return touched_; }
  // Rows dated in the future, by the second at which they may be trusted.
  const std::multimap<Seconds, Prefix> &ahead() const noexcept { return ahead_; }

private:
  std::optional<std::uint32_t> known(const Bans &one, std::uint32_t time) const;
  void leave_out_repeated();
  void note_ahead(const Ban &ban);

  Bans bans_;
  std::optional<std::vector<std::uint32_t>> times_; // of each row
  std::vector<std::uint32_t> order_;                // by prefix, as of the whole reading
  std::multimap<Prefix, std::uint32_t> recent_;     // rows put since
  std::unordered_set<std::uint32_t> superseded_;    // rows of either that count no more
  std::vector<Prefix> touched_;
  std::multimap<Seconds, Prefix> ahead_;
};

} // namespace banpush
