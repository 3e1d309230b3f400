// What has to be reachable after a change because it was before it: the ban tables, and what a device's `probe` names.
#pragma once

#include "settings/config.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace banpush {

class Probes {
public:
  // Nothing is asked yet. The table of `bans` counts where it is reached over TCP.
  Probes(const Config &config, const Device &device);

  // Before the change: what does not answer now is not judged behind it.
  void look_before();
  // Behind it, again for some time where something does not answer at once. Throws Error (Connect) naming what answered
  // before and does not now, with what came back.
  void look_after();

  // By name, for the report: what answered before and behind the change; what did not answer before, and why.
  std::vector<std::string> reached() const;
  std::vector<std::string> not_judged() const;

private:
  struct One {
    std::string name;
    Probe probe;
    std::string objection; // when it was last asked; empty: it answered
    bool judged = false;
  };
  void ask(std::vector<One *> those) const;

  std::vector<One> all_;
  bool is_looked_at_ = false;          // before the change
  std::chrono::milliseconds patience_; // for each answer
  std::chrono::milliseconds retried_;  // behind the change, until all have answered
};

} // namespace banpush
