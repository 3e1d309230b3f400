#include "bans/sql/sql_table.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace banpush {

namespace {

// Rows that notes are of are asked for so many at a time.
constexpr std::size_t at_a_time = 50;
// SQLite counts its rows one by one, and we pay for it: no more than so many of them.
constexpr std::int64_t few_rows = 200'000;
// SQLite's mark is moved when there are so many above it.
constexpr std::size_t most_above = 4000;

std::string text(const std::optional<std::string_view> &column) { return std::string(column.value_or(std::string_view{})); }

bool say_the_same(const KeptRow &a, const KeptRow &b) {
  return a.ip == b.ip && a.created == b.created && a.hostname == b.hostname && a.name == b.name && a.protocol == b.protocol &&
         a.port == b.port;
}

OwnedKey key_of(const KeptRow &row) { return {row.ip, std::string(whole_seconds(row.created)), row.hostname, row.name}; }

void take_note(KeptRow &row, const std::optional<SideNote> &note) {
  if (!note)
    return;
  row.age = note->age.value_or(row.age);
  row.until = note->until;
  row.revoked = note->revoked;
  row.revoked_by_operator = note->revoked && note->revoked_by_operator;
}

} // namespace

// The notes go into the index as well, by which each of the rows has its own.
SqlTable::Above SqlTable::above_mark(SideIndex &notes) {
  Above above;
  const Dialect &dialect = session_->dialect();
  if (sides_seen_)
    session_->stream(
        fmt::format("SELECT ip, created, hostname, name, changed, {} FROM banpush_ban WHERE ban_table = '{}' AND changed > '{}'",
                    note_columns(dialect), table_, mark_->changed),
        [&](SqlRowView columns) {
          OwnedKey key{text(columns[0]), std::string(whole_seconds(text(columns[1]))), text(columns[2]), text(columns[3])};
          notes.add({key[2], key[3], key[0], key[1]}, note_of(columns.subspan(5)));
          above.notes.emplace(std::move(key), text(columns[4]));
        });
  notes.seal();
  session_->stream(fmt::format("SELECT id, hostname, created, name, protocol, port, ip, {} FROM `{}` WHERE id > {}",
                               dialect.age_local("created"), table_, mark_->id),
                   [&](SqlRowView columns) {
                     KeptRow row{text(columns[1]), text(columns[2]), text(columns[3]),
                                 text(columns[4]), text(columns[5]), text(columns[6])};
                     row.age = sql_number(columns[7]).value_or(permanent);
                     take_note(row, notes.find({row.hostname, row.name, row.ip, row.created}));
                     above.rows.emplace(sql_number(columns[0]).value_or(0), std::move(row));
                   });
  return above;
}

// The rows that notes are of, with their notes; a note may be of none.
std::vector<KeptRow> SqlTable::rows_of_notes(const std::vector<OwnedKey> &keys) {
  std::vector<KeptRow> rows;
  for (std::size_t first = 0; first < keys.size(); first += at_a_time) {
    const std::size_t last = std::min(keys.size(), first + at_a_time);
    SqlValues values;
    std::string condition;
    for (std::size_t i = first; i < last; ++i) {
      condition += i == first ? "(hostname = ? AND ip = ?)" : " OR (hostname = ? AND ip = ?)";
      values.emplace_back(keys[i][2]);
      values.emplace_back(keys[i][0]);
    }
    auto known = rows_where(condition, values);
    std::erase_if(known, [&](const KnownRow &row) {
      return !row.has_key() ||
             std::find(keys.begin(), keys.end(), OwnedKey{*row.ip, std::string(whole_seconds(*row.created)), *row.hostname, *row.name}) ==
                 keys.end();
    });
    read_notes(known);
    for (const KnownRow &one : known) {
      KeptRow row{*one.hostname, *one.created, *one.name, one.protocol, one.port, *one.ip};
      row.age = one.age;
      take_note(row, one.note);
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

// Nothing where that would cost too much: the server is not asked to, either.
std::optional<std::int64_t> SqlTable::count_rows() {
  if (kind_ != TableSource::Kind::Sqlite || rows_ >= few_rows)
    return std::nullopt;
  return sql_number(session_->select(fmt::format("SELECT COUNT(*) FROM `{}`", table_), {}).front().front());
}

void SqlTable::follow() {
  repeated([&] {
    seen_.reset();
    if (!mark_)
      set_mark();
    sides_seen_ = has_side_tables();
    session_->snapshot();
    try {
      SideIndex notes;
      Above above = above_mark(notes);
      rows_ = 0;
      rows_ = count_rows().value_or(0);
      session_->commit();
      seen_ = std::move(above);
    } catch (...) {
      session_->rollback();
      throw;
    }
  });
}

std::optional<TableNews> SqlTable::news() {
  return repeated([&]() -> std::optional<TableNews> {
    if (!seen_ || !mark_ || has_side_tables() != sides_seen_)
      return std::nullopt;
    TableNews news;
    Above above;
    std::optional<std::int64_t> count;
    session_->snapshot();
    try {
      SideIndex notes;
      above = above_mark(notes);
      for (const auto &[id, row] : seen_->rows)
        if (id > mark_->id && !above.rows.contains(id))
          news.gone.push_back(row);
      std::set<OwnedKey> gone, told;
      for (const KeptRow &row : news.gone)
        gone.insert(key_of(row));
      for (const auto &[id, row] : above.rows) {
        const auto before = seen_->rows.find(id);
        const bool is_new = before == seen_->rows.end() || !say_the_same(before->second, row);
        if (before != seen_->rows.end() && is_new)
          news.gone.push_back(before->second);
        const OwnedKey key = key_of(row);
        const auto note = above.notes.find(key);
        const auto note_before = seen_->notes.find(key);
        const bool is_noted = note != above.notes.end() && (note_before == seen_->notes.end() || note_before->second != note->second);
        if (is_new || is_noted || gone.contains(key)) // one of two alike went
          news.come.push_back(row);
        told.insert(key);
      }
      std::vector<OwnedKey> older;
      for (const auto &[key, changed] : above.notes)
        if (const auto before = seen_->notes.find(key); (before == seen_->notes.end() || before->second != changed) && !told.contains(key))
          older.push_back(key);
      auto rows = rows_of_notes(older);
      news.come.insert(news.come.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
      count = count_rows();
      session_->commit();
    } catch (...) {
      session_->rollback();
      throw;
    }
    std::int64_t expected = rows_;
    for (const auto &[id, row] : above.rows)
      expected += seen_->rows.contains(id) ? 0 : 1;
    for (const auto &[id, row] : seen_->rows)
      expected -= id > mark_->id && !above.rows.contains(id) ? 1 : 0;
    seen_ = std::move(above);
    if (count && *count != expected)
      return std::nullopt;
    rows_ = expected;
    if (kind_ == TableSource::Kind::Sqlite && seen_->rows.size() > most_above)
      set_mark(); // one writer at a time: nothing comes late
    return news;
  });
}

} // namespace banpush
