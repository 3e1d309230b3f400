// The part of State that is about now: what came of the last attempt, what a person has to know, what must not be forgotten.
#include "app/state/instant.hpp"
#include "app/state/state_handle.hpp"
#include "app/words/report.hpp"

#include <algorithm>
#include <cstdlib>

namespace banpush {

namespace {

std::vector<State::Standing> standing_of(const Database &database, const std::string &device) {
  std::vector<State::Standing> found;
  auto rows = database.prepare("SELECT name, text, since, kind FROM condition WHERE device = ? ORDER BY since, name", {device});
  while (rows.step())
    found.push_back({{std::string(rows.text(0)), std::string(rows.text(1)), condition_kind(rows.text(3))}, local_time(rows.number(2))});
  return found;
}

bool same(const std::vector<State::Standing> &before, const std::vector<Condition> &now) {
  return before.size() == now.size() && std::all_of(now.begin(), now.end(), [&](const Condition &one) {
           return std::any_of(before.begin(), before.end(), [&](const State::Standing &was) { return was.condition == one; });
         });
}

// Each keeps the time when it began, whatever its text says by now.
void write_conditions(const Database &database, const std::string &device, const std::vector<State::Standing> &before,
                      const std::vector<Condition> &now) {
  for (const State::Standing &was : before)
    if (std::none_of(now.begin(), now.end(), [&](const Condition &one) { return one.name == was.condition.name; }))
      database.execute("DELETE FROM condition WHERE device = ? AND name = ?", {device, was.condition.name});
  for (const Condition &one : now)
    database.execute("INSERT INTO condition (device, name, text, since, kind) VALUES (?, ?, ?, ?, ?) "
                     "ON CONFLICT (device, name) DO UPDATE SET text = excluded.text, kind = excluded.kind",
                     {device, one.name, one.text, seconds_now(), std::string(word(one.kind))});
}

} // namespace

void State::attempted(const std::string &device, const Attempt &attempt, const std::vector<Condition> &conditions) {
  if (!handle_)
    return;
  with("write what came of an attempt", [&] {
    const Database &database = handle_->database;
    std::string outcome, error, driver, address;
    bool known = false;
    {
      auto row = database.prepare("SELECT outcome, error, driver, address FROM attempt WHERE device = ?", {device});
      if ((known = row.step())) {
        outcome = row.text(0);
        error = row.text(1);
        driver = row.text(2);
        address = row.text(3);
      }
    }
    const auto before = standing_of(database, device);
    const bool fails = attempt.outcome == word(Outcome::Failed);
    const bool equal = known && outcome == attempt.outcome && error == attempt.error;
    if (equal && !fails && driver == attempt.driver && address == attempt.address && same(before, conditions))
      return; // the reading has its own time, and so has a change
    Transaction transaction(database);
    const std::int64_t moment = seconds_now();
    database.execute("INSERT INTO attempt (device, driver, address, at, since, actor, outcome, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                     "ON CONFLICT (device) DO UPDATE SET driver = excluded.driver, address = excluded.address, at = excluded.at, "
                     "since = CASE WHEN outcome = excluded.outcome THEN since ELSE excluded.since END, actor = excluded.actor, "
                     "outcome = excluded.outcome, error = excluded.error",
                     {device, attempt.driver, attempt.address, moment, moment, attempt.actor, attempt.outcome, attempt.error});
    write_conditions(database, device, before, conditions);
    // Its beginning and its end: else the last push that is known of would be the failed one.
    if (!attempt.in_audit && (fails ? !equal : known && outcome == word(Outcome::Failed) && attempt.outcome == word(Outcome::InSync)))
      database.execute("INSERT INTO audit (device, intent, actor, started, ended, outcome, script, words, error) "
                       "VALUES (?, 'push', ?, ?, ?, ?, '', '', ?)",
                       {device, attempt.actor, moment, moment, attempt.outcome, attempt.error});
    transaction.commit();
  });
}

std::optional<State::LastAttempt> State::last_attempt(const std::string &device) {
  std::optional<LastAttempt> found;
  if (handle_)
    with("read what came of attempts", [&] {
      auto row = handle_->database.prepare("SELECT at, since, outcome, error, actor FROM attempt WHERE device = ?", {device});
      if (row.step())
        found = LastAttempt{local_time(row.number(0)), local_time(row.number(1)), std::string(row.text(2)), std::string(row.text(3)),
                            std::string(row.text(4))};
    });
  return found;
}

std::vector<State::Standing> State::conditions(const std::string &device) {
  std::vector<Standing> found;
  if (handle_)
    with("read what a person has to know", [&] { found = standing_of(handle_->database, device); });
  return found;
}

std::vector<Condition> State::plain_conditions(const std::string &device) {
  std::vector<Condition> found;
  for (Standing &one : conditions(device))
    found.push_back(std::move(one.condition));
  return found;
}

std::vector<State::Known> State::devices() {
  std::vector<Known> found;
  if (handle_)
    with("read the ledger", [&] {
      auto rows = handle_->database.prepare(
          "SELECT name, COALESCE(attempt.driver, ''), COALESCE(attempt.address, ''), (SELECT COUNT(*) FROM ledger WHERE device = name) "
          "FROM (SELECT device AS name FROM ledger UNION SELECT device FROM attempt) LEFT JOIN attempt ON attempt.device = name "
          "ORDER BY name");
      while (rows.step())
        found.push_back(
            {std::string(rows.text(0)), std::string(rows.text(1)), std::string(rows.text(2)), static_cast<std::size_t>(rows.number(3))});
    });
  return found;
}

void State::awaits_confirm(const std::string &device, std::optional<Seconds> within) {
  if (!handle_)
    return;
  with("write what waits to be confirmed", [&] {
    const Database &database = handle_->database;
    if (!within) {
      database.execute("DELETE FROM unconfirmed WHERE device = ?", {device});
      return;
    }
    const Instant now = instant_now();
    database.execute("INSERT INTO unconfirmed (device, since, boot, uptime, within) VALUES (?, ?, ?, ?, ?) ON CONFLICT (device) DO UPDATE "
                     "SET since = excluded.since, boot = excluded.boot, uptime = excluded.uptime, within = excluded.within",
                     {device, now.wall, now.boot, fmt::format("{:.3f}", now.uptime), static_cast<std::int64_t>(*within)});
  });
}

std::optional<State::Unconfirmed> State::awaits_confirm(const std::string &device) {
  std::optional<Unconfirmed> found;
  bool unknown = false; // a clock that was set back across a start of the host
  Seconds within = 0;
  if (handle_)
    with("read what waits to be confirmed", [&] {
      auto row = handle_->database.prepare("SELECT since, boot, uptime, within FROM unconfirmed WHERE device = ?", {device});
      if (!row.step())
        return;
      const Instant then{row.number(0), std::string(row.text(1)), std::strtod(std::string(row.text(2)).c_str(), nullptr), false};
      within = row.number(3);
      const auto passed = seconds_between(then, instant_now());
      unknown = !passed;
      if (const Seconds left = within - passed.value_or(0); left > 0)
        found = Unconfirmed{left, local_time(then.wall), local_time(seconds_now() + left)};
    });
  if (unknown)
    awaits_confirm(device, within); // the whole of it from now on, and no longer
  return found;
}

void State::unsaved(const std::string &device, const Unsaved &what) {
  if (!handle_)
    return;
  if (const Unsaved before = unsaved(device); before.why == what.why && before.due == what.due)
    return;
  with("write what is not saved", [&] {
    if (what.why.empty()) {
      handle_->database.execute("DELETE FROM unsaved WHERE device = ?", {device});
      handle_->database.execute("DELETE FROM condition WHERE device = ? AND name = 'unsaved'", {device});
    } else {
      handle_->database.execute("INSERT INTO unsaved (device, why, due) VALUES (?, ?, ?) ON CONFLICT (device) DO UPDATE SET "
                                "why = excluded.why, due = excluded.due",
                                {device, what.why, what.due});
    }
  });
}

State::Unsaved State::unsaved(const std::string &device) {
  Unsaved what;
  if (handle_)
    with("read what is not saved", [&] {
      auto row = handle_->database.prepare("SELECT why, due FROM unsaved WHERE device = ?", {device});
      if (row.step())
        what = {std::string(row.text(0)), row.number(1)};
    });
  return what;
}

void State::set_up(const std::string &device, bool stands) {
  if (!handle_ || is_set_up(device) == stands)
    return;
  with("write what is set up", [&] {
    if (stands)
      handle_->database.execute("INSERT INTO set_up (device, at) VALUES (?, ?)", {device, seconds_now()});
    else
      handle_->database.execute("DELETE FROM set_up WHERE device = ?", {device});
  });
}

void State::made(const std::string &device, const std::set<Family> &families) {
  if (handle_)
    with("write what is made", [&] {
      for (const Family family : families)
        handle_->database.execute("INSERT OR IGNORE INTO made (device, family) VALUES (?, ?)",
                                  {device, static_cast<std::int64_t>(family == Family::IPv4 ? 4 : 6)});
    });
}

std::set<Family> State::made(const std::string &device) {
  std::set<Family> families;
  if (handle_)
    with("read what is made", [&] {
      auto rows = handle_->database.prepare("SELECT family FROM made WHERE device = ?", {device});
      while (rows.step())
        families.insert(rows.number(0) == 4 ? Family::IPv4 : Family::IPv6);
    });
  return families;
}

void State::nothing_made(const std::string &device) {
  if (handle_)
    with("write what is made", [&] {
      handle_->database.execute("DELETE FROM made WHERE device = ?", {device});
      handle_->database.execute("DELETE FROM part_read WHERE device = ?", {device});
    });
}

void State::lacks(const std::string &device, const std::set<std::string> &lists) {
  if (!handle_ || lacking(device) == lists)
    return;
  with("write what the device lacks", [&] {
    handle_->database.execute("DELETE FROM lacking WHERE device = ?", {device});
    for (const std::string &list : lists)
      handle_->database.execute("INSERT INTO lacking (device, list) VALUES (?, ?)", {device, list});
  });
}

std::set<std::string> State::lacking(const std::string &device) {
  std::set<std::string> lists;
  if (handle_)
    with("read what the device lacks", [&] {
      auto rows = handle_->database.prepare("SELECT list FROM lacking WHERE device = ?", {device});
      while (rows.step())
        lists.emplace(rows.text(0));
    });
  return lists;
}

void State::parts_read(const std::string &device, const std::vector<PartRead> &parts) {
  if (!handle_ || parts_read(device) == parts)
    return;
  with("write what was read back of files", [&] {
    Transaction transaction(handle_->database);
    handle_->database.execute("DELETE FROM part_read WHERE device = ?", {device});
    for (const PartRead &part : parts)
      handle_->database.execute("INSERT INTO part_read (device, path, sha256, entries) VALUES (?, ?, ?, ?)",
                                {device, part.path, part.sha256, static_cast<std::int64_t>(part.entries)});
    transaction.commit();
  });
}

std::vector<State::PartRead> State::parts_read(const std::string &device) {
  std::vector<PartRead> parts;
  if (handle_)
    with("read what was read back of files", [&] {
      auto rows = handle_->database.prepare("SELECT path, sha256, entries FROM part_read WHERE device = ? ORDER BY path", {device});
      while (rows.step())
        parts.push_back({std::string(rows.text(0)), std::string(rows.text(1)), static_cast<std::size_t>(rows.number(2))});
    });
  return parts;
}

void State::lists_stand(const std::string &device) {
  if (handle_)
    with("write what is set up",
         [&] { handle_->database.execute("DELETE FROM condition WHERE device = ? AND name LIKE 'list %'", {device}); });
}

bool State::is_set_up(const std::string &device) {
  bool stands = false;
  if (handle_)
    with("read what is set up", [&] { stands = handle_->database.prepare("SELECT 1 FROM set_up WHERE device = ?", {device}).step(); });
  return stands;
}

// What was lost once is forgotten after a month: it may have been a line of bad quality that is long repaired.
Pace State::pace(const std::string &device, const std::string &driver) {
  constexpr std::int64_t month = std::int64_t{30} * day;
  Pace pace;
  if (handle_)
    with("read how much a device takes", [&] {
      auto row = handle_->database.prepare("SELECT bytes, lost_with FROM pace WHERE device = ? AND driver = ? AND at > ?",
                                           {device, driver, seconds_now() - month});
      if (row.step())
        pace = {static_cast<std::size_t>(row.number(0)), static_cast<std::size_t>(row.number(1))};
    });
  return pace;
}

void State::learnt(const std::string &device, const std::string &driver, Pace pace) {
  if (handle_)
    with("write how much a device takes", [&] {
      handle_->database.execute(
          "INSERT OR REPLACE INTO pace (device, driver, bytes, lost_with, at) VALUES (?, ?, ?, ?, ?)",
          {device, driver, static_cast<std::int64_t>(pace.bytes), static_cast<std::int64_t>(pace.lost_with), seconds_now()});
    });
}

} // namespace banpush
