#include "app/request/push_request.hpp"

#include "app/state/state.hpp"
#include "app/state/turn.hpp"
#include "transport/descriptor.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace banpush {

namespace {

// Longer than any device is waited for.
constexpr std::chrono::seconds patience{15 * 60};

// This program once more, with its descriptors as told before start().
class Again {
public:
  Again() {
    posix_spawn_file_actions_init(&files_);
    posix_spawnattr_init(&attributes_);
  }
  Again(const Again &) = delete;
  Again &operator=(const Again &) = delete;
  ~Again() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&files_);
  }

  void silent(int standard) { posix_spawn_file_actions_addopen(&files_, standard, "/dev/null", O_RDWR, 0); }
  void give(int descriptor, int as) { posix_spawn_file_actions_adddup2(&files_, descriptor, as); }
  void close_from(int first) { posix_spawn_file_actions_addclosefrom_np(&files_, first); }
  void detach() { posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID); } // what ends its caller's group does not end it

  // Throws Error (Connect).
  pid_t start(std::vector<std::string> words) {
    words.insert(words.begin(), "banpush");
    std::vector<char *> argv;
    for (std::string &word : words)
      argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t child = 0;
    if (const int error = posix_spawn(&child, "/proc/self/exe", &files_, &attributes_, argv.data(), environ); error != 0)
      throw Error(ErrorKind::Connect, fmt::format("no process could be started to push: {}", std::strerror(error)));
    return child;
  }

private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

// A process of its own that has the turn from us. It says nothing: what it does is in the audit.
void start_behind(const Settings &settings, Turn &turn) {
  Again again;
  for (const int standard : {0, 1, 2})
    again.silent(standard);
  again.give(turn.descriptor(), 3);
  again.close_from(4);
  again.detach();
  turn.hand_to(again.start({"--config", settings.config, "push", "--turn", "3"}));
}

std::string everything_from(int descriptor) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer, sizeof buffer);
    if (got > 0)
      text.append(buffer, static_cast<std::size_t>(got));
    else if (got == 0 || errno != EINTR)
      return text;
  }
}

// What the one process that pushes says of it; its errors are on our stderr by then.
nlohmann::json pushed_by_another(const Settings &settings, const Prefix &prefix) {
  Pipe out = make_pipe();
  Again again;
  again.silent(0);
  again.give(out.write.get(), 1);
  again.close_from(3);
  std::vector<std::string> words{"--config", settings.config, "push", "--shows", prefix.text()};
  if (!settings.trace.empty())
    words.insert(words.end(), {"--trace", settings.trace});
  const pid_t child = again.start(std::move(words));
  out.write.reset();
  const auto answer = nlohmann::json::parse(everything_from(out.read.get()), nullptr, false);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  if (answer.is_discarded() || !answer.contains("devices"))
    throw Error(ErrorKind::Connect, WIFSIGNALED(status) ? fmt::format("the process that pushed was ended by signal {}", WTERMSIG(status))
                                                        : std::string("it was not pushed"));
  return answer;
}

Waited waited_for(const nlohmann::json &answer) {
  Waited waited;
  waited.seconds = answer.value("seconds", 0.0);
  for (const auto &one : answer.at("devices"))
    waited.devices.push_back({one.at("device"), one.at("outcome"), one.at("error"),
                              one.at("shows").is_boolean() ? std::optional{one.at("shows").get<bool>()} : std::nullopt,
                              one.value("why", ""), one.value("held", false), one.value("paused", false)});
  return waited;
}

} // namespace

void ask_for_push(const Settings &settings, const Config &config) {
  try {
    if (tell_service(config, {{"do", "look"}}))
      return;
  } catch (const Error &error) {
    settings.console.warn(error.what());
  }
  std::optional<Turn> turn;
  try {
    State(config.state).request();
    turn = Turn::attempt(config.state);
  } catch (const Error &error) { // recorded it is, whoever may push
    settings.console.warn(
        fmt::format("no service runs, and no push can be started from here; the next one takes it along: {}", error.what()));
    return;
  }
  if (!turn)
    return;
  try {
    load_all(settings); // whoever pushes behind us could tell nobody
  } catch (const Error &error) {
    settings.console.warn(fmt::format("no device is told until this is mended: {}", error.what()));
    return;
  }
  try {
    start_behind(settings, *turn);
  } catch (const Error &error) {
    settings.console.warn(fmt::format("{}; the next push takes it along", error.what()));
  }
}

StillWaiting saying_whom(const Settings &settings, const Config &config, std::chrono::seconds patience) {
  return [&settings, state = config.state, patience] {
    settings.console.note(
        fmt::format("{} has not answered yet; waiting for it, at most {}", Turn::holder(state), duration(patience.count())));
  };
}

Waited push_and_wait(const Settings &settings, const Config &config, const Prefix &prefix) {
  const auto answer = ask_service(config, {{"do", "wait"}, {"prefix", prefix.text()}}, patience, saying_whom(settings, config, patience));
  return waited_for(answer ? *answer : pushed_by_another(settings, prefix));
}

} // namespace banpush
