// The audit in the state file: who pushed what, when, and what came of it.
#include "app/state/process_mark.hpp"
#include "app/state/state_handle.hpp"

#include <algorithm>

namespace banpush {

namespace {

SqlValue value(const std::optional<Counts> &counts, std::size_t Counts::*which) {
  return counts ? SqlValue(static_cast<std::int64_t>((*counts).*which)) : SqlValue(nullptr);
}

// From three columns on.
std::optional<Counts> counts_in(const Statement &row, int column) {
  if (row.is_null(column))
    return std::nullopt;
  return Counts{static_cast<std::size_t>(row.number(column)), static_cast<std::size_t>(row.number(column + 1)),
                static_cast<std::size_t>(row.number(column + 2))};
}

} // namespace

void State::ended(long record, const std::string &outcome, const std::string &error, const std::string &words,
                  const std::optional<Counts> &counts) {
  if (handle_ && record != 0)
    with("write the audit", [&] {
      handle_->database.execute(
          "UPDATE audit SET ended = ?, outcome = ?, error = ?, words = ?, added = ?, removed = ?, put_back = ? WHERE id = ?",
          {seconds_now(), outcome, error, words, value(counts, &Counts::added), value(counts, &Counts::removed),
           value(counts, &Counts::put_back), static_cast<std::int64_t>(record)});
    });
}

std::optional<State::Push> State::last_push(const std::string &device) {
  std::optional<Push> push;
  if (handle_)
    with("read the audit", [&] {
      auto row = handle_->database.prepare("SELECT started, intent, actor, outcome, error, process, added, removed, put_back FROM audit "
                                           "WHERE device = ? ORDER BY id DESC LIMIT 1",
                                           {device});
      if (row.step())
        push = Push{local_time(row.number(0)), std::string(row.text(1)), std::string(row.text(2)),
                    std::string(row.text(3)),  std::string(row.text(4)), row.is_null(3) && lives(std::string(row.text(5))),
                    counts_in(row, 6)};
    });
  return push;
}

std::vector<AuditRecord> State::audit(const std::vector<std::string> &devices, std::size_t last) {
  std::vector<AuditRecord> records;
  if (!handle_)
    return records;
  with("read the audit", [&] {
    auto rows = handle_->database.prepare("SELECT id, device, intent, actor, started, ended, outcome, error, script, words, process, "
                                          "added, removed, put_back FROM audit ORDER BY id DESC",
                                          {});
    while (records.size() < last && rows.step()) {
      AuditRecord one;
      one.device = rows.text(1);
      if (!devices.empty() && std::find(devices.begin(), devices.end(), one.device) == devices.end())
        continue;
      one.id = rows.number(0);
      one.intent = rows.text(2);
      one.actor = rows.text(3);
      one.started = local_time(rows.number(4));
      one.ended = rows.is_null(5) ? std::string() : local_time(rows.number(5));
      one.outcome = rows.text(6);
      one.error = rows.text(7);
      one.script = rows.text(8);
      one.words = rows.text(9);
      one.running = rows.is_null(6) && lives(std::string(rows.text(10)));
      one.counts = counts_in(rows, 11);
      records.push_back(std::move(one));
    }
  });
  std::reverse(records.begin(), records.end());
  return records;
}

bool State::is_known(const std::string &device) {
  bool known = false;
  if (handle_)
    with("read the audit", [&] { known = handle_->database.prepare("SELECT 1 FROM audit WHERE device = ? LIMIT 1", {device}).step(); });
  return known;
}

} // namespace banpush
