#include "app/serve/descriptor_limit.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <sys/resource.h>

namespace banpush {

namespace {

// The log, signals, the socket, state and spool with what SQLite keeps beside them, and 64 callers with a file or two each.
constexpr std::size_t of_the_service = 256, of_a_table = 8;
// Connections over HTTP with a file each, tables and a state of their own.
constexpr std::size_t of_http = 192;
// Connection, cancellation, key and known hosts while logging in, the pipes of a command or a relay; twice, for the proof.
constexpr std::size_t of_a_device = 16, of_a_jump = 8;
constexpr rlim_t most = 1U << 20U; // as many as a kernel gives by default

} // namespace

std::size_t descriptors_needed(const Config &config) {
  std::size_t needed = of_the_service + of_a_table * config.tables.size() + (config.serve.http ? of_http : 0);
  for (const Device &device : config.devices)
    needed += of_a_device + (device.login.jump.empty() ? 0 : of_a_jump);
  return needed;
}

std::size_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 0;
  const rlimit raised{std::max(limit.rlim_cur, std::min(limit.rlim_max, most)), limit.rlim_max};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

std::string descriptor_text(std::size_t needed, std::size_t allowed) {
  if (needed <= allowed)
    return fmt::format("descriptors: at most {} needed for this configuration, {} allowed", needed, allowed);
  return fmt::format("descriptors: up to {} needed for this configuration, and only {} allowed: devices may fail for want of them; raise "
                     "LimitNOFILE of the unit, or `ulimit -Hn`",
                     needed, allowed);
}

} // namespace banpush
