#include "app/pass.hpp"

#include "app/blocking.hpp"
#include "app/record/waiting.hpp"
#include "app/request/doorbell.hpp"
#include "app/request/push_request.hpp"
#include "app/world/spool.hpp"
#include "files/open.hpp"

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

// Longer than any device is waited for.
constexpr std::chrono::seconds patience{15 * 60};

} // namespace

Trace trace_to(const std::string &path) {
  if (path.empty())
    return {};
  auto opened = open_anew(path, Shared::Nobody);
  if (!opened)
    throw Error(ErrorKind::Usage, fmt::format("--trace {}: {}", path, opened.error().text));
  struct Sink {
    std::FILE *file;
    std::mutex lock;
    explicit Sink(std::FILE *opened) : file(opened) {}
    Sink(const Sink &) = delete;
    Sink &operator=(const Sink &) = delete;
    ~Sink() { std::fclose(file); }
  };
  auto sink = std::make_shared<Sink>(::fdopen(opened->release(), "w"));
  return [sink](std::string_view direction, std::string_view bytes) {
    const std::lock_guard lock(sink->lock);
    std::fprintf(sink->file, "%.*s %.*s\n", static_cast<int>(direction.size()), direction.data(), static_cast<int>(bytes.size()),
                 bytes.data());
    std::fflush(sink->file);
  };
}

namespace {

// Takes what waits to the tables. What goes wrong is noted: the tables can be read all the same, or say themselves why not.
std::vector<std::string> empty_spool(Spool &spool, const Config &config, const std::vector<std::unique_ptr<BanTable>> &tables) {
  std::vector<std::string> notes;
  try {
    const Delivered delivered = deliver(spool, config, tables);
    for (const std::string &one : delivered.said())
      notes.push_back(one);
    for (const std::string &one : delivered.refused)
      notes.push_back("the table will never take what was spooled, and it was set aside: " + one);
    if (delivered.waits)
      notes.push_back(fmt::format("{} of the spool wait{}, and are pushed all the same: {}", spool.size(), spool.size() == 1 ? "s" : "",
                                  delivered.why_it_waits()));
  } catch (const Error &error) {
    notes.push_back(fmt::format("{}: {}", spool_cannot_be_used, error.what()));
  }
  return notes;
}

// The tables; where they cannot be had, and bans wait that a single host may decide, those.
Fetched fetch_for(Config &config, Order &order) {
  if (order.depth != Depth::Push)
    return fetch_with_waiting(config);
  const SpoolLook look = look_for_waiting(config.spool);
  try {
    const auto tables = open_all(config);
    std::vector<std::string> notes;
    if (look.spool)
      notes = empty_spool(*look.spool, config, tables);
    if (!look.trouble.empty())
      notes.push_back(look.trouble);
    Fetched fetched = fetch_rows(config, tables);
    if (look.spool)
      add_waiting_if_readable(fetched, config, *look.spool);
    keep_copies(config.spool, fetched);
    protect(config, fetched, known_protection(config, fetched));
    fetched.notes.insert(fetched.notes.end(), notes.begin(), notes.end());
    return fetched;
  } catch (const TableError &error) {
    if (!look.spool)
      throw;
    auto spooled = fetch_spooled(config, *look.spool);
    if (!spooled)
      throw;
    order.only_adds = true;
    spooled->notes.push_back(fmt::format("only what waits in the spool is pushed, and nothing taken away: {}", error.what()));
    return std::move(*spooled);
  }
}

} // namespace

namespace {

// One file for all passes of this process: a later one would cut off what sessions that are kept have written.
Trace trace_of_passes(const std::string &path) {
  static std::mutex opening;
  static std::map<std::string, Trace> opened;
  const std::lock_guard alone(opening);
  const auto known = opened.find(path);
  return known != opened.end() ? known->second : opened.emplace(path, trace_to(path)).first->second;
}

} // namespace

Report run_pass(const Settings &settings, Config &config, const Names &devices, const Order &asked, Sessions *sessions) {
  const auto meant = chosen(config, devices);
  Order order = asked;
  order.say = [&](const std::string &text) { settings.console.note(text); };
  Fetched fetched = fetch_for(config, order);
  require_protected_hosts(fetched.unknown_hosts);
  State state(config.state);
  const std::size_t bad_rows = fetched.bans.bad_rows();
  Site site(config, state, std::move(fetched.bans), std::move(fetched.protect));
  site.trace = trace_of_passes(settings.trace);
  Report report = sessions != nullptr ? push_devices(site, meant, order, *sessions) : push_devices(site, meant, order);
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
  Sessions sessions{config, {}}; // a burst of bans is one session to each device, however many passes it takes
  std::optional<Turn> turn(std::move(mine));
  // Looked at again once the turn is given up: who asked while it was held found it taken and went away.
  while (turn && (!state.trouble().empty() ? !last : state.requested() > served)) {
    served = state.requested();
    Config fresh = config; // the table's allowlist is read anew
    last = run_pass(settings, fresh, {}, order, &sessions);
    if (state.requested() > served)
      continue;
    turn.reset();
    if (state.requested() > served)
      turn = Turn::attempt(config.state);
  }
  return last;
}

nlohmann::json push_and_show(const Settings &settings, const Config &config, const Prefix &prefix) {
  const auto begin = std::chrono::steady_clock::now();
  auto turn = Turn::attempt(config.state, "ban");
  for (std::string said; !turn;) {
    if (const auto answer = ask_service(config, {{"do", "wait"}, {"prefix", prefix.text()}}, patience,
                                        saying_whom(settings, config, patience))) // it has come up meanwhile
      return *answer;
    const std::string waiting_for = fmt::format("{} has the turn; waiting for it to end", Turn::holder(config.state));
    if (std::exchange(said, waiting_for) != waiting_for)
      settings.console.note(waiting_for);
    turn = Turn::within(config.state, "ban", patience);
  }
  Config fresh = config;
  Order order;
  order.actor = actor();
  const long served = State(config.state).requested();
  const Report report = run_pass(settings, fresh, {}, order);
  turn.reset();
  nlohmann::json devices = nlohmann::json::array();
  for (const DeviceReport &one : report.devices)
    devices.push_back(to_json(one, blocking_of(one, prefix)));
  push_requested(settings, config, served);
  return {{"devices", std::move(devices)}, {"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()}};
}

} // namespace banpush
