// What turns bans into candidates: pure values in, values out. Defaults are INTERFACE's.
#pragma once

#include "core/address/prefix_set.hpp"
#include "core/bans/ban.hpp"

#include <string>
#include <vector>

namespace banpush {

inline constexpr Seconds minute = 60, hour = 3600, day = 86400, week = 7 * day;

// One line of policy.jails: an exact name, or a wildcard with `*` and `?`. Exact first, then the
// longest wildcard.
struct JailRule {
  std::string pattern;
  std::optional<Seconds> bantime;
  bool ignore = false;
  double weight = 1.0;
  friend bool operator==(const JailRule &, const JailRule &) = default;
};

struct HostRule { // one line of policy.hosts: a reporting host, or a wildcard
  std::string pattern;
  bool ignore = false;
  double weight = 1.0;
  friend bool operator==(const HostRule &, const HostRule &) = default;
};

// Either is enough: `hosts` independent reporters, or `bans` rows, within any `within` seconds that
// hold a ban in force. `weight`, where it is asked for, is needed besides.
struct Quorum {
  unsigned hosts = 0; // 0: not asked for
  unsigned bans = 0;
  Seconds within = hour;
  double weight = 0; // the least sum of host × jail weight over distinct hosts; 0: not asked for
  friend bool operator==(const Quorum &, const Quorum &) = default;
};

// The n-th ban of an address within `window` lasts bantime × factor^(n-1), at most `max` (but never
// less than bantime). What fail2ban passed is left as it is: it counts repeats by itself.
struct Escalate {
  double factor = 2;
  Seconds window = 30 * day;
  Seconds max = 4 * week;
  friend bool operator==(const Escalate &, const Escalate &) = default;
};

// The worth of an entry: Σ over the address's bans of weight / (1 + age / recency), which is recency
// and recurrence in one, × independent hosts ^ `hosts`; and `neighbours` × that of the rest of its
// network (/24, /48).
struct Worth {
  Seconds recency = 7 * day; // the age at which a ban counts half
  double hosts = 0.5;        // 0: the number of reporting hosts does not matter
  double neighbours = 0.02;  // 0: each address for itself
  friend bool operator==(const Worth &, const Worth &) = default;
};

struct Aggregate {
  enum class Mode { None, Exact, Lossy } mode = Mode::Exact;
  std::uint64_t max_innocents = 0; // addresses covered that nobody banned, in all (IPv6: in /64s)
  double density = 1.0;            // the least share of a widened prefix that is banned, 0 to 1
  friend bool operator==(const Aggregate &, const Aggregate &) = default;
};

// A prefix and where it comes from: `policy.allow`, `/etc/…/office.txt:3`, `address of edge1`.
struct NamedPrefix {
  Prefix prefix;
  std::string why;
  friend bool operator==(const NamedPrefix &, const NamedPrefix &) = default;
};

// A line of `protect` that names a host. Who uses the policy resolves it, and stops where that fails.
struct NamedHost {
  std::string host;
  std::string why; // as in NamedPrefix
  friend bool operator==(const NamedHost &, const NamedHost &) = default;
};

// The least that `shortest` may be set to, in every configuration there is: nothing wider is ever sent, so no entry that is
// wider (`deny any` above all) is one of ours.
inline constexpr unsigned widest4 = 8, widest6 = 8;

struct Policy {
  Seconds bantime = day;
  std::vector<JailRule> jails;
  std::vector<HostRule> hosts;
  std::optional<Quorum> quorum;
  std::optional<Escalate> escalate;
  std::vector<std::string> protocols{"tcp"}; // lower case; empty: all of them. The default for this host's own firewall is empty
  std::vector<Family> families{Family::IPv4, Family::IPv6};
  std::optional<Seconds> max_age; // older bans than this are left out
  bool reserved_allowed = false;  // the default for this host's own firewall is true
  unsigned shortest4 = 24, shortest6 = 48;
  std::optional<unsigned> widen4, widen6;
  Aggregate aggregate;
  Worth worth;
  std::vector<double> trust; // of each table, by its place in the configuration; 1 where there is none
  bool honour_unban = true;
  bool services = false;                // keep the ban's port and protocol where the device's lists can hold them
  std::vector<NamedPrefix> allow;       // configuration, files and table together
  std::vector<std::string> allow_paths; // those files, and folders in which more may come
  std::vector<NamedPrefix> protect;     // the configuration's own lines, resolved
  std::vector<NamedHost> protect_hosts; // and those still to be resolved, whose prefixes then join `protect`
  friend bool operator==(const Policy &, const Policy &) = default;
};

// A length of time in the configuration's spelling, the largest unit that fits: `90s`, `1h`, `4w`, `permanent`.
std::string duration(Seconds seconds);

// Whether the text matches a pattern in which `*` stands for any characters and `?` for one.
bool matches(std::string_view pattern, std::string_view text) noexcept;

struct Limits {
  double add = 0.20, remove = 0.20; // shares, 0 to 1
  std::size_t floor = 100;          // lists up to this many entries always pass
  struct Storm {
    std::size_t bans = 200;
    Seconds within = minute;
    Seconds hold = 10 * minute;
  };
  std::optional<Storm> storm = Storm{};
  double span = 0.001; // the share of the IPv4 space (and of 2000::/3, in /64s) that a device's entries may cover
};

// Why an address of the table is not wanted on a device.
enum class Verdict : std::uint8_t {
  Wanted,
  Expired,
  Unbanned,
  Ignored, // jail, host, protocol, age or family filtered by policy
  NoQuorum,
  Future, // dated more than 70 minutes ahead of the database's clock
  Allowed,
  Protected,
  Reserved,
  TooShort, // wider than policy.shortest
  Covered,  // merged into a wider entry
  Split,    // wanted in narrower entries instead
  OverBudget,
  Foreign, // an entry of somebody else on the device covers it already
  NotHeld, // the device has no list for this family, kind or service
  Held,    // a limit or the storm breaker holds it back for now
  Absent,  // no longer in the ban table
};
// One word for JSON and logs: "expired", "unbanned", …
const char *word(Verdict verdict) noexcept;
// Whether this is a reason for an entry to go. A row dated in the future is none: it cannot have made the entry.
bool explains(Verdict verdict) noexcept;

// Why an entry that stands is not wanted any more.
struct Why {
  Verdict verdict = Verdict::Absent;
  // What that is so of: the entry, a part of what it was made of, or the wider ban that it is a part of.
  enum class Of : std::uint8_t { Entry, Part, Wider } of = Of::Entry;
  friend bool operator==(const Why &, const Why &) = default;
};
inline bool explains(const Why &why) noexcept { return explains(why.verdict); }

// A ban that an entry was made of: merged with others, widened, cut round an exception, or taken as its hosts.
struct Origin {
  Prefix prefix;     // of the ban's rows
  Seconds until = 0; // for so many seconds it is in force, or `permanent`; 0 or less: it has ended
  friend bool operator==(const Origin &, const Origin &) = default;
};
// What one entry was made of; empty: of the ban of its own prefix.
using Making = std::vector<Origin>;

struct LeftOut {
  Prefix prefix;
  Verdict verdict;
  std::string reason; // one clause for people: `allowed by /etc/banpush/allow.d/office.txt:3`
};

// One block that policy wants, with what is known of it.
struct Candidate {
  Block block;
  std::uint32_t bans = 0;    // rows in force
  std::uint32_t hosts = 0;   // distinct reporters among them
  std::uint32_t history = 0; // all rows of the table, in force or not
  std::uint32_t jail = 0;    // of the newest row in force; index for Bans::name
  std::int32_t age = 0;      // of the newest row in force
  std::int32_t since = 0;    // of the oldest row in force: how long it is banned already
  Seconds until = 0;         // seconds for which the block is right as it stands, or `permanent`
  double worth = 0;          // recency × recurrence × independent hosts × weight; larger is more worthwhile
};

struct Candidates {
  std::vector<Candidate> wanted;       // sorted by block, no doubles
  std::vector<std::uint32_t> by_worth; // places in `wanted`, the most worthwhile first; empty where nobody has ordered them
  std::vector<LeftOut> left_out;       // sorted by prefix, without those merely expired, unbanned or covered
  // Every distinct prefix of the table, and every network that its rows are widened to, that is not wanted as itself; sorted.
  std::vector<std::pair<Prefix, Verdict>> verdicts;
  // What bans would have been cut to around what is allowed, or widened to, that is not wanted; sorted.
  std::vector<std::pair<Prefix, Verdict>> parts;
  // What each wanted prefix is made of that is not the ban of that prefix alone; sorted.
  std::vector<std::pair<Prefix, Origin>> origins;
  PrefixSet allow, protect;
  std::uint64_t innocents = 0; // addresses (IPv6: /64s) that wanted covers and nobody banned
  // Lossy aggregation: the least share of a block that bans must make up. Nothing: all of it.
  std::optional<double> least_share;
  std::uint64_t most_innocents = 0; // and what `innocents` may be

  // Why this prefix is not wanted, where nobody knows what made it an entry; Absent where nothing in the table can have. That
  // is a row of this very prefix, one that was widened or cut to it, or rows in it that make up as much of it as merging
  // takes. A wider row says nothing: whoever may insert rows could explain the removal of all with one.
  Verdict verdict(const Prefix &prefix) const noexcept;
  // The same of an entry. Where it is known what it was made of, only that explains, each ban of it; and what is allowed or
  // protected in it.
  Why why(const Prefix &entry, const std::optional<Making> &made_of) const;
};

// Places of the candidates, the most worthwhile first; of equal ones by place.
std::vector<std::uint32_t> ordered_by_worth(const std::vector<Candidate> &candidates);

// Bans to candidates for one policy; `protect` is the device's protected set (what is found by
// itself and policy.protect together). The order of rows never matters.
Candidates candidates(const Bans &bans, const Policy &policy, const std::vector<NamedPrefix> &protect);

// The allow and protect lines that overlap a prefix, for `ban`, guard and explain; empty when free.
std::optional<NamedPrefix> overlap(const std::vector<NamedPrefix> &set, const Prefix &prefix);

// The name of the special-purpose block (RFC 6890 and its registries) that a prefix overlaps and that
// is not for the public internet: `private`, `shared address space (CGN)`, `unique local`, `multicast` …
// The documentation ranges are none of these here (docs/policy.md says why).
std::optional<std::string> reserved(const Prefix &prefix);

} // namespace banpush
