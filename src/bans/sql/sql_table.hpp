// The ban table in SQL: one meaning, over a session of either kind.
#pragma once

#include "bans/ban_table.hpp"
#include "bans/sql/side_index.hpp"
#include "bans/sql_session.hpp"

#include <array>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace banpush {

// One row of one address with its note, as the writing calls look at it.
struct KnownRow {
  std::string id;
  SqlText hostname, created, name, ip;
  std::string protocol, port;
  Seconds age = 0; // by `created`, or by the note where it has an age; `permanent` where neither is a time
  std::optional<SideNote> note;
  std::string reason, actor;

  NaturalKey key() const { return {*hostname, *name, *ip, *created}; }
  // Whether banpush_ban can hold its key: no NULL, nothing longer than the columns there.
  bool has_key() const;
};

using OwnedKey = std::array<std::string, 4>; // ip, created, hostname, name

// What banpush_ban says of a row: the columns that note_columns() names, in its order.
SideNote note_of(SqlRowView columns);
std::string note_columns(const Dialect &dialect);
// LIKE patterns that every spelling of the prefix matches, and little else. None begins with a
// wildcard, so that an index over the addresses serves them.
std::vector<std::string> patterns(const Prefix &ip);

// A column as a whole number; nothing for NULL and for text that is none.
std::optional<Seconds> sql_number(const std::optional<std::string_view> &text);

class SqlTable : public BanTable {
public:
  // Throws Error (Config) for a table name that is more than letters, digits and underscores.
  SqlTable(const TableSource &source, std::unique_ptr<SqlSession> session);

  std::vector<std::string> init(CreatedIndex index) override;
  void each(const std::function<void(const RawBan &)> &row) override;
  bool changed() override;
  void follow() override;
  std::optional<TableNews> news() override;
  std::vector<ListedBan> about(const Prefix &ip) override;
  Recorded ban(const NewBan &ban) override;
  std::size_t unban(const Prefix &ip, const std::string &jail, const std::string &hostname, Revoker who, const std::string &actor,
                    Seconds age = 0) override;
  bool has_side_tables() override;
  std::vector<std::string> missing_columns() override;
  std::int64_t schema_version() override;
  std::vector<WordedBan> worded() override;
  std::vector<AuthoredBan> authored() override;
  std::vector<AllowRow> allowed() override;
  void allow(const Prefix &prefix, const std::string &reason, const std::string &actor) override;
  bool disallow(const Prefix &prefix) override;
  std::vector<std::pair<std::string, std::string>> reporters() override;
  std::size_t prune(Seconds older_than, const Lasts &lasts, const IsKept &kept) override;

private:
  // sql_table.cpp: reading, and what all calls share
  template <typename Call>
  auto repeated(Call call) -> decltype(call());
  void require_columns();
  // Calls, and where that fails says first what is wrong with the table's columns, if that is it.
  template <typename Call>
  auto with_columns(Call call) -> decltype(call());
  void touch(std::string_view tables); // names, by commas
  bool stands(const std::string &table);
  std::optional<TableError> why_no_side_tables(); // why they do not answer; nothing: they do
  void require_side_tables(std::string_view wanted_for);
  SideIndex side_index();
  void stream_rows(SideIndex &notes, const std::function<void(const RawBan &)> &row);
  std::vector<KnownRow> rows_where(const std::string &condition, const SqlValues &values);
  void read_notes(std::vector<KnownRow> &rows);
  std::vector<KnownRow> rows_of(const Prefix &ip, const std::string &jail, const std::string &hostname);

  // sql_table_schema.cpp: the versions of the side tables
  std::vector<std::string> add_columns();
  void write_version();
  bool keeps_words();

  // sql_table_write.cpp: ban and unban
  Recorded record(const NewBan &put, bool sides, std::string &created);
  std::optional<Recorded> settled_by(const std::vector<KnownRow> &rows, const NewBan &ban, bool sides);
  std::optional<Recorded> settled_again(const std::vector<KnownRow> &rows, const NewBan &ban, bool sides);
  void extend(const KnownRow &row, const NewBan &ban);
  std::string free_time(const std::vector<KnownRow> &rows, Seconds age);
  void write_note(const NewBan &ban, const std::string &created);
  void note_reporter(const std::string &hostname);
  struct Lift { // an unban: by whom, and how long ago
    Revoker who = Revoker::Operator;
    std::string actor;
    Seconds age = 0;
  };
  bool revoke(const KnownRow &row, const Lift &lift);
  void mark_revoked(const SqlValues &key, const Lift &lift);
  std::optional<Lift> lifted_since(const NewBan &ban);

  // sql_table_changed.cpp
  struct Mark { // rows above it, and notes changed after it, are looked at whole
    std::int64_t id = 0;
    std::string changed;
  };
  std::string state_above(const Mark &mark) const;
  Mark newest(std::string_view notes_since);
  void set_mark();

  // sql_table_news.cpp
  struct Above {                           // what stands above the mark
    std::map<std::int64_t, KeptRow> rows;  // by id
    std::map<OwnedKey, std::string> notes; // when each was changed
  };
  Above above_mark(SideIndex &notes);
  std::vector<KeptRow> rows_of_notes(const std::vector<OwnedKey> &keys);
  std::optional<std::int64_t> count_rows();

  // sql_table_prune.cpp
  std::vector<OwnedKey> ended_rows(Seconds older_than, const Lasts &lasts, const IsKept &kept);
  std::vector<OwnedKey> notes_without_row(Seconds older_than);
  std::size_t remove(const std::vector<OwnedKey> &keys);

  SqlValues key_values(const NaturalKey &key) const; // in the order of note_key

  TableSource::Kind kind_;
  std::string table_; // checked: safe in backticks and in quotes
  std::unique_ptr<SqlSession> session_;
  bool columns_seen_ = false;
  bool keeps_words_ = false;                                // banpush_ban was seen to have all columns of today
  std::chrono::steady_clock::time_point sides_stand_until_; // has_side_tables() need not ask again before
  bool sides_seen_ = false;                                 // by each()
  std::optional<Mark> mark_;                                // of changed()
  std::optional<Mark> next_;                                // the mark from `next_at_` on
  std::chrono::steady_clock::time_point next_at_;
  std::string state_;
  std::optional<Above> seen_;   // by the last look of follow() or news()
  std::int64_t rows_ = 0;       // in all, of a small SQLite table
  std::set<std::string> noted_; // host names whose address banpush_reporter has by now
};

// The condition that finds a note by its whole key.
inline constexpr const char *note_key = "ban_table = ? AND ip = ? AND created = ? AND hostname = ? AND name = ?";

// A transaction of one writer: rolled back unless committed.
class Work {
public:
  Work(SqlSession &session, std::string key);
  Work(const Work &) = delete;
  Work &operator=(const Work &) = delete;
  ~Work();
  void commit();

private:
  SqlSession &session_;
  std::string key_;
  bool open_ = false;
};

template <typename Call>
auto SqlTable::with_columns(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const ConnectionLost &) {
    throw;
  } catch (const Outrun &) {
    throw;
  } catch (const Error &) {
    require_columns();
    throw;
  }
}

template <typename Call>
auto SqlTable::repeated(Call call) -> decltype(call()) {
  constexpr int most_deadlocks = 20;
  constexpr std::chrono::seconds longest{5}; // a lock that another holds for so long is no deadlock
  const auto begin = std::chrono::steady_clock::now();
  bool reconnected = false;
  for (int deadlocks = 0;;) {
    try {
      return call();
    } catch (const ConnectionLost &) {
      if (reconnected)
        throw;
      reconnected = true;
    } catch (const Outrun &) {
      if (++deadlocks == most_deadlocks || std::chrono::steady_clock::now() - begin > longest)
        throw;
      std::this_thread::sleep_for(std::chrono::milliseconds{deadlocks});
      continue;
    }
    session_->reconnect();
  }
}

} // namespace banpush
