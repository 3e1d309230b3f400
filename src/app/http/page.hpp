// The page for people: devices, bans over time, the last pushes, and one address through every step. Nothing on it acts.
#pragma once

#include "app/http/figures.hpp"
#include "app/http/metrics.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace banpush {

struct PageView {
  // What is there to be said of one device.
  struct Device {
    std::string name, driver;
    std::size_t entries = 0;
    std::string read;                 // local time; empty: never
    std::string delay;                // how long bans take to it; empty: not known
    std::string paused;               // by whom and why; empty: it is not
    std::vector<std::string> trouble; // what a person has to know of it
    bool fails = false;
  };
  std::vector<Device> devices;
  std::string tables; // why they cannot be read; empty: they can
  std::string state;  // what is wrong with the state file, whence all of this but the bans comes; empty: nothing
  std::shared_ptr<const Figures> figures;
  std::vector<FeedFacts> feeds;
  std::vector<AuditRecord> pushes; // the newest first
  std::string asked;               // the address that was asked for; empty: none
  std::string problem;             // why it cannot be explained
  nlohmann::json explained;        // as `explain --json`
};

// Asked of the service and the state; `explained` and the like are the caller's to fill in.
PageView page_view(Daemon *service, const Config &config, State &state);

std::string page(const PageView &view);
std::string stylesheet();

} // namespace banpush
