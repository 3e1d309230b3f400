// The ban tables in memory after one whole reading, and what each policy and device makes of them, kept up
// by deltas: a change costs what it touches, not what the table holds.
//
// The service's order: LiveBans once, put() for each row a poll brings, LiveCandidates::update() for each
// policy, LiveSelection::update() for each device. `elapsed` is always the seconds since the whole reading.
// can_follow() says for which policies and drivers that comes to the same as computing everything anew.
#pragma once

#include "core/fitting.hpp"
#include "core/plan.hpp"

#include <array>
#include <map>
#include <set>
#include <unordered_set>
#include <utility>
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

// What an update did to the candidates.
struct CandidateChange {
  std::vector<Candidate> gone, come; // sorted by block
  std::vector<Verdict> why;          // of each that is gone
  std::vector<Candidate> looked_at;  // that stay: their times and worth may have changed

  bool empty() const noexcept { return gone.empty() && come.empty() && looked_at.empty(); }
};

// Makes candidates what they are so many seconds later, as far as that can be told without looking at the rows.
void grow_older(std::vector<Candidate> &candidates, Seconds seconds);

// The candidates of one policy and protected set. After update() they are those that candidates() would
// give then, but for worth, which is as of the last look at a block's network; for a quorum that breaks
// because one of several reports in force has ended; and for lossy aggregation, where each update spends
// its innocents well by itself and never more than there are. whole() after a new reading mends all three.
class LiveCandidates {
public:
  // `bans` must outlive this.
  LiveCandidates(const LiveBans &bans, Policy policy, std::vector<NamedPrefix> protect, Seconds elapsed = 0);

  // What the rows put since the last update, and the bans that have ended meanwhile, come to.
  CandidateChange update(Seconds elapsed);
  // The second at which the next ban ends; nothing where none does.
  std::optional<Seconds> next_end() const;
  // All of them in one, as old as they were at the last update. Costs as much as there are, unless is_whole().
  const Candidates &whole();
  bool is_whole() const noexcept { return changed_.empty() && base_elapsed_ == last_; }

  // Whether update() comes to just what candidates() would: neither a quorum nor lossy aggregation.
  static bool can_follow(const Policy &policy) noexcept;

  const Policy &policy() const noexcept { return policy_; }
  const std::vector<NamedPrefix> &protect() const noexcept { return protect_; }

private:
  // Nothing that happens in one region changes what is wanted in another: none is wider than what policy merges.
  std::optional<Prefix> region(const Prefix &prefix) const;
  std::vector<Prefix> due(Seconds elapsed);
  Candidates evaluate(const std::vector<Prefix> &regions, const std::vector<Candidate> &before, Seconds elapsed);
  void append_wanted(const Prefix &region, std::vector<Candidate> &all) const;
  void keep(const std::vector<Prefix> &regions, const Candidates &found, Seconds elapsed);
  void note_ends();
  template <typename Item>
  void splice(std::vector<Item> Candidates::*member);

  const LiveBans *bans_;
  Policy policy_;
  std::vector<NamedPrefix> protect_;
  Candidates base_;
  struct Region {
    Candidates found;
    Seconds at = 0; // when it was looked at
  };
  std::map<Prefix, Region> changed_; // instead of what base_ has there
  std::uint64_t innocents_ = 0;      // at most, of both together
  Seconds base_elapsed_, last_;
  std::size_t touched_ = 0;                             // how many of LiveBans::touched() are done
  std::vector<std::pair<Seconds, std::uint32_t>> ends_; // of base_, by time: place in its wanted
  std::size_t ended_ = 0;                               // how many of ends_ are done
  std::multimap<Seconds, Prefix> changed_ends_;         // of changed_: region
};

// What of the candidates one device gets, from a whole select() on. A newcomer takes the place of the least
// worthwhile where it is worth more; worth is as of the last look at a block's network, or the whole select().
class LiveSelection {
public:
  // `selection` as select() gave it of these candidates for the same driver, capacity and installed, all of
  // it in force on the device by now. `limits` are those of hold(). `driver` must outlive this.
  LiveSelection(const Driver &driver, const Policy &policy, const Limits &limits, Capacity capacity, const Candidates &candidates,
                const Selection &selection, const Installed &installed, Seconds elapsed = 0);

  struct Change {
    std::vector<Wanted> add;                        // sorted by block
    std::vector<std::pair<Wanted, Verdict>> remove; // sorted by block
    std::vector<LeftOut> left_out;                  // of the newcomers
    // The change cannot be told by itself: select() anew. So it is where a place becomes free that others
    // wait for, and where a limit might hold something back.
    bool needs_whole = false;
  };
  Change update(const CandidateChange &change, Seconds elapsed = 0);
  std::size_t size() const noexcept { return standing_.size(); }
  bool others_wait() const noexcept { return others_wait_; } // for a place on a full device
  // Whether the device holds just this, in force.
  bool is_held(const Installed &installed) const;

  // Whether the driver's lists take what comes whatever else is there: what lies in one another, as it may
  // without aggregation or with services, is no matter for them.
  static bool can_follow(const Driver &driver, const Policy &policy) noexcept;

private:
  struct Standing {
    std::uint16_t list;
    double score;
  };
  using Kind = std::pair<std::uint16_t, Family>;
  using Removed = std::map<Block, std::pair<Wanted, Verdict>>;

  bool is_limited(Kind kind) const noexcept;
  void put(const Candidate &candidate, std::uint16_t list, double score);
  bool make_room(const Candidate &candidate, std::uint16_t list, Removed &removed);
  std::optional<Wanted> drop(const Block &block);
  bool frees_awaited_place(const CandidateChange &change) const;
  // limits that may hold something of the change, whatever the ledger knows
  bool may_be_held(const CandidateChange &change, const Change &made, Seconds elapsed);
  bool may_storm(const CandidateChange &change, Seconds elapsed);

  const Driver *driver_;
  Policy policy_;
  Limits limits_;
  Capacity capacity_;
  Installed around_; // what is not ours: foreign entries and the lists' states
  Lists lists_;
  Use use_;
  std::map<Block, Standing> standing_;
  std::uint64_t sum_ = 0;                                      // of the hashes of what stands: is_held() need not walk through it
  std::map<Kind, std::set<std::pair<double, Block>>> weakest_; // of what is limited: the least worthwhile first
  bool others_wait_ = false;                                   // something is left out for want of room
  std::array<double, 2> covered_{};                            // by family: addresses, /64s
  std::vector<Seconds> births_;                                // when what is in force came, of the last limits.storm.hold seconds
};

// candidates() of some rows only, in the order of their prefixes, so many seconds after they were read. The
// rows must be all of each network that policy merges.
Candidates candidates_among(const Bans &bans, const Policy &policy, const std::vector<NamedPrefix> &protect,
                            const std::vector<std::uint32_t> &order, Seconds elapsed);

} // namespace banpush
