#include "app/record/steps.hpp"

#include "app/record/bannable.hpp"
#include "app/request/push_request.hpp"
#include "app/world/by_policy.hpp"
#include "app/world/logged_in.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

// The whole of it is bounded by who waits for these steps.
constexpr TableTimeouts hurry{std::chrono::seconds{2}, std::chrono::seconds{2}};
// A table that was found gone this recently is not tried again by every caller.
constexpr Seconds gone_lately = 5;
constexpr std::chrono::milliseconds patience_for_names{500}, patience_for_memory{300};

// What names stood for, where the disk that it is on answers: the table may have the ban all the same.
void recall(NameAnswers &answers, const std::vector<std::string> &names, const std::string &path) {
  BoundedWork memory([&](const BoundedWork::Tell &tell) {
    Spool spool(path);
    NameAnswers recalled;
    recall_names(recalled, names, spool);
    for (const auto &[name, prefixes] : recalled.known)
      for (const Prefix &prefix : prefixes)
        tell({{"name", name}, {"prefix", prefix.text()}, {"age", recalled.remembered[name]}});
  });
  const auto end = BoundedWork::Clock::now() + patience_for_memory;
  try {
    while (const auto told = memory.next(end)) {
      answers.known[told->at("name")].push_back(Prefix::require(told->at("prefix").get<std::string>()));
      answers.remembered[told->at("name")] = told->at("age");
    }
  } catch (const Error &) { // no spool: nothing is known
  }
}

bool all_known(const NameAnswers &answers, const std::vector<std::string> &names) {
  return std::all_of(names.begin(), names.end(), [&](const std::string &name) { return answers.known.contains(name); });
}

// What the table made of it, as it is told.
nlohmann::json told_of(Recorded recorded) { return {{"recorded", static_cast<int>(recorded)}}; }
nlohmann::json told_of(const Unbanned &unbanned) { return {{"rows", unbanned.rows}, {"over", unbanned.over}}; }

// What the table has no columns for is lost with them, the ban is not.
void say_unkept(const Settings &settings, BanTable &table, const NewBan &ban) try {
  if (ban.words.empty())
    return;
  if (!table.has_side_tables())
    settings.console.warn("the note is not kept: the table has no side tables, `banpush init` makes them");
  else if (const auto missing = table.missing_columns(); !missing.empty())
    settings.console.warn(fmt::format("the note is not kept: the side tables are of an older banpush and lack {}; `banpush init` adds them",
                                      fmt::join(missing, ", ")));
} catch (const Error &error) { // it is recorded, and must not be queued as well
  settings.console.warn(fmt::format("whether the note is kept cannot be told: {}", error.what()));
}

} // namespace

// Whether it has to queue up behind what waits already.
bool Steps::must_queue() {
  if (!spool_is_marked(config_.spool))
    return false;
  Spool spool(config_.spool);
  if (spool.size() != 0 || spool.gone_within(gone_lately))
    return true;
  spool.clear_mark_if_idle(gone_lately);
  return false;
}

void Steps::all() {
  bool queue = false;
  try {
    queue = must_queue();
  } catch (const Error &error) { // what is not needed does not stop what is
    settings_.console.warn(error.what());
    spool_unread_ = true;
  }
  if (queue) {
    try {
      return to_spool(Table::NotTried);
    } catch (const Error &error) {
      if (error.kind() == ErrorKind::Guard || error.kind() == ErrorKind::Usage) // refused, or set aside
        throw;
      settings_.console.warn(error.what());
      spool_unread_ = true;
    }
  }
  tell_({{"step", step::looked}});
  try {
    return push(to_table());
  } catch (const TableError &error) {
    if (error.retry() == Retry::Never) {
      set_aside(error);
      throw;
    }
    tell_({{"step", step::refused}, {"why", error.what()}});
    why_gone_ = error.what();
    to_spool(dynamic_cast<const Unreachable *>(&error) != nullptr ? Table::Gone : Table::Refused);
  }
}

// For a person to see, as far as our disk does it.
void Steps::set_aside(const TableError &error) {
  try {
    Spool spool(config_.spool);
    const auto line = std::visit([&](const auto &one) { return spool.put(one, decided_); }, what_);
    spool.refused(line, error.what());
    settings_.console.warn(
        fmt::format("set aside as line {} of the spool: `banpush spool list` shows it, `banpush spool retry {}` tries it "
                    "again once what is wrong is mended",
                    line, line));
  } catch (const Error &disk) {
    settings_.console.warn(disk.what());
  }
}

void Steps::table_only() { push(to_table()); }

void Steps::spool_only() { to_spool(Table::Gone); }

bool Steps::to_table() {
  return std::visit([this](const auto &one) { return to_table(one); }, what_);
}

bool Steps::to_table(const NewBan &ban) {
  if (guard_)
    guard_();
  judge_by_names();
  const TableSource &source = config_.tables.front();
  const auto table = open(source, hurry);
  require_side_tables_as_before(*table, source.name);
  judge(table->allowed(), table->reporters(), of_logins(protected_logins(config_.state)));
  const Recorded recorded = table->ban(with_escalation(ban, config_.policy, *table, source));
  nlohmann::json told = told_of(recorded);
  told["step"] = step::recorded;
  tell_(told);
  say_unkept(settings_, *table, ban);
  return recorded != Recorded::Unchanged &&
         recorded != Recorded::Lifted; // a restart of fail2ban says all its bans again: that needs no push
}

bool Steps::to_table(const SpooledUnban &unban) {
  const auto tables = open_all(config_, hurry);
  for (std::size_t i = 0; i < tables.size(); ++i)
    require_side_tables_as_before(*tables[i], config_.tables[i].name);
  const Unbanned unbanned = unban_in(tables, config_, unban);
  nlohmann::json told = told_of(unbanned);
  told["step"] = step::recorded;
  told["unread"] = spool_unread_;
  tell_(told);
  return unbanned.rows != 0;
}

// Throws TableError where the table hides what it had: then the spool has it, where a ban is judged by the copy of the
// allowlist. A spool that does not answer tells nothing of before.
void Steps::require_side_tables_as_before(BanTable &table, const std::string &name) {
  if (table.has_side_tables())
    return;
  BoundedWork memory([&](const BoundedWork::Tell &tell) {
    require_no_side_tables_seen(config_.spool, name);
    tell({{"seen", false}});
  });
  memory.next(BoundedWork::Clock::now() + patience_for_memory);
}

// On the disk first, then whoever may hang is asked.
void Steps::to_spool(Table table) {
  Spool spool(config_.spool);
  const auto *ban = std::get_if<NewBan>(&what_);
  if (ban != nullptr) {
    const TableCopy copy = spool.copy(config_.tables.front().name).value_or(TableCopy{});
    judge(copy.allowed, copy.reporters, {});
  }
  const std::int64_t line =
      ban != nullptr ? spool.put(*ban, decided_, Spool::Judgement::Later) : spool.put(std::get<SpooledUnban>(what_), decided_);
  tell_({{"step", step::spooled}});
  if (table == Table::Gone)
    spool.table_is_gone(why_gone_);
  if (table == Table::Refused)
    spool.not_taken(line, why_gone_, Spool::Extent::Table);
  if (ban != nullptr)
    judge_spooled(spool, *ban, line);
  tell_({{"step", step::judged}});
  nlohmann::json told = table == Table::Refused ? nlohmann::json{{"waits", true}} : deliver_waiting(spool, line, table);
  told["step"] = step::settled;
  tell_(told);
  push(true);
}

// Throws Error (Guard, Usage) where it may not be, after it was taken back.
void Steps::judge_spooled(Spool &spool, const NewBan &ban, std::int64_t line) {
  try {
    if (guard_)
      guard_();
    judge_by_names();
  } catch (const Error &error) {
    if (!spool.take_back(ban.token)) { // delivered meanwhile: it took longer than a judgement may
      const auto unban = spool.put(SpooledUnban{ban.ip, ban.jail, ban.hostname, ban.actor, Revoker::Operator});
      deliver_waiting(spool, unban, Table::NotTried);
    }
    throw Error(error.kind() == ErrorKind::Guard ? ErrorKind::Guard : ErrorKind::Usage, error.what());
  }
  try {
    spool.judged(line);
  } catch (const Error &error) { // it is delivered all the same, once a judgement can take no longer
    settings_.console.warn(error.what());
  }
}

// Throws what the table will never take, after it was set aside.
nlohmann::json Steps::deliver_waiting(Spool &spool, std::int64_t line, Table table) {
  if (spool.gone_within(gone_lately)) {
    if (const std::string why = spool.why_gone(); table == Table::NotTried && !why.empty())
      settings_.console.warn(fmt::format("the table was asked less than {} s ago, and is not asked again yet: {}", gone_lately, why));
    return {{"waits", true}};
  }
  nlohmann::json told = nlohmann::json::object();
  try {
    const Delivered delivered = deliver(spool, config_, open_all(config_, hurry));
    if (const auto result = delivered.results.find(line); result != delivered.results.end())
      told = std::visit([](const auto &one) { return told_of(one); }, result->second);
    for (const std::string &one : delivered.said())
      settings_.console.warn(one);
    if (delivered.waits)
      settings_.console.warn(delivered.why_it_waits());
  } catch (const Unreachable &error) {
    settings_.console.warn(error.what());
    spool.table_is_gone(error.what());
  } catch (const Error &error) { // what waits is durable all the same
    settings_.console.warn(error.what());
  }
  const auto left = spool.line(line);
  if (left && left->state == SpoolLine::State::Refused)
    throw Error(ErrorKind::Usage, left->problem);
  told["waits"] = left.has_value();
  return told;
}

// Throws Error (Guard). A line of the allowlist that is no prefix stops pushes, not what is recorded.
void Steps::judge(const std::vector<AllowRow> &allowed, const Reporters &reporters, const std::vector<NamedPrefix> &logins) {
  Config config = config_;
  try {
    add_allowed(config, allowed, config.tables.front().name);
  } catch (const Error &error) {
    settings_.console.warn(error.what());
  }
  require_bannable(settings_, config, std::get<NewBan>(what_).ip, reporters, logins);
}

void Steps::judge_by_names() {
  const auto names = names_to_ask(names_of(config_));
  if (names.empty())
    return;
  NameAnswers answers = ask_names(names, patience_for_names);
  if (!all_known(answers, names))
    recall(answers, names, config_.spool);
  const auto unknown = require_bannable_by_names(settings_, config_, std::get<NewBan>(what_).ip, answers);
  if (const std::string note = answers.note(); !note.empty())
    settings_.console.note(note);
  for (const std::string &one : unknown)
    settings_.console.warn(one + "; the ban is recorded, and no device is pushed to until it resolves");
}

void Steps::push(bool due) {
  const bool asks = due && ask_ == AskForPush::Yes && !config_.devices.empty();
  if (asks)
    ask_for_push(settings_, config_);
  tell_({{"step", step::pushed}, {"asked", asks}});
}

} // namespace banpush
