// One device of the service: a thread, a session, and one push at a time.
#pragma once

#include "app/alert/alerts.hpp"
#include "app/push.hpp"
#include "app/serve/patience.hpp"
#include "app/serve/snapshot.hpp"
#include "app/site/slots.hpp"
#include "app/state/condition.hpp"
#include "app/words/log.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace banpush {

// What all keepers have in common; outlives them.
struct Watch {
  std::shared_ptr<const Config> config;
  Slots &slots;
  const Log &log;
  std::function<void(Clock::time_point)> ends_at;       // something that ends by itself, and cannot be followed: the tables are due then
  std::function<void(Clock::time_point)> look_again_at; // something is held until then at least
  Trace trace;
  Alerts &alerts;
  std::function<void(const Snapshot &, const std::string &)> note_state; // why the state file cannot be written
};

class Keeper {
public:
  Keeper(Watch &watch, const Device &device);
  Keeper(const Keeper &) = delete;
  Keeper &operator=(const Keeper &) = delete;
  ~Keeper();

  const std::string &name() const noexcept { return device_.name; }

  // There is something newer to work from. Whatever arrives during a push is taken along in one more.
  void offer(Moment moment);

  // What came of the first attempt to bring the device to this moment or a later one; at once where the device is
  // left alone after a failure. Nothing when that does not come in time.
  std::optional<DeviceReport> reached(std::uint64_t number, Clock::time_point until);

  // A push that a person asked for, whatever the device did before. Nothing when it does not come in time.
  std::optional<DeviceReport> push(const Order &order, std::uint64_t number, Clock::time_point until);

  // The same; where the device is left alone because a change waits to be confirmed, it is waited for, and pushed to then. The
  // report of the first where that is not over in time.
  std::optional<DeviceReport> push_when_settled(const Order &order, std::uint64_t number, Clock::time_point until);

  // Ends the session and waits until it is over; false when it is not in time.
  bool release(Clock::time_point until);

  // Whether it holds this prefix, or a wider one, in force; waits for a push under way. Nothing where it was not read since.
  std::optional<bool> holds(const Prefix &prefix, Clock::time_point since);

  // Whether what is due has not been begun, or what was begun has not ended, for longer than anything may take.
  bool is_stuck();

  // No more pushes, though the one under way is finished; cut(): not even that; join(): waits for it.
  void end();
  void cut();
  void join();

  struct Progress {
    bool working = false, open = false;
    unsigned failures = 0;
    double again_in = 0; // seconds, where it failed
    std::uint64_t reached = 0;
    std::uint64_t parts = 0;  // attempts for which only what has changed was computed
    double reading = 0;       // seconds of the processor that reading took in this session
    Clock::time_point read{}; // when an attempt began that read the device
    std::optional<DeviceReport> last;
  };
  Progress progress();

private:
  void run();
  void go_round(std::unique_lock<std::mutex> &lock);
  void give_up(std::unique_lock<std::mutex> &lock, const char *why);
  bool is_pending() const { return moment_.number != tried_ || patience_.failures() != 0 || paused_; }
  bool due(Clock::time_point now) const;
  Clock::time_point next_moment() const;
  void work(std::unique_lock<std::mutex> &lock);
  void close_session(std::unique_lock<std::mutex> &lock);
  void look_at_session(std::unique_lock<std::mutex> &lock);
  void look_at_this_host(std::unique_lock<std::mutex> &lock);
  bool entries_are_as_read();
  void set_up_again(Snapshot &snapshot, DeviceReport &report);
  DeviceReport attempt(Snapshot &snapshot, Order order);
  void note_outcome(const DeviceReport &report, const Snapshot &snapshot);
  void tell(const DeviceReport &report, const std::string &when);
  void say(Event event, const std::string &text, const std::string &of = {}) const;
  void say_changed(const Plan &plan, double seconds) const;
  std::string state_trouble(Snapshot &snapshot);
  void alert(Snapshot &snapshot, const DeviceReport &report);
  void note_ends(const DeviceReport &report, const Snapshot &snapshot);

  Watch &watch_;
  const Device &device_; // of watch_.config
  Kept kept_;            // of the thread alone
  Patience patience_;

  std::mutex lock_;
  std::condition_variable wake_, news_;
  Moment moment_;
  std::optional<Order> asked_;
  std::uint64_t asked_number_ = 0;
  std::uint64_t tried_ = 0, answered_ = 0, asked_count_ = 0, parts_ = 0;
  double reading_ = 0;
  Clock::time_point read_at_{};
  std::optional<DeviceReport> last_, answer_;
  std::string said_;                           // why the thread gave up, as far as the log has it
  std::vector<Condition> told_;                // what the log has of the device
  std::deque<Clock::time_point> set_up_at_;    // when it was set up again lately
  Clock::time_point seen_to_ = Clock::now();   // when the thread last went round
  std::optional<Clock::time_point> due_since_; // as is_stuck() saw it
  Clock::time_point not_before_, audit_at_, close_at_ = Clock::time_point::max(), look_at_ = Clock::time_point::max();
  bool working_ = false, open_ = false, release_ = false, ending_ = false, paused_ = false, lacks_list_ = false;
  bool ends_sessions_ = false;     // the device ends idle sessions, and had lost nothing then
  std::weak_ptr<Session> session_; // what cut() may cancel
  std::thread thread_;
};

} // namespace banpush
