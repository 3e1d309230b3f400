#include "bans/sql/sql_table.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace banpush {

namespace {

// Ids are given when a row is written and seen when its transaction ends, so a lower one may come after a
// higher one: rows are looked at whole from the newest one of this long ago on.
constexpr std::chrono::minutes seen_late{10};
// Before that is known: so many ids below the newest.
constexpr std::int64_t first_ids = 1000;

// A time as the server writes it, safe between quotes.
std::string plain_time(const SqlText &text) {
  const auto fits = [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == ':' || c == '.' || c == ' '; };
  return text && !text->empty() && std::all_of(text->begin(), text->end(), fits) ? *text : "1000-01-01 00:00:00";
}

} // namespace

// How many rows and notes there are above the mark and which, and what the allowlist is, in one text.
std::string SqlTable::state_above(const Mark &mark) const {
  const std::string rows =
      fmt::format("(SELECT CONCAT_WS(':', COUNT(*), COALESCE(MAX(id), 0), COALESCE(SUM(id), 0)) FROM `{}` WHERE id > {})", table_, mark.id);
  if (!sides_seen_)
    return rows;
  return fmt::format(
      "CONCAT_WS(' ', {}, (SELECT CONCAT_WS(':', COUNT(*), MAX(changed), SUM(TO_SECONDS(changed)), SUM(MICROSECOND(changed))) "
      "FROM banpush_ban WHERE changed > '{}'), (SELECT CONCAT_WS(':', COUNT(*), BIT_XOR(CRC32(CONCAT_WS('|', prefix, reason, "
      "created)))) FROM banpush_allow))",
      rows, mark.changed);
}

SqlTable::Mark SqlTable::newest(std::string_view notes_since) {
  const auto row = session_
                       ->select(fmt::format("SELECT COALESCE(MAX(id), 0){} FROM `{}`",
                                            sides_seen_ ? fmt::format(", (SELECT {} FROM banpush_ban)", notes_since) : "", table_),
                                {})
                       .front();
  return {sql_number(row[0]).value_or(0), sides_seen_ ? plain_time(row[1]) : std::string()};
}

void SqlTable::set_mark() {
  require_columns();
  sides_seen_ = has_side_tables();
  mark_ =
      newest(kind_ == TableSource::Kind::Mysql ? "DATE_SUB(MAX(changed), INTERVAL 10 MINUTE)" : "datetime(MAX(changed), '-10 minutes')");
  mark_->id = std::max<std::int64_t>(0, mark_->id - first_ids);
}

bool SqlTable::changed() {
  return repeated([&] {
    if (kind_ == TableSource::Kind::Sqlite) { // counts every commit of others, whatever it changed
      const std::string version = session_->select("PRAGMA data_version", {}).front().front().value_or("");
      return std::exchange(state_, version) != version;
    }
    if (!mark_)
      set_mark();
    // The mark moves within one query: what lies above the old one is compared, what lies above the new one kept.
    const bool moves = next_ && std::chrono::steady_clock::now() >= next_at_;
    std::string state, state_to_come;
    session_->stream(fmt::format("SELECT {}{}", state_above(*mark_), moves ? ", " + state_above(*next_) : ""), [&](SqlRowView columns) {
      state = columns[0].value_or("");
      state_to_come = moves ? columns[1].value_or("") : "";
    });
    const bool different = state != state_;
    state_ = state;
    if (moves) {
      state_ = state_to_come;
      mark_ = std::exchange(next_, std::nullopt);
    }
    if (different && !next_) {
      next_ = newest("MAX(changed)");
      next_at_ = std::chrono::steady_clock::now() + seen_late;
    }
    return different;
  });
}

} // namespace banpush
