// Who is told, away from this host, of what a person has to know: a program or a web server, by one message for all that has begun
// and ended since the one before.
#pragma once

#include "app/alert/alert_sender.hpp"
#include "app/state/condition.hpp"
#include "app/words/log.hpp"
#include "settings/config.hpp"

#include <chrono>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace banpush {

class Alerts {
public:
  // Nobody is told before configure(). The log outlives this. Throws where no thread can be had.
  explicit Alerts(const Log &log);
  Alerts(const Alerts &) = delete;
  Alerts &operator=(const Alerts &) = delete;
  // A message that is under way is given up.
  ~Alerts();

  // Another configuration holds: who is told, and which devices there are. What is known of the others is over, and nobody is told.
  void configure(std::shared_ptr<const Config> config);

  // All that is so of a source now: a device by its name, or the service itself (empty). What is not among these any more is over.
  // Nothing is taken of a device that the configuration does not have.
  void set(const std::string &source, const std::vector<Condition> &conditions);
  // One condition of the service itself; an empty text: it is not so.
  void set_own(const std::string &name, const std::string &text);

  // Why the last message did not arrive; empty: it did, or there was none.
  std::string trouble();

private:
  using Clock = std::chrono::steady_clock;
  // Source, and the name of the condition; those of the last attempt are one, whatever its failure is.
  using Key = std::pair<std::string, std::string>;

  struct Known {
    std::string name, text;
    std::time_t since = 0;
    Clock::time_point begun;
    bool due = false;  // it was so for long enough: it is told, even if it is over by then
    bool told = false; // that it has begun
    bool over = false;
  };
  using Told = std::vector<std::pair<Key, Known>>;
  // What one message says.
  struct Message {
    Told begins, ends;
    bool is_empty() const { return begins.empty() && ends.empty(); }
  };

  void put(const std::string &source, const Condition &condition);
  void run();
  void go_round(std::unique_lock<std::mutex> &lock);
  bool is_wanted(const Known &known) const;
  void make_due();
  Clock::time_point next_moment() const;
  Message message() const;
  void send(const Message &message, std::unique_lock<std::mutex> &lock);
  void mark(const Message &message);

  const Log &log_;
  std::mutex lock_;
  std::condition_variable wake_;
  std::shared_ptr<const Config> config_;
  std::map<Key, Known> known_;
  Clock::time_point not_before_{}; // the next message
  std::string trouble_;
  bool ending_ = false;
  AlertSender sender_;
  std::thread thread_;
};

} // namespace banpush
