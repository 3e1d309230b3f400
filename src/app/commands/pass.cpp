#include "app/commands/pass.hpp"

#include "app/serve/doorbell.hpp"
#include "app/spool.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banpush {

namespace {

// Longer than any device is waited for.
constexpr std::chrono::seconds patience{15 * 60};

} // namespace

Trace trace_to(const std::string &path) {
  if (path.empty())
    return {};
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0)
    throw Error(ErrorKind::Usage, fmt::format("--trace {}: {}", path, std::strerror(errno)));
  struct Sink {
    std::FILE *file;
    std::mutex lock;
    explicit Sink(std::FILE *opened) : file(opened) {}
    Sink(const Sink &) = delete;
    Sink &operator=(const Sink &) = delete;
    ~Sink() { std::fclose(file); }
  };
  auto sink = std::make_shared<Sink>(::fdopen(descriptor, "w"));
  return [sink](std::string_view direction, std::string_view bytes) {
    const std::lock_guard lock(sink->lock);
    std::fprintf(sink->file, "%.*s %.*s\n", static_cast<int>(direction.size()), direction.data(), static_cast<int>(bytes.size()),
                 bytes.data());
    std::fflush(sink->file);
  };
}

namespace {

// The tables; where they cannot be had, and bans wait that a single host may decide, those.
Fetched fetch_for(Config &config, Order &order) {
  if (order.depth != Depth::Push)
    return fetch(config);
  try {
    const auto tables = open_all(config);
    if (spool_waits(config.spool)) {
      Spool spool(config.spool);
      deliver(spool, config.spool, tables);
    }
    Fetched fetched = fetch_rows(config, tables);
    keep_copies(config.spool, fetched);
    fetched.protect = protected_set(config, fetched);
    return fetched;
  } catch (const Unreachable &error) {
    if (!spool_waits(config.spool))
      throw;
    Spool spool(config.spool);
    auto spooled = fetch_spooled(config, spool);
    if (!spooled)
      throw;
    order.only_adds = true;
    spooled->notes.push_back(fmt::format("only what waits in the spool is pushed, and nothing taken away: {}", error.what()));
    return std::move(*spooled);
  }
}

bool shows(const DeviceReport &report, const Prefix &prefix) {
  return report.plan && (report.outcome == Outcome::Changed || report.outcome == Outcome::InSync) &&
         std::any_of(report.plan->wanted.begin(), report.plan->wanted.end(),
                     [&](const Wanted &one) { return one.candidate.block.prefix.contains(prefix); });
}

Waited waited_for(const nlohmann::json &answer) {
  Waited waited;
  waited.seconds = answer.value("seconds", 0.0);
  for (const auto &one : answer.at("devices"))
    waited.devices.push_back({one.at("device"), one.at("outcome"), one.at("error"), one.at("shows")});
  return waited;
}

// A process of its own that has the turn from us. It says nothing: what it does is in the audit.
void start_behind(const Settings &settings, const Turn &turn) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (const int standard : {0, 1, 2})
    posix_spawn_file_actions_addopen(&files, standard, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&files, turn.descriptor(), 3);
  posix_spawn_file_actions_addclosefrom_np(&files, 4);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID); // what ends its caller's group does not end it
  std::string program = "/proc/self/exe", config = settings.config;
  std::vector<std::string> words{"banpush", "--config", config, "push", "--turn", "3"};
  std::vector<char *> argv;
  for (std::string &word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawn(&child, program.c_str(), &files, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0)
    settings.console.warn(fmt::format("no process could be started to push: {}; the next push takes it along", std::strerror(error)));
}

} // namespace

Report run_pass(const Settings &settings, Config &config, const Names &devices, const Order &asked) {
  const auto meant = chosen(config, devices);
  Order order = asked;
  Fetched fetched = fetch_for(config, order);
  State state(config.state);
  const std::size_t bad_rows = fetched.bans.bad_rows();
  Site site(config, state, std::move(fetched.bans), std::move(fetched.protect));
  site.trace = trace_to(settings.trace);
  Report report = push_devices(site, meant, order);
  report.table_gone = order.only_adds;
  report.bad_rows = bad_rows;
  report.notes.insert(report.notes.end(), fetched.notes.begin(), fetched.notes.end());
  return report;
}

std::optional<Report> push_requested(const Settings &settings, const Config &config, long served) {
  auto turn = Turn::attempt(config.state);
  return turn ? push_requested(settings, config, served, std::move(*turn)) : std::nullopt;
}

std::optional<Report> push_requested(const Settings &settings, const Config &config, long served, Turn mine) {
  State state(config.state);
  std::optional<Report> last;
  Order order;
  order.actor = actor();
  std::optional<Turn> turn(std::move(mine));
  // Looked at again once the turn is given up: who asked while it was held found it taken and went away.
  while (turn && (!state.trouble().empty() ? !last : state.requested() > served)) {
    served = state.requested();
    Config fresh = config; // the table's allowlist is read anew
    last = run_pass(settings, fresh, {}, order);
    if (state.requested() > served)
      continue;
    turn.reset();
    if (state.requested() > served)
      turn = Turn::attempt(config.state);
  }
  return last;
}

void ask_for_push(const Settings &settings, const Config &config) {
  try {
    if (tell_service(config, {{"do", "look"}}))
      return;
  } catch (const Error &error) {
    settings.console.warn(error.what());
  }
  State(config.state).request();
  const auto turn = Turn::attempt(config.state);
  if (!turn)
    return;
  try {
    load_all(settings); // whoever pushes behind us could tell nobody
  } catch (const Error &error) {
    settings.console.warn(fmt::format("no device is told until this is mended: {}", error.what()));
    return;
  }
  start_behind(settings, *turn);
}

Waited push_and_wait(const Settings &settings, const Config &config, const Prefix &prefix) {
  const auto begin = std::chrono::steady_clock::now();
  if (const auto answer = ask_service(config, {{"do", "wait"}, {"prefix", prefix.text()}}, patience))
    return waited_for(*answer);
  auto turn = Turn::attempt(config.state);
  for (; !turn; turn = Turn::within(config.state, patience))
    if (const auto answer = ask_service(config, {{"do", "wait"}, {"prefix", prefix.text()}}, patience)) // it has come up meanwhile
      return waited_for(*answer);
  Config fresh = config;
  Order order;
  order.actor = actor();
  const long served = State(config.state).requested();
  const Report report = run_pass(settings, fresh, {}, order);
  Waited waited;
  for (const DeviceReport &one : report.devices)
    waited.devices.push_back({one.device, word(one.outcome), one.error, shows(one, prefix)});
  waited.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (State(config.state).requested() > served)
    ask_for_push(settings, config);
  return waited;
}

} // namespace banpush
