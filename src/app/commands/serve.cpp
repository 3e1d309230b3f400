#include "app/commands/commands.hpp"
#include "app/http/server.hpp"
#include "app/request/doorbell.hpp"
#include "app/serve/callers.hpp"
#include "app/serve/descriptor_limit.hpp"
#include "app/serve/notify.hpp"
#include "app/serve/running.hpp"
#include "app/site/list_files.hpp"
#include "app/state/turn.hpp"
#include "app/words/log.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::chrono::milliseconds pause_without_descriptors{500};

void block(const std::vector<int> &numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers)
    sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// Blocked in every thread, and read in one place.
Descriptor signals() {
  block({SIGTERM, SIGINT, SIGHUP});
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&set, number);
  std::signal(SIGPIPE, SIG_IGN);
  return Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

enum class Signal { None, End, Reload };

Signal signal_in(int descriptor) {
  signalfd_siginfo info{};
  Signal found = Signal::None;
  while (::read(descriptor, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo != SIGHUP)
      return Signal::End;
    found = Signal::Reload;
  }
  return found;
}

// The thread that takes signals and callers. It ends for a signal alone.
class Round {
public:
  Round(Running &running, const Doorbell &doorbell, int signal_descriptor, const Log &log)
      : running_(running), doorbell_(doorbell), signals_(signal_descriptor), log_(log), callers_(running), watchdog_(watchdog_interval()) {}

  void go() {
    while (!ended_)
      try {
        once();
      } catch (const std::exception &error) { // no memory for one caller or line is not everybody's end
        say_once(Event::ServiceTrouble, error.what());
        ::poll(nullptr, 0, static_cast<int>(pause_without_descriptors.count()));
      }
  }

private:
  void once() {
    const bool takes = Clock::now() >= takes_again_ && !callers_.full();
    std::array<pollfd, 2> watched{{{signals_, POLLIN, 0}, {takes ? doorbell_.descriptor() : -1, POLLIN, 0}}};
    const int wait = takes ? beat() : Clock::now() < takes_again_ ? static_cast<int>(pause_without_descriptors.count()) : 50;
    if (::poll(watched.data(), watched.size(), wait) < 0 && errno != EINTR)
      throw Error(ErrorKind::Connect, fmt::format("poll: {}", std::strerror(errno)));
    const Signal signal = signal_in(signals_);
    ended_ = signal == Signal::End;
    if (ended_)
      return;
    if (signal == Signal::Reload)
      running_.reload();
    if ((watched[1].revents & POLLIN) != 0)
      take_caller();
    feed_watchdog();
  }

  // Milliseconds until the watchdog is to be fed; below zero: never.
  int beat() const {
    return watchdog_ ? static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(*watchdog_).count() / 3) : -1;
  }

  // Who cannot be taken stays in the queue, and poll() would say so at once, again and again.
  void take_caller() {
    Descriptor caller = doorbell_.accept();
    if (caller) {
      callers_.take(std::move(caller));
      return said_.clear();
    }
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
      return;
    takes_again_ = Clock::now() + pause_without_descriptors;
    say_once(Event::CallerWaits, fmt::format("a caller has to wait: {}", std::strerror(errno)));
  }

  void feed_watchdog() {
    if (!watchdog_)
      return;
    if (const std::string stuck = running_.stuck(); stuck.empty())
      notify_alive();
    else
      say_once(Event::ServiceStuck, fmt::format("the watchdog is not fed: {}", stuck));
  }

  void say_once(Event event, const std::string &text) {
    if (std::exchange(said_, text) != text)
      log_.say({event, text});
  }

  Running &running_;
  const Doorbell &doorbell_;
  const int signals_;
  const Log &log_;
  Callers callers_;
  const std::optional<std::chrono::microseconds> watchdog_;
  Clock::time_point takes_again_{};
  std::string said_; // the last trouble that the log has
  bool ended_ = false;
};

void serve_with(const Settings &settings, Log &log) {
  Config config = load_all(settings);
  log.configure(config.serve.log);
  require_files_of_their_own(config);
  const Turn turn = Turn::for_service(config.state, [&](const std::string &text) { log.say({Event::ServiceWaits, text}); });
  const std::size_t devices = config.devices.size();
  const std::size_t needed = descriptors_needed(config), allowed = raise_descriptor_limit();
  log.say({needed <= allowed ? Event::Descriptors : Event::DescriptorsShort, descriptor_text(needed, allowed)});
  const Doorbell doorbell(config.serve.socket);
  const Descriptor signal_descriptor = signals();
  Running running(settings, std::move(config), log);
  log.say({Event::ServiceStarted, fmt::format("serving {} device{}", devices, devices == 1 ? "" : "s")});
  const HttpServer http(running, log);
  notify_ready(fmt::format("{} devices", devices));
  {
    Round round(running, doorbell, signal_descriptor.get(), log);
    round.go();
    notify_stopping();
    log.say({Event::ServiceEnding, "ending: what devices are in the middle of is finished"});
    running.stop();
  }
}

} // namespace

// Until it serves, SIGTERM and SIGINT end it as they end any program.
int serve(const Settings &settings) {
  block({SIGHUP});
  Log log(settings.console.json() ? std::optional(LogForm::Json) : std::nullopt);
  try {
    serve_with(settings, log);
    return 0;
  } catch (const std::exception &error) {
    if (log.is_for_people())
      throw;
    for (const std::string &part : parts_of(error.what()))
      log.say({Event::ServiceFailed, part});
    const auto *known = dynamic_cast<const Error *>(&error);
    const int status = known != nullptr ? exit_code_of(known->kind()) : 1;
    settings.console.give_error(error.what(), status);
    return status;
  }
}

} // namespace banpush
