#include "app/http/metrics.hpp"

#include "app/http/exposition.hpp"
#include "app/record/spool_report.hpp"
#include "core/bans/ban.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Type = Exposition::Type;

constexpr std::size_t most_names = 20; // of jails, and of hosts
constexpr Seconds lately = day;

double number(bool value) { return value ? 1 : 0; }

// One device, asked once for all its metrics.
struct DeviceFacts {
  std::string name;
  Keeper::Progress progress;
  std::optional<std::size_t> entries; // nothing: the state file cannot be used
  std::optional<bool> is_paused;
  std::vector<Condition> conditions;
  std::vector<double> times;
};

std::vector<DeviceFacts> devices_of(Daemon &service, State &state) {
  std::map<std::string, std::size_t> entries;
  for (const State::Known &one : state.devices())
    entries[one.name] = one.entries;
  std::vector<DeviceFacts> all;
  for (const auto &keeper : service.keepers()) {
    const std::string &name = keeper->name();
    all.push_back({name, keeper->progress(), entries[name], state.paused(name).has_value(), state.plain_conditions(name),
                   state.times_to_block(name, lately)});
  }
  if (!state.trouble().empty())
    for (DeviceFacts &one : all)
      one.entries.reset(), one.is_paused.reset();
  return all;
}

double quantile(const std::vector<double> &ascending, double share) {
  return ascending[std::min(ascending.size() - 1, static_cast<std::size_t>(share * static_cast<double>(ascending.size())))];
}

class Page {
public:
  void tables(Daemon &service) {
    const Feed::Count looks = service.looks();
    out_.metric("banpush_table_up", Type::Gauge, "Whether the ban tables can be read.");
    out_.value(number(service.trouble().empty()));
    out_.metric("banpush_state_up", Type::Gauge, "Whether the state file can be written.");
    out_.value(number(service.state_trouble().empty()));
    out_.metric("banpush_table_reads_total", Type::Counter,
                "Readings of the ban tables since the configuration was loaded, whole or of what is new.");
    out_.value(static_cast<double>(looks.whole), {{"kind", "whole"}});
    out_.value(static_cast<double>(looks.news), {{"kind", "news"}});
  }

  void spool(const Config &config) {
    const nlohmann::json report = report_of_spool(config.spool).json;
    out_.metric("banpush_spool_rows", Type::Gauge,
                "Bans on this host's disk that a table has not taken: waiting for it, or refused by it.");
    for (const char *kind : {"waiting", "refused"})
      out_.value(report.value(kind, 0.0), {{"kind", kind}});
  }

  template <typename Value>
  void each(std::string_view name, Type type, std::string_view help, const std::vector<DeviceFacts> &devices, Value value) {
    out_.metric(name, type, help);
    for (const DeviceFacts &one : devices)
      if (const std::optional<double> is = value(one))
        out_.value(*is, {{"device", one.name}});
  }

  void devices(const std::vector<DeviceFacts> &devices) {
    using Is = std::optional<double>;
    const auto now = Clock::now();
    each("banpush_device_entries", Type::Gauge, "Entries on the device as it was last read.", devices,
         [](const auto &one) { return one.entries ? Is(static_cast<double>(*one.entries)) : Is(); });
    each("banpush_device_up", Type::Gauge, "Whether the last attempt to bring the device up to date came to an end without failure.",
         devices, [](const auto &one) { return one.progress.last ? Is(number(one.progress.last->outcome != Outcome::Failed)) : Is(); });
    each("banpush_device_failures", Type::Gauge, "Attempts that have failed one after the other.", devices,
         [](const auto &one) { return Is(one.progress.failures); });
    each("banpush_device_paused", Type::Gauge, "Whether the device is left alone because somebody said so.", devices,
         [](const auto &one) { return one.is_paused ? Is(number(*one.is_paused)) : Is(); });
    each("banpush_device_read_age_seconds", Type::Gauge, "How long ago the device was read.", devices, [&](const auto &one) {
      return one.progress.read == Clock::time_point{} ? Is() : Is(std::chrono::duration<double>(now - one.progress.read).count());
    });
    each("banpush_device_attempt_duration_seconds", Type::Gauge, "How long the last attempt took.", devices,
         [](const auto &one) { return one.progress.last ? Is(one.progress.last->seconds) : Is(); });
    each("banpush_device_block_delay_median_seconds", Type::Gauge,
         "From a ban's creation to the device's read-back, of the entries of the last day: half were faster.", devices,
         [](const auto &one) { return one.times.empty() ? Is() : Is(quantile(one.times, 0.5)); });
    each("banpush_device_block_delay_p99_seconds", Type::Gauge, "The same; 99 of 100 were faster.", devices,
         [](const auto &one) { return one.times.empty() ? Is() : Is(quantile(one.times, 0.99)); });
    out_.metric("banpush_device_condition", Type::Gauge,
                "What holds of a device that a person has to know of: failing, unreachable, a list that is gone, a guard that holds.");
    for (const DeviceFacts &one : devices)
      for (const Condition &condition : one.conditions)
        out_.value(1, {{"device", one.name}, {"condition", condition.name}});
  }

  void figures(const Figures &figures) {
    names("banpush_day_bans", "Bans of the last 24 hours, by jail: the largest, and the others together.", "jail", figures.day.jails);
    names("banpush_day_host_bans", "Bans of the last 24 hours, by the host that reported them: the largest, and the others together.",
          "host", figures.day.hosts);
    out_.metric("banpush_day_addresses", Type::Gauge, "Addresses that were banned within the last 24 hours.");
    out_.value(static_cast<double>(figures.day.addresses));
    out_.metric("banpush_bad_rows", Type::Gauge, "Rows of the tables that are no bans.");
    out_.value(static_cast<double>(figures.bad_rows));
  }

  void names(std::string_view name, std::string_view help, const char *label,
             const std::vector<std::pair<std::string, std::size_t>> &counts) {
    std::map<std::string, std::size_t> as_shown; // two names may look the same
    for (const auto &[key, count] : counts)
      as_shown[shown(key, 100)] += count;
    out_.metric(name, Type::Gauge, help);
    for (const auto &[key, count] : largest({as_shown.begin(), as_shown.end()}, most_names))
      out_.value(static_cast<double>(count), {{label, key}});
  }

  template <typename Value>
  void each(std::string_view name, std::string_view help, const std::vector<FeedFacts> &feeds, Value value) {
    out_.metric(name, Type::Gauge, help);
    for (const FeedFacts &one : feeds)
      if (const std::optional<double> is = value(one))
        out_.value(*is, {{"feed", one.part.name}});
  }

  void feeds(const std::vector<FeedFacts> &feeds) {
    using Is = std::optional<double>;
    each("banpush_feed_up", "Whether the feed is handed out.", feeds, [](const auto &one) { return Is(number(one.withheld.empty())); });
    each("banpush_feed_entries", "Entries of the feed.", feeds,
         [](const auto &one) { return one.withheld.empty() ? Is(static_cast<double>(one.entries)) : Is(); });
    each("banpush_feed_changed_timestamp_seconds", "When the feed changed last.", feeds,
         [](const auto &one) { return one.withheld.empty() ? Is(static_cast<double>(one.changed)) : Is(); });
    each("banpush_feed_fetched_timestamp_seconds", "When the feed was fetched last since the service was started.", feeds,
         [](const auto &one) { return one.fetched == 0 ? Is() : Is(static_cast<double>(one.fetched)); });
    each("banpush_feed_fetch_delay_seconds", "From the last change that was fetched to its first fetch: a ban blocks there so much later.",
         feeds, [](const auto &one) { return one.waited; });
    each("banpush_feed_unfetched_seconds", "For how long the feed as it is now has not been fetched; until then nothing new of it blocks.",
         feeds, [](const auto &one) {
           return one.withheld.empty() ? Is(one.is_current ? 0.0 : std::max(0.0, std::difftime(std::time(nullptr), one.changed))) : Is();
         });
  }

  void answers(const AnswerCounts &answers) {
    out_.metric("banpush_http_requests_total", Type::Counter,
                "Requests over HTTP since the service was started, by what was asked for and the status of the answer.");
    for (const auto &[key, count] : answers)
      out_.value(static_cast<double>(count), {{"offer", key.first}, {"code", std::to_string(key.second)}});
  }

  const std::string &text() const { return out_.text(); }

private:
  Exposition out_;
};

} // namespace

std::string metrics(Daemon *service, State &state, const Figures *figures, const std::vector<FeedFacts> &feeds,
                    const AnswerCounts &answers) {
  Page page;
  if (service != nullptr) {
    page.tables(*service);
    page.spool(service->config());
    page.devices(devices_of(*service, state));
  }
  const bool is_read = service == nullptr || service->trouble().empty();
  if (figures != nullptr && figures->trouble.empty() && is_read) // of tables that cannot be read nothing is known now
    page.figures(*figures);
  page.feeds(feeds);
  page.answers(answers);
  return page.text();
}

} // namespace banpush
