#include "app/commands.hpp"
#include "app/commands/pass.hpp"
#include "app/serve/daemon.hpp"
#include "app/serve/doorbell.hpp"
#include "app/serve/notify.hpp"
#include "app/serve/requests.hpp"
#include "app/turn.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::size_t most_callers = 64;                // at a time; the others wait in the socket's queue
constexpr std::chrono::minutes longest_look{5};         // a thread that reads tables and shows no life for longer is stuck
constexpr std::chrono::seconds patience_for_a_pass{60}; // that was under way when the service started
constexpr std::chrono::seconds patience_for_callers{2}; // until their request is whole

// To the log: with a level where systemd's journal reads it (sd-daemon(3)).
void say(const std::string &text) {
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  std::fputs(fmt::format("{}banpush: {}\n", journal ? "<6>" : "", shown(text, 2000)).c_str(), stderr);
}

// Blocked in every thread, and read in one place.
Descriptor signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

Turn take_turn(const Config &config, const Console &console) {
  if (auto turn = Turn::attempt(config.state))
    return std::move(*turn);
  console.note("another push is under way; waiting for it to end");
  if (auto turn = Turn::within(config.state, patience_for_a_pass))
    return std::move(*turn);
  throw Error(ErrorKind::Usage, fmt::format("another banpush serves already, or pushes for more than {} s: {}.turn is taken",
                                            patience_for_a_pass.count(), config.state));
}

// The service that runs now; another one after a reload.
class Running {
public:
  explicit Running(Settings settings) : settings_(std::move(settings)), trace_(trace_to(settings_.trace)) {}
  ~Running() { stop(); }

  void start(Config config) {
    auto service = std::make_shared<Daemon>(std::make_shared<const Config>(std::move(config)), say, trace_);
    const std::lock_guard lock(lock_);
    service_ = std::move(service);
  }

  // Null while one configuration goes and the next one comes.
  std::shared_ptr<Daemon> service() {
    const std::lock_guard lock(lock_);
    return service_;
  }

  // In a thread of its own: reads the configuration whole, and only then ends what runs. Asked for meanwhile, it does
  // so once more.
  void reload() {
    {
      const std::lock_guard lock(lock_);
      reload_asked_ = true;
      if (std::exchange(reloading_, true))
        return;
    }
    notify_reloading();
    if (thread_.joinable())
      thread_.join();
    thread_ = std::thread([this] {
      while (takes_reload())
        read_anew();
      notify_ready("reloaded");
    });
  }

  void stop() {
    if (thread_.joinable())
      thread_.join();
    if (const auto ending = take())
      ending->stop();
  }

private:
  bool takes_reload() {
    const std::lock_guard lock(lock_);
    reloading_ = std::exchange(reload_asked_, false);
    return reloading_;
  }

  void read_anew() {
    try {
      swap(load_all(settings_));
      say("the configuration is read anew");
    } catch (const std::exception &error) {
      say(fmt::format("the configuration stays as it was: {}", error.what()));
    }
  }

  std::shared_ptr<Daemon> take() {
    const std::lock_guard lock(lock_);
    return std::exchange(service_, nullptr);
  }

  void swap(Config config) {
    const auto before = take();
    if (config.serve.socket != before->config().serve.socket || config.state != before->config().state)
      say("serve.socket and state are those of the start until the service is started anew");
    before->stop();
    start(std::move(config));
  }

  Settings settings_;
  Trace trace_;
  std::mutex lock_;
  std::shared_ptr<Daemon> service_;
  bool reload_asked_ = false, reloading_ = false;
  std::thread thread_;
};

// Callers, each answered in a thread of its own.
class Callers {
public:
  explicit Callers(Running &running) : running_(running) {}

  bool full() {
    callers_.remove_if([](Caller &caller) {
      if (!caller.done)
        return false;
      caller.thread.join();
      return true;
    });
    return callers_.size() >= most_callers;
  }

  void take(Descriptor socket) {
    Caller &caller = callers_.emplace_back();
    caller.thread = std::thread([this, &caller, socket = std::move(socket)] {
      serve(socket.get());
      caller.done = true;
    });
  }

  ~Callers() {
    for (Caller &caller : callers_)
      caller.thread.join();
  }

private:
  struct Caller {
    std::thread thread;
    std::atomic<bool> done = false;
  };

  void serve(int socket) {
    const auto user = user_of(socket);
    const auto request = read_request(socket, patience_for_callers);
    if (!user || !request)
      return;
    const auto service = running_.service();
    const auto reply =
        service ? answer(*service, *request, *user) : nlohmann::json{{"refused", "the configuration is being read anew; ask again"}};
    if (reply)
      send_answer(socket, *reply);
  }

  Running &running_;
  std::list<Caller> callers_;
};

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

bool is_alive(Running &running) {
  const auto service = running.service();
  return !service || Clock::now() - service->alive() < longest_look;
}

void go_round(Running &running, const Doorbell &doorbell, int signal_descriptor) {
  Callers callers(running);
  const auto watchdog = watchdog_interval();
  const int beat = watchdog ? static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(*watchdog).count() / 3) : -1;
  for (;;) {
    const bool full = callers.full();
    std::array<pollfd, 2> watched{{{signal_descriptor, POLLIN, 0}, {full ? -1 : doorbell.descriptor(), POLLIN, 0}}};
    ::poll(watched.data(), watched.size(), full ? 50 : beat);
    const Signal signal = signal_in(signal_descriptor);
    if (signal == Signal::End)
      break;
    if (signal == Signal::Reload)
      running.reload();
    if ((watched[1].revents & POLLIN) != 0)
      if (Descriptor caller = doorbell.accept())
        callers.take(std::move(caller));
    if (watchdog && is_alive(running))
      notify_alive();
  }
  notify_stopping();
  say("ending: what devices are in the middle of is finished");
  running.stop();
}

} // namespace

int serve(const Settings &settings) {
  const Descriptor signal_descriptor = signals();
  Config config = load_all(settings);
  const Turn turn = take_turn(config, settings.console);
  const Doorbell doorbell(config.serve.socket);
  Running running(settings);
  const std::size_t devices = config.devices.size();
  running.start(std::move(config));
  say(fmt::format("serving {} device{}", devices, devices == 1 ? "" : "s"));
  notify_ready(fmt::format("{} devices", devices));
  go_round(running, doorbell, signal_descriptor.get());
  return 0;
}

} // namespace banpush
