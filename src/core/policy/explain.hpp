// One address through every step of a policy, for people: what each row says, and where it stops.
#pragma once

#include "core/policy/policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace banpush {

struct RowVerdict {
  std::uint32_t row = 0;             // index into Bans::rows()
  Verdict verdict = Verdict::Wanted; // Wanted: in force and counted
  Seconds left = 0;                  // seconds still to run, `permanent`, or 0 and less
  std::string text;                  // one clause
};

struct PolicyStep {
  std::string name; // in force, quorum, shortest, reserved, protected, allowed, entry
  enum class Result { Passes, Stops } result = Result::Passes;
  std::string text;
};

struct Explanation {
  std::vector<RowVerdict> rows;  // every row whose prefix overlaps the address, newest first
  std::vector<PolicyStep> steps; // in order, up to the first that stops
  std::optional<Prefix> walked;  // the ban whose rows the steps are about: its own, else the narrowest around it
  std::optional<Block> entry;    // the block that policy wants for it: itself, or a wider one around it
};

// `found` is what candidates() gave for the same bans, policy and protected set.
Explanation explain(const Bans &bans, const Policy &policy, const std::vector<NamedPrefix> &protect, const Candidates &found,
                    const Prefix &prefix);

} // namespace banpush
