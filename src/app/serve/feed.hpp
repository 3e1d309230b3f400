// The tables as the service follows them: open connections, one cheap question each time, everything read anew when
// the answer differs.
#pragma once

#include "app/serve/snapshot.hpp"
#include "app/spool.hpp"

#include <memory>
#include <string>
#include <vector>

namespace banpush {

class Feed {
public:
  explicit Feed(std::shared_ptr<const Config> config) : config_(std::move(config)) {}

  enum class Look { Glance, Whole }; // Whole: read everything whatever the question says
  // The tables as they are now; nothing where nothing is new. What waits in the spool is taken to them first. Throws
  // Error (Table, Config), and has closed its connections then.
  std::shared_ptr<Snapshot> look(Look how, std::vector<std::string> &said);

  // While the tables cannot be had: what waits in the spool; nothing where that is no news, or where policy cannot
  // be told without the tables.
  std::shared_ptr<Snapshot> spooled(std::vector<std::string> &said);

  // How long the last whole reading took.
  std::chrono::duration<double> cost() const noexcept { return cost_; }

private:
  void open();
  std::vector<NamedPrefix> protect(const Config &fresh, const Fetched &fetched);

  std::shared_ptr<const Config> config_;
  std::vector<std::unique_ptr<BanTable>> tables_;
  std::uint64_t number_ = 0;
  bool stale_ = true; // something changed that was not read yet
  std::chrono::duration<double> cost_{};
  std::string spooled_;        // what the last spooled() was of
  std::string protected_from_; // the names that protected_ was looked up from
  std::vector<NamedPrefix> protected_;
  Clock::time_point protected_at_;
};

} // namespace banpush
