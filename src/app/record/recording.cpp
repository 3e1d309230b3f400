#include "app/record/recording.hpp"

#include "app/record/steps.hpp"

#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;
using Clock = BoundedWork::Clock;
using std::chrono::milliseconds;

// Since the beginning: until our disk must have answered, the table have it, our disk have it, and a push be asked for.
// fail2ban, which does nothing else meanwhile, is to have its answer within three seconds.
constexpr milliseconds looked_by{700}, table_by{1700}, spool_by{2500}, all_by{2800};
constexpr milliseconds mark_within{200};

std::string seconds_text(milliseconds time) { return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000); }

// One ban or unban under way. What may hang is done by a process that is left behind where it does (BoundedWork).
class Recording {
public:
  Recording(const Settings &settings, const Config &config, ToRecord what, AskForPush ask, BanGuard guard)
      : settings_(settings), config_(config), what_(std::move(what)), ask_(ask), guard_(std::move(guard)) {}

  // What was told when it had become durable, or {"waits": true}; "asked" says whether a push was asked for.
  Json done() {
    Json kept = durable();
    kept["waits"] = kept.at("step") == step::spooled;
    kept["asked"] = false;
    try {
      if (kept["waits"])
        settle(kept);
      const auto pushed = next(all_by);
      if (!pushed && ask_ == AskForPush::Yes)
        settings_.console.warn("a push could not be asked for in time; the next one takes it along");
      kept["asked"] = pushed && pushed->value("asked", false);
    } catch (const Error &error) { // it is durable, unless it was taken back or set aside
      if (error.kind() == ErrorKind::Guard || error.kind() == ErrorKind::Usage)
        throw;
      settings_.console.warn(error.what());
    }
    return kept;
  }

private:
  void start(void (*work)(Steps &)) {
    work_ = std::make_unique<BoundedWork>([&, work](const BoundedWork::Tell &tell) {
      Steps steps(settings_, config_, what_, decided_, ask_, guard_, tell);
      work(steps);
    });
  }

  std::optional<Json> next(milliseconds by) { return work_->next(begin_ + by); }

  // Who left it unjudged would have it delivered all the same, a moment later.
  void settle(Json &kept) {
    const auto judged = next(all_by);
    const auto settled = judged ? next(table_by) : std::nullopt;
    if (settled)
      kept.update(*settled);
    kept["waits"] = !settled || settled->value("waits", true);
    if (!settled)
      start([](Steps &steps) { steps.push(true); });
  }

  Json durable() {
    start([](Steps &steps) { steps.all(); });
    auto told = next(looked_by);
    if (!told)
      return without_spool();
    if (told->at("step") == step::looked)
      told = next(table_by);
    if (!told)
      return by_spool_alone(fmt::format("the ban table gave no answer within {}", seconds_text(table_by)));
    if (told->at("step") != step::refused)
      return *told;
    table_trouble(told->at("why"));
    return spooled();
  }

  // The spool's disk is stuck or locked: a table that answers is enough.
  Json without_spool() {
    settings_.console.warn(fmt::format("the spool {} gave no answer within {}", config_.spool, seconds_text(looked_by)));
    start([](Steps &steps) { steps.table_only(); });
    try {
      if (auto told = next(table_by)) {
        if (std::holds_alternative<SpooledUnban>(what_))
          (*told)["unread"] = may_wait();
        return *told;
      }
    } catch (const TableError &error) {
      if (error.retry() == Retry::Never)
        throw;
      return by_spool_alone(error.what());
    }
    return by_spool_alone(fmt::format("the ban table gave no answer within {}", seconds_text(table_by)));
  }

  // Whether anything may wait in the spool that gave no answer. Its mark may hang as it does.
  bool may_wait() const {
    BoundedWork look([&](const BoundedWork::Tell &tell) { tell({{"marked", spool_is_marked(config_.spool)}}); });
    const auto told = look.next(Clock::now() + mark_within);
    return !told || told->value("marked", true);
  }

  // The table may have taken it all the same: what is spooled has the same token.
  Json by_spool_alone(const std::string &trouble) {
    table_trouble(trouble);
    start([](Steps &steps) { steps.spool_only(); });
    return spooled();
  }

  void table_trouble(const std::string &text) {
    trouble_ = text;
    settings_.console.warn(text);
  }

  Json spooled() {
    std::string why = fmt::format("the spool {} gave no answer within {}", config_.spool, seconds_text(spool_by));
    try {
      if (const auto told = next(spool_by))
        return *told;
    } catch (const Error &error) {
      if (error.kind() == ErrorKind::Guard)
        throw;
      why = error.what();
    }
    throw Error(ErrorKind::Table,
                fmt::format("{} is NOT recorded, neither in the table ({}) nor on this host's disk ({})", subject(), trouble_, why));
  }

  std::string subject() const {
    if (const auto *ban = std::get_if<NewBan>(&what_))
      return "the ban of " + ban->ip.text();
    return "the unban of " + std::get<SpooledUnban>(what_).ip.text();
  }

  const Settings &settings_;
  const Config &config_;
  const ToRecord what_;
  const AskForPush ask_;
  const BanGuard guard_;
  const Instant decided_ = instant_now();
  const Clock::time_point begin_ = Clock::now();
  std::unique_ptr<BoundedWork> work_;
  std::string trouble_; // of the table
};

} // namespace

namespace {

Whereabouts where_of(const Json &done, const char *known) {
  return done.contains(known) ? Whereabouts::Table : done.at("waits") ? Whereabouts::Spool : Whereabouts::TableByAnother;
}

} // namespace

RecordedBan record(const Settings &settings, const Config &config, NewBan ban, AskForPush ask, const BanGuard &guard) {
  ban.token = new_token();
  const Json done = Recording(settings, config, std::move(ban), ask, guard).done();
  RecordedBan made;
  made.push_asked = done.at("asked");
  made.where = where_of(done, "recorded");
  if (made.where == Whereabouts::Table)
    made.recorded = static_cast<Recorded>(done.at("recorded").get<int>());
  return made;
}

RecordedUnban record(const Settings &settings, const Config &config, SpooledUnban unban, AskForPush ask) {
  unban.token = new_token();
  const Json done = Recording(settings, config, std::move(unban), ask, {}).done();
  RecordedUnban made;
  made.push_asked = done.at("asked");
  made.spool_unread = done.value("unread", false);
  made.where = where_of(done, "rows");
  if (made.where == Whereabouts::Table)
    made.unbanned = {done.at("rows").get<std::size_t>(), done.at("over").get<std::size_t>()};
  return made;
}

} // namespace banpush
