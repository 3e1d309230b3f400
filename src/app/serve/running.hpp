// The service that runs now; another one after a reload.
#pragma once

#include "app/serve/daemon.hpp"
#include "app/world/world.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace banpush {

class Running {
public:
  // Serves at once. The log outlives this, and takes the form that a configuration says. Throws where no thread can be had.
  Running(Settings settings, Config config, Log &log);
  Running(const Running &) = delete;
  Running &operator=(const Running &) = delete;
  ~Running();

  // Null while one configuration goes and the next one comes.
  std::shared_ptr<Daemon> service();

  // Has the configuration read anew, behind the caller's back: all of it, with all that is needed to serve it, before what
  // runs is ended. Asked for meanwhile, it is done once more.
  void reload();

  // Called each time another configuration is served, briefly, and with a lock held: nothing of this is to be called in it. An
  // empty one: nothing is called any more.
  void when_swapped(std::function<void()> then);

  // Why HTTP is not answered as the configuration says; empty: it is, or is not wanted. Kept here for who asks for the status.
  void http_trouble(std::string why);
  std::string http_trouble();
  // Why nobody is told of what a person has to know, though somebody is to be.
  std::string alert_trouble() { return alerts_.trouble(); }

  // Why nothing is served though it should be, empty where all is well: what a watchdog asks.
  std::string stuck();

  // What devices are in the middle of is finished first.
  void stop();

private:
  void follow();
  void read_anew();
  void swap(Config config);
  std::shared_ptr<Daemon> made(Config config);
  std::shared_ptr<Daemon> take();

  const Settings settings_;
  Log &log_;
  const Trace trace_;
  Alerts alerts_;
  std::mutex lock_;
  std::condition_variable wake_;
  std::shared_ptr<Daemon> service_;
  Clock::time_point gone_since_{}; // where service_ is null
  bool reload_asked_ = false, ending_ = false;
  std::function<void()> swapped_;
  std::string http_trouble_;
  std::thread thread_; // reads the configuration anew; there from the start, because later there may be none to have
};

} // namespace banpush
