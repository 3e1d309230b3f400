// The service at work on one configuration: it follows the tables and gives each device's keeper what is new. A new
// configuration is a new Daemon, which begins once this one has stopped.
#pragma once

#include "app/serve/feed.hpp"
#include "app/serve/keeper.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace banpush {

class Daemon {
public:
  // Has all its threads, or throws; reads nothing and asks no device before begin().
  Daemon(std::shared_ptr<const Config> config, const Log &log, Alerts &alerts, Trace trace);
  Daemon(const Daemon &) = delete;
  Daemon &operator=(const Daemon &) = delete;
  ~Daemon();

  const Config &config() const noexcept { return *config_; }
  std::shared_ptr<const Config> configuration() const noexcept { return config_; }
  Keeper *keeper(std::string_view device) noexcept; // null: no such device
  const std::vector<std::unique_ptr<Keeper>> &keepers() const noexcept { return keepers_; }

  void begin();

  // Look at the tables now.
  void ring();
  // The number of the snapshot that has what stood in the tables when this was called. Throws Error (Table, Config)
  // where they could not be read, (Connect) where that takes too long or the service ends.
  std::uint64_t fresh(Feed::Look how, Clock::time_point until);

  // Why the tables cannot be read now; empty where they can.
  std::string trouble();
  // Why the state file cannot be written; empty where it can.
  std::string state_trouble();
  Feed::Count looks();
  // What does not go on though it should: the following of the tables, or devices; empty where all does.
  std::string stuck();

  // Ends: what devices are in the middle of is finished, for a while. No more calls work afterwards.
  void stop();

private:
  void follow();
  void look_safely(Feed::Look how);
  void note_failure(const char *what) noexcept;
  void look(Feed::Look how);
  void publish(const Moment &moment);
  void note_state(const Snapshot &snapshot, const std::string &why);
  void try_state();
  void ends_at(Clock::time_point moment);
  void look_again_at(Clock::time_point moment);
  Clock::time_point next_whole() const;

  std::shared_ptr<const Config> config_;
  const Log &log_;
  Slots slots_;
  Watch watch_;
  std::vector<std::unique_ptr<Keeper>> keepers_;
  Feed feed_; // of the following thread alone

  std::mutex lock_;
  std::condition_variable wake_, looked_;
  std::uint64_t asked_ = 0, done_ = 0; // looks: asked for, and what the last one began after
  bool whole_asked_ = false, begun_ = false, ending_ = false;
  std::uint64_t number_ = 0; // of the newest snapshot
  std::string trouble_, state_trouble_;
  Clock::time_point state_tried_, state_back_; // when the file was last tried; when it could be written again
  Feed::Count looks_;
  ErrorKind trouble_kind_ = ErrorKind::Table;
  Clock::time_point whole_at_, last_whole_, alive_, again_at_ = Clock::time_point::max();
  std::thread thread_;
};

} // namespace banpush
