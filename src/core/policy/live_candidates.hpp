// The candidates of one policy, kept up by deltas of LiveBans (core/policy/live_bans.hpp).
#pragma once

#include "core/policy/live_bans.hpp"
#include "core/policy/policy.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace banpush {

// What an update did to the candidates.
struct CandidateChange {
  std::vector<Candidate> gone, come;              // sorted by block
  std::vector<Why> why;                           // of each that is gone
  std::vector<Candidate> staying;                 // that stay: their times and worth may have changed
  std::vector<std::pair<Prefix, Origin>> origins; // of what comes and stays, as in Candidates

  bool empty() const noexcept { return gone.empty() && come.empty() && staying.empty(); }
};

// Makes candidates what they are so many seconds later, as far as that can be told without looking at the rows.
void grow_older(std::vector<Candidate> &candidates, Seconds seconds);
void grow_older(std::vector<std::pair<Prefix, Origin>> &origins, Seconds seconds);

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
  Making made_of(const Prefix &wanted, Seconds elapsed) const;
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

} // namespace banpush
