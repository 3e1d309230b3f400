#include "app/probes.hpp"

#include "app/site/side_by_side.hpp"
#include "core/error.hpp"
#include "transport/exec/local.hpp"
#include "transport/tcp.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace banpush {

namespace {

constexpr std::size_t most_threads = 8;
constexpr std::chrono::milliseconds pause_between{500};
constexpr std::chrono::seconds longest_retried{30};

// Why it does not answer; empty: it does.
std::string objection_of(const Probe &probe, std::chrono::milliseconds patience) {
  try {
    if (probe.command.empty()) {
      connect_tcp(probe.host, probe.port, patience, Cancellation());
      return {};
    }
    const Finished finished = LocalRunner().run({probe.command, {}, patience});
    return finished.exit == 0 ? std::string() : fmt::format("status {}: {}", finished.exit, shown(finished.errors, 120));
  } catch (const Error &error) {
    return error.what();
  }
}

} // namespace

Probes::Probes(const Config &config, const Device &device)
    : patience_(std::chrono::seconds(device.connect_timeout)),
      // The device's own time runs meanwhile, and the confirm has to come within it.
      retried_(std::min<std::chrono::milliseconds>(longest_retried, std::chrono::seconds(device.confirm) / 3)) {
  for (const TableSource &table : config.tables)
    if (table.kind == TableSource::Kind::Mysql && table.socket.empty())
      all_.push_back({fmt::format("table {} ({} port {})", table.name, table.host, table.port), {table.host, table.port, {}}, {}, false});
  for (const Probe &probe : device.probe)
    all_.push_back({probe.command.empty() ? fmt::format("probe {} port {}", probe.host, probe.port)
                                          : fmt::format("probe `{}`", fmt::join(probe.command, " ")),
                    probe,
                    {},
                    false});
}

void Probes::ask(std::vector<One *> those) const {
  for (One *one : those)
    one->objection = "it could not be asked";
  side_by_side(those.size(), most_threads, [&](std::size_t i) { those[i]->objection = objection_of(those[i]->probe, patience_); });
}

void Probes::look_before() {
  std::vector<One *> those;
  for (One &one : all_)
    those.push_back(&one);
  ask(those);
  for (One &one : all_)
    one.judged = one.objection.empty();
  is_looked_at_ = true;
}

void Probes::look_after() {
  const auto end = std::chrono::steady_clock::now() + retried_;
  std::vector<One *> those;
  for (One &one : all_)
    if (one.judged)
      those.push_back(&one);
  for (;;) {
    ask(those);
    std::erase_if(those, [](const One *one) { return one->objection.empty(); });
    if (those.empty())
      return;
    if (std::chrono::steady_clock::now() >= end)
      break;
    std::this_thread::sleep_for(pause_between);
  }
  std::vector<std::string> lost;
  for (const One *one : those)
    lost.push_back(fmt::format("{} answered before the change and does not now ({})", one->name, one->objection));
  throw Error(ErrorKind::Connect, fmt::format("{}", fmt::join(lost, "; ")));
}

std::vector<std::string> Probes::reached() const {
  std::vector<std::string> names;
  for (const One &one : all_)
    if (one.judged && one.objection.empty())
      names.push_back(one.name);
  return names;
}

std::vector<std::string> Probes::not_judged() const {
  std::vector<std::string> names;
  for (const One &one : all_)
    if (is_looked_at_ && !one.judged)
      names.push_back(fmt::format("{}: it did not answer before the change ({})", one.name, one.objection));
  return names;
}

} // namespace banpush
