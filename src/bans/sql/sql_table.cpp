#include "bans/sql/sql_table.hpp"

#include "bans/sql/schema.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace banpush {

namespace {

// Ends beyond this are "permanent"; the table holds them as the last second of the year 9999.
constexpr Seconds a_century = Seconds{100} * 365 * 86400;
// One verb asks several times over whether there are side tables, and each time is a search in the server's catalogue.
constexpr std::chrono::seconds a_moment{1};

void take_note(RawBan &ban, const SideNote &note) {
  ban.age = note.age.value_or(ban.age);
  ban.until = note.until;
  ban.revoked = note.revoked;
  ban.revoked_by_operator = note.revoked && note.revoked_by_operator;
}

std::string_view text(const std::optional<std::string_view> &column) noexcept { return column.value_or(std::string_view{}); }

} // namespace

std::vector<std::string> patterns(const Prefix &ip) {
  if (ip.family() == Family::IPv4)
    return {ip.address() + "%", ":%", "0%:%"}; // 203.0.113.7, 203.0.113.7/32, ::ffff:203.0.113.7
  const unsigned first = static_cast<unsigned>(ip.bytes()[0]) << 8U | ip.bytes()[1];
  if (first == 0)
    return {":%", "0%:%"};
  std::vector<std::string> all;
  for (std::string group = fmt::format("{:x}", first); group.size() <= 4; group.insert(0, 1, '0'))
    all.push_back(group + "%:%");
  return all;
}

SideNote note_of(SqlRowView columns) {
  SideNote note;
  note.age = sql_number(columns[0]);
  if (const auto past = sql_number(columns[1])) // seconds since the end: negative while it is to come
    note.until = -*past > a_century ? permanent : -*past;
  note.revoked = sql_number(columns[2]);
  note.revoked_by_operator = columns[3] == "operator";
  return note;
}

std::string note_columns(const Dialect &dialect) {
  return fmt::format("{}, {}, {}, revoker", dialect.age_utc("since"), dialect.age_utc("`until`"), dialect.age_utc("revoked"));
}

std::optional<Seconds> sql_number(const std::optional<std::string_view> &text) {
  if (!text)
    return std::nullopt;
  Seconds value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc{} && end == text->data() + text->size() ? std::optional{value} : std::nullopt;
}

SqlTable::SqlTable(const TableSource &source, std::unique_ptr<SqlSession> session)
    : kind_(source.kind), table_(source.table), session_(std::move(session)) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  if (table_.empty() || table_.size() > 64 || !std::all_of(table_.begin(), table_.end(), plain))
    throw Error(ErrorKind::Config, fmt::format("table name \"{}\": only letters, digits and underscores, at most 64", shown(table_)));
}

void SqlTable::require_columns() {
  if (columns_seen_)
    return;
  const auto columns = session_->columns(table_);
  if (columns.empty() && !stands(table_)) // a second look: it says what is in the way, if it is not that
    throw TableError(Fault::NoTable, fmt::format("{}: there is no table `{}`", session_->name(), table_));
  std::string missing;
  for (const std::string_view column : ban_columns)
    if (std::find(columns.begin(), columns.end(), column) == columns.end())
      missing += fmt::format("{}`{}`", missing.empty() ? "" : ", ", column);
  if (!missing.empty())
    throw TableError(Fault::Definition,
                     fmt::format("{}: table `{}` has no column {}: it is not the ban table that config/ban_table.sql shows; "
                                 "`banpush init` creates one under a name that is free, and never alters one that exists",
                                 session_->name(), table_, missing));
  columns_seen_ = true;
}

// Asks what has no answer but needs all these tables. What is wrong is thrown as it is: a server that is not ready, a damaged
// table or a missing right is no missing table.
void SqlTable::touch(std::string_view tables) { session_->select(fmt::format("SELECT 1 FROM {} WHERE 1 = 0", tables), {}); }

bool SqlTable::stands(const std::string &table) {
  if (!session_->columns(table).empty())
    return true;
  try { // the catalogue hides what this user may not see, and what it cannot open
    touch(fmt::format("`{}`", table));
    return true;
  } catch (const TableError &error) {
    if (error.fault() == Fault::NoTable)
      return false;
    throw;
  }
}

// The server's catalogue, which says which are missing, takes four times as long to search. A user without a right to one
// of them is told so of one that is missing, too.
std::optional<TableError> SqlTable::why_no_side_tables() {
  try {
    touch(fmt::format("{}", fmt::join(side_tables, ", ")));
    return std::nullopt;
  } catch (const TableError &error) {
    if (error.fault() == Fault::NoTable || error.fault() == Fault::Right)
      return error;
    throw;
  }
}

bool SqlTable::has_side_tables() {
  if (std::chrono::steady_clock::now() < sides_stand_until_)
    return true;
  return repeated([&] {
    const auto why = why_no_side_tables();
    if (!why) {
      sides_stand_until_ = std::chrono::steady_clock::now() + a_moment;
      return true;
    }
    const auto there = session_->tables("banpush_");
    std::string missing;
    std::size_t found = 0;
    for (const std::string_view table : side_tables)
      if (std::find(there.begin(), there.end(), table) != there.end())
        ++found;
      else
        missing += fmt::format(" {}", table);
    if (missing.empty())
      throw TableError(*why); // all are seen by some other right than that to read them
    if (found != 0)
      throw TableError(Fault::NoTable, fmt::format("{}: some of banpush's side tables are missing, or hidden from this user:{}",
                                                   session_->name(), missing));
    return false;
  });
}

void SqlTable::require_side_tables(std::string_view wanted_for) {
  if (!has_side_tables())
    throw TableError(Fault::NoTable, fmt::format("{} needs banpush's side tables, which {} has not, or hides from this user", wanted_for,
                                                 session_->name()));
}

SideIndex SqlTable::side_index() {
  SideIndex notes;
  const auto sql = fmt::format("SELECT ip, created, hostname, name, {} FROM banpush_ban WHERE ban_table = '{}'",
                               note_columns(session_->dialect()), table_);
  session_->stream(sql, [&](SqlRowView columns) {
    notes.add({text(columns[2]), text(columns[3]), text(columns[0]), text(columns[1])}, note_of(columns.subspan(4)));
  });
  notes.seal();
  return notes;
}

void SqlTable::stream_rows(SideIndex &notes, const std::function<void(const RawBan &)> &row) {
  const auto sql =
      fmt::format("SELECT hostname, created, name, protocol, port, ip, {} FROM `{}`", session_->dialect().age_local("created"), table_);
  session_->stream(sql, [&](SqlRowView columns) {
    RawBan ban;
    ban.hostname = text(columns[0]);
    ban.created = text(columns[1]);
    ban.name = text(columns[2]);
    ban.protocol = text(columns[3]);
    ban.port = text(columns[4]);
    ban.ip = text(columns[5]);
    ban.age = sql_number(columns[6]).value_or(permanent); // a date that is none counts as long ago: nothing is blocked for ever by it
    if (const auto note = notes.find({ban.hostname, ban.name, ban.ip, ban.created}))
      take_note(ban, *note);
    row(ban);
  });
}

// The notes are joined here and not by the server: over a million rows its join takes several times as
// long as both readings together, and collations of the how-to's columns differ from site to site.
void SqlTable::each(const std::function<void(const RawBan &)> &row) {
  bool handed_over = false;
  const auto once = [&] {
    require_columns();
    const bool sides = sides_seen_ = has_side_tables();
    session_->snapshot();
    SideIndex notes = sides ? side_index() : SideIndex{};
    stream_rows(notes, [&](const RawBan &ban) {
      handed_over = true;
      row(ban);
    });
    session_->commit();
  };
  repeated([&] {
    try {
      once();
    } catch (const ConnectionLost &lost) {
      session_->rollback();
      if (handed_over)
        throw TableError(Fault::Connection, fmt::format("{}; the rows read so far are not the table", lost.what()));
      throw;
    } catch (...) {
      session_->rollback();
      throw;
    }
  });
}

bool KnownRow::has_key() const {
  return hostname && name && ip && created && hostname->size() <= 255 && name->size() <= 255 && ip->size() <= 64;
}

std::vector<KnownRow> SqlTable::rows_where(const std::string &condition, const SqlValues &values) {
  const Dialect &dialect = session_->dialect();
  const auto rows =
      session_->select(fmt::format("SELECT id, hostname, created, name, ip, protocol, port, {} FROM `{}` WHERE {} ORDER BY id DESC",
                                   dialect.age_local("created"), table_, condition),
                       values);
  std::vector<KnownRow> known;
  for (const auto &row : rows)
    known.push_back({row[0].value_or(""),
                     row[1],
                     row[2],
                     row[3],
                     row[4],
                     row[5].value_or(""),
                     row[6].value_or(""),
                     sql_number(row[7]).value_or(permanent),
                     std::nullopt,
                     {},
                     {}});
  return known;
}

void SqlTable::read_notes(std::vector<KnownRow> &rows) {
  std::set<std::string> spellings;
  for (const KnownRow &row : rows)
    if (row.has_key())
      spellings.insert(*row.ip);
  for (const std::string &ip : spellings) {
    const auto notes =
        session_->select(fmt::format("SELECT hostname, name, created, reason, actor, {} FROM banpush_ban WHERE ban_table = ? AND ip = ?",
                                     note_columns(session_->dialect())),
                         {table_, ip});
    for (const auto &columns : notes) {
      const std::vector<std::optional<std::string_view>> views(columns.begin() + 5, columns.end());
      for (KnownRow &row : rows) {
        if (!row.has_key() || row.ip != ip || row.hostname != columns[0] || row.name != columns[1] ||
            whole_seconds(*row.created) != whole_seconds(columns[2].value_or("")))
          continue;
        row.note = note_of(views);
        row.age = row.note->age.value_or(row.age);
        row.reason = columns[3].value_or("");
        row.actor = columns[4].value_or("");
      }
    }
  }
}

std::vector<KnownRow> SqlTable::rows_of(const Prefix &ip, const std::string &jail, const std::string &hostname) {
  SqlValues values;
  std::string condition;
  for (const std::string &pattern : patterns(ip)) {
    condition += values.empty() ? "(ip LIKE ?" : " OR ip LIKE ?";
    values.emplace_back(pattern);
  }
  condition += ")";
  for (const auto &[column, wanted] : {std::pair{"hostname", &hostname}, std::pair{"name", &jail}}) {
    if (wanted->empty())
      continue;
    condition += fmt::format(" AND {} = ?", column);
    values.emplace_back(*wanted);
  }
  auto rows = rows_where(condition, values);
  std::erase_if(rows, [&](const KnownRow &row) { return !row.ip || Prefix::parse(*row.ip) != ip; });
  return rows;
}

std::vector<ListedBan> SqlTable::about(const Prefix &ip) {
  return repeated([&] {
    require_columns();
    auto rows = rows_of(ip, {}, {});
    if (has_side_tables())
      read_notes(rows);
    std::vector<ListedBan> listed;
    for (const KnownRow &row : rows) {
      const SideNote note = row.note.value_or(SideNote{});
      listed.push_back({row.ip.value_or(""), row.name.value_or(""), row.protocol, row.port, row.hostname.value_or(""),
                        row.created.value_or(""), row.age, note.until, note.revoked, note.revoked && note.revoked_by_operator, row.reason,
                        row.actor});
    }
    return listed;
  });
}

std::vector<AllowRow> SqlTable::allowed() {
  return repeated([&] {
    std::vector<AllowRow> allowed;
    if (!has_side_tables())
      return allowed;
    for (const auto &row : session_->select("SELECT prefix, reason, actor, created FROM banpush_allow ORDER BY prefix", {}))
      allowed.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or(""), row[3].value_or("")});
    return allowed;
  });
}

void SqlTable::allow(const Prefix &prefix, const std::string &reason, const std::string &actor) {
  require_side_tables("an allowlist in the table");
  repeated([&] {
    session_->change(
        fmt::format("REPLACE INTO banpush_allow (prefix, reason, actor, created) VALUES (?, ?, ?, {})", session_->dialect().utc_now),
        {prefix.text(), reason, actor});
  });
}

bool SqlTable::disallow(const Prefix &prefix) {
  require_side_tables("an allowlist in the table");
  return repeated([&] {
    std::size_t gone = 0;
    for (const AllowRow &row : allowed()) // somebody may have written it in another spelling
      if (Prefix::parse(row.prefix) == prefix)
        gone += session_->change("DELETE FROM banpush_allow WHERE prefix = ?", {row.prefix});
    return gone != 0;
  });
}

std::vector<std::pair<std::string, std::string>> SqlTable::reporters() {
  return repeated([&] {
    std::vector<std::pair<std::string, std::string>> reporters;
    if (!has_side_tables())
      return reporters;
    for (const auto &row : session_->select("SELECT hostname, address FROM banpush_reporter ORDER BY hostname, address", {}))
      reporters.emplace_back(row[0].value_or(""), row[1].value_or(""));
    return reporters;
  });
}

} // namespace banpush
