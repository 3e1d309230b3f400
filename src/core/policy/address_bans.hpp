// What the rows of one address (or of one widened network) come to under a policy.
#pragma once

#include "core/policy/row_rules.hpp"

#include <map>
#include <string>
#include <vector>

namespace banpush {

// Row numbers of one address.
struct Rows {
  const std::uint32_t *first = nullptr, *last = nullptr;

  const std::uint32_t *begin() const noexcept { return first; }
  const std::uint32_t *end() const noexcept { return last; }
  std::size_t size() const noexcept { return static_cast<std::size_t>(last - first); }
};

struct Tally {
  Verdict verdict = Verdict::Expired; // Wanted: some row is in force; else what tells most of why none is
  std::uint32_t bans = 0, hosts = 0;  // in force
  std::uint32_t history = 0;          // all rows
  std::uint32_t jail = 0;             // of the newest in force
  std::int32_t age = 0, since = 0;    // of the newest and the oldest in force
  Seconds until = 0;
  double worth = 0;
  bool only_ahead = true;   // all rows are dated in the future
  bool by_operator = false; // an operator's unban ended one that would still run

  bool in_force() const noexcept { return verdict == Verdict::Wanted; }
};

struct ServiceTally {
  Service service;
  std::uint32_t bans = 0; // in force
  Seconds until = 0;
};

class AddressBans {
public:
  AddressBans(const Bans &bans, const Policy &policy, Seconds elapsed = 0)
      : bans_(bans), policy_(policy), rules_(bans, policy, elapsed), seen_(bans.names()), in_window_(bans.names()) {}

  Tally tally(Rows rows);
  // The services of the rows in force, none of them within another, sorted.
  std::vector<ServiceTally> by_service(Rows rows);
  // Whether policy.quorum is met.
  bool quorum(Rows rows);
  // Distinct reporting hosts of the rows in force, whatever their addresses.
  std::uint32_t hosts(Rows rows);
  // One clause for people: why none of the rows is in force; and why they are not enough.
  std::string why(Rows rows, const Tally &tally);
  std::string why_no_quorum(const Tally &tally) const;
  const RowRules &rules() const noexcept { return rules_; }
  // The distinct prefixes of the rows in force, in the order of the rows.
  std::vector<Prefix> prefixes_in_force(Rows rows);
  // Which ban of its address within escalate.window each row is; all 1 where nothing escalates.
  std::vector<unsigned> places(Rows rows);

private:
  // One row as a quorum counts it.
  struct Report {
    std::int32_t age;
    std::uint32_t host;
    std::uint64_t weight;
    bool in_force;
  };
  class HostsInWindow;

  void note_ages(Rows rows);
  void note_reports(Rows rows);
  unsigned place(std::int32_t age) const noexcept;
  bool first_seen(std::uint32_t host) noexcept;

  const Bans &bans_;
  const Policy &policy_;
  RowRules rules_;
  std::vector<std::uint32_t> seen_; // by host: the last round it was seen in
  std::uint32_t round_ = 0;
  std::vector<Report> reports_;
  std::vector<std::uint32_t> in_window_; // by host: its reports in quorum's window
  std::vector<std::int32_t> ages_;       // of the rows that count for escalation, ascending
};

} // namespace banpush
