// `policy` and `limits`: read at each level they stand on, then put together for one device.
#pragma once

#include "config/document/document.hpp"
#include "core/policy/policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace banpush {

// Keys that may stand in `policy`, or straight in a device, a group or `defaults`.
const std::vector<std::string> &policy_keys();
const std::vector<std::string> &limit_keys();

// The limits as written; what is not written is nothing.
struct WrittenLimits {
  std::optional<double> add, remove, span;
  std::optional<std::size_t> floor;
  struct Storm {
    bool none = false; // `storm: none`
    std::optional<std::size_t> bans;
    std::optional<Seconds> within, hold;
  };
  std::optional<Storm> storm;
};

WrittenLimits limits_of(const Node &node, Problems &problems);

// What one level (the top, `defaults`, a group, a device) adds to all others.
struct Level {
  std::vector<NamedPrefix> allow, protect;
  std::vector<std::string> allow_paths; // as in Policy
  std::vector<NamedHost> protect_hosts;
  std::optional<unsigned> shortest4, shortest6;
  WrittenLimits limits;
};

// `policy` and `limits` may be nothing. `where` is the level's name, for reasons: `groups.edge`.
Level level_of(const Node *policy, const Node *limits, const std::string &where, Problems &problems, const std::string &folder,
               std::vector<std::string> &notes);

// Whether the policy is for this host's own firewall, which has defaults of its own.
enum class Reach { ThisHost, Upstream };

// Everything of a policy that a higher level replaces; the keys of Level are only known here, not read.
Policy policy_of(const Node *policy, Reach reach, Problems &problems);

// The policy with what all levels add to it: allow and protect add up, of shortest the strictest counts.
Policy with_levels(Policy policy, const std::vector<const Level *> &levels);

// The strictest of several levels' limits; the standard ones where nothing is written.
Limits strictest(const std::vector<const Level *> &levels);

} // namespace banpush
