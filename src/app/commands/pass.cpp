#include "app/commands/pass.hpp"

#include "app/turn.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banpush {

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

Report run_pass(const Settings &settings, Config &config, const Names &devices, const Order &order) {
  const auto meant = chosen(config, devices);
  Fetched fetched = fetch(config);
  State state(config.state);
  Site site(config, state, std::move(fetched.bans), std::move(fetched.protect));
  site.trace = trace_to(settings.trace);
  Report report = push_devices(site, meant, order);
  report.notes.insert(report.notes.end(), fetched.notes.begin(), fetched.notes.end());
  return report;
}

std::optional<Report> push_requested(const Settings &settings, const Config &config, long served) {
  State state(config.state);
  std::optional<Report> last;
  Order order;
  order.actor = actor();
  // Looked at again once the turn is given up: who asked while it was held found it taken and went away.
  while (!state.trouble().empty() ? !last : state.requested() > served) {
    const auto turn = Turn::attempt(config.state);
    if (!turn)
      return last;
    served = state.requested();
    Config fresh = config; // the table's allowlist is read anew
    last = run_pass(settings, fresh, {}, order);
  }
  return last;
}

std::optional<Report> push_in_turn(const Settings &settings, const Config &config) {
  const long mine = State(config.state).request();
  return push_requested(settings, config, mine - 1);
}

} // namespace banpush
