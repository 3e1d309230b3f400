// What one device gets of the candidates, kept up by deltas of LiveCandidates (core/policy/live_candidates.hpp).
#pragma once

#include "core/plan/fitting.hpp"
#include "core/plan/plan.hpp"
#include "core/policy/live_candidates.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace banpush {

// What of the candidates one device gets, from a whole select() on. A newcomer takes the place of the least
// worthwhile where it is worth more; worth is as of the last look at a block's network, or the whole select().
class LiveSelection {
public:
  // `selection` as select() gave it of these candidates for the same driver, capacity and installed, all of
  // it in force on the device by now. `limits` are those of hold(). `driver` must outlive this.
  LiveSelection(const Driver &driver, const Policy &policy, const Limits &limits, Capacity capacity, const Candidates &candidates,
                const Selection &selection, const Installed &installed, Seconds elapsed = 0);

  struct Change {
    std::vector<Wanted> add;                    // sorted by block
    std::vector<std::pair<Wanted, Why>> remove; // sorted by block
    std::vector<LeftOut> left_out;              // of the newcomers
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
  using Removed = std::map<Block, std::pair<Wanted, Why>>;

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

} // namespace banpush
