// The part of State that is about now: what came of the last attempt, what a person has to know, what must not be forgotten.
#include "app/report.hpp"
#include "app/state_handle.hpp"

#include <algorithm>

namespace banpush {

namespace {

std::vector<State::Standing> standing_of(const Database &database, const std::string &device) {
  std::vector<State::Standing> found;
  auto rows = database.prepare("SELECT name, text, since FROM condition WHERE device = ? ORDER BY since, name", {device});
  while (rows.step())
    found.push_back({{std::string(rows.text(0)), std::string(rows.text(1))}, local_time(rows.number(2))});
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
    database.execute("INSERT INTO condition (device, name, text, since) VALUES (?, ?, ?, ?) "
                     "ON CONFLICT (device, name) DO UPDATE SET text = excluded.text",
                     {device, one.name, one.text, seconds_now()});
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
    if (fails && !equal && !attempt.in_audit)
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
    if (!within)
      database.execute("DELETE FROM unconfirmed WHERE device = ?", {device});
    else
      database.execute("INSERT INTO unconfirmed (device, since, until) VALUES (?, ?, ?) "
                       "ON CONFLICT (device) DO UPDATE SET since = excluded.since, until = excluded.until",
                       {device, seconds_now(), seconds_now() + *within});
  });
}

std::optional<State::Unconfirmed> State::awaits_confirm(const std::string &device) {
  std::optional<Unconfirmed> found;
  if (handle_)
    with("read what waits to be confirmed", [&] {
      auto row = handle_->database.prepare("SELECT since, until FROM unconfirmed WHERE device = ? AND until > ?", {device, seconds_now()});
      if (row.step())
        found =
            Unconfirmed{static_cast<Seconds>(std::min(row.number(1) - seconds_now(), row.number(1) - row.number(0))), // a clock set back
                        local_time(row.number(0)), local_time(row.number(1))};
    });
  return found;
}

void State::unsaved(const std::string &device, const std::string &why) {
  if (!handle_ || unsaved(device) == why)
    return;
  with("write what is not saved", [&] {
    if (why.empty())
      handle_->database.execute("DELETE FROM unsaved WHERE device = ?", {device});
    else
      handle_->database.execute("INSERT INTO unsaved (device, why) VALUES (?, ?) ON CONFLICT (device) DO UPDATE SET why = excluded.why",
                                {device, why});
  });
}

std::string State::unsaved(const std::string &device) {
  std::string why;
  if (handle_)
    with("read what is not saved", [&] {
      auto row = handle_->database.prepare("SELECT why FROM unsaved WHERE device = ?", {device});
      if (row.step())
        why = row.text(0);
    });
  return why;
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

bool State::is_set_up(const std::string &device) {
  bool stands = false;
  if (handle_)
    with("read what is set up", [&] { stands = handle_->database.prepare("SELECT 1 FROM set_up WHERE device = ?", {device}).step(); });
  return stands;
}

} // namespace banpush
