#include "app/commands/commands.hpp"
#include "app/http/server.hpp"
#include "app/request/doorbell.hpp"
#include "app/serve/callers.hpp"
#include "app/serve/descriptor_limit.hpp"
#include "app/serve/notify.hpp"
#include "app/serve/running.hpp"
#include "app/site/list_files.hpp"
#include "app/state/turn.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::chrono::milliseconds pause_without_descriptors{500};

// Our own commands stand between backticks and a device's words between quotes, which shown() takes for somebody's attempt at
// a shell: a log is none.
std::string for_log(std::string_view text) {
  constexpr std::size_t most = 2000;
  std::string line;
  while (line.size() < most) {
    const std::size_t end = text.find_first_of("`\"");
    line += shown(text.substr(0, end), most);
    if (end == std::string_view::npos)
      break;
    line += text[end];
    text.remove_prefix(end + 1);
  }
  return line;
}

// To the log: with a level where systemd's journal reads it (sd-daemon(3)).
void say(const std::string &text) {
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  std::fputs(fmt::format("{}banpush: {}\n", journal ? "<6>" : "", for_log(text)).c_str(), stderr);
}

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
  Round(Running &running, const Doorbell &doorbell, int signal_descriptor)
      : running_(running), doorbell_(doorbell), signals_(signal_descriptor), callers_(running), watchdog_(watchdog_interval()) {}

  void go() {
    while (!ended_)
      try {
        once();
      } catch (const std::exception &error) { // no memory for one caller or line is not everybody's end
        say_once(error.what());
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
    say_once(fmt::format("a caller has to wait: {}", std::strerror(errno)));
  }

  void feed_watchdog() {
    if (!watchdog_)
      return;
    if (const std::string stuck = running_.stuck(); stuck.empty())
      notify_alive();
    else
      say_once(fmt::format("the watchdog is not fed: {}", stuck));
  }

  void say_once(const std::string &text) {
    if (std::exchange(said_, text) != text)
      say(text);
  }

  Running &running_;
  const Doorbell &doorbell_;
  const int signals_;
  Callers callers_;
  const std::optional<std::chrono::microseconds> watchdog_;
  Clock::time_point takes_again_{};
  std::string said_; // the last trouble that the log has
  bool ended_ = false;
};

} // namespace

// Until it serves, SIGTERM and SIGINT end it as they end any program.
int serve(const Settings &settings) {
  block({SIGHUP});
  Config config = load_all(settings);
  require_files_of_their_own(config);
  const Turn turn = Turn::for_service(config.state, settings.console);
  const std::size_t devices = config.devices.size();
  say(descriptor_text(descriptors_needed(config), raise_descriptor_limit()));
  const Doorbell doorbell(config.serve.socket);
  const Descriptor signal_descriptor = signals();
  Running running(settings, std::move(config), say);
  say(fmt::format("serving {} device{}", devices, devices == 1 ? "" : "s"));
  const HttpServer http(running, say);
  notify_ready(fmt::format("{} devices", devices));
  {
    Round round(running, doorbell, signal_descriptor.get());
    round.go();
    notify_stopping();
    say("ending: what devices are in the middle of is finished");
    running.stop();
  }
  return 0;
}

} // namespace banpush
