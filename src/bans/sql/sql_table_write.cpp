#include "bans/sql/sql_table.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush {

namespace {

constexpr const char *end_of_time = "9999-12-31 23:59:59";
constexpr Seconds a_century = Seconds{100} * 365 * 86400;

// As every writer of the table spells it: hosts without a length.
std::string ip_text(const Prefix &ip) { return ip.is_host() ? ip.address() : ip.text(); }

// How long the new ban runs from now, where anything is said about it.
std::optional<Seconds> end_of(const NewBan &ban) {
  const auto length = ban.until ? ban.until : ban.lasts > 0 ? std::optional{ban.lasts} : std::nullopt;
  if (!length || *length == permanent)
    return length;
  return *length - ban.age;
}

NewBan of_this_moment(NewBan ban) {
  if (ban.aged_at) {
    const auto now = std::chrono::steady_clock::now();
    ban.age += std::chrono::duration_cast<std::chrono::seconds>(now - *ban.aged_at).count();
    ban.aged_at = now;
  }
  return ban;
}

// How long an earlier row runs from now, where anything is known of it.
std::optional<Seconds> end_of(const KnownRow &row, Seconds lasts) {
  if (row.note && row.note->until)
    return row.note->until;
  if (lasts == permanent)
    return permanent;
  return lasts > 0 ? std::optional{lasts - row.age} : std::nullopt;
}

// What is empty stands there as NULL.
void add_words(const BanWords &words, SqlValues &values) {
  for (const std::string *text : {&words.ports, &words.protocols, &words.note})
    values.push_back(text->empty() ? SqlValue{nullptr} : SqlValue{*text});
}

// The SQL for an end so many seconds from now, and its value.
std::string end_sql(const Dialect &dialect, const std::optional<Seconds> &end, SqlValues &values) {
  if (!end || *end > a_century) {
    values.emplace_back(end ? SqlValue{std::string(end_of_time)} : SqlValue{nullptr});
    return "?";
  }
  values.emplace_back(*end);
  return dialect.later(dialect.utc_now);
}

} // namespace

Work::Work(SqlSession &session, std::string key) : session_(session), key_(std::move(key)) {
  session_.lock(key_);
  try {
    session_.begin();
  } catch (...) {
    session_.unlock(key_);
    throw;
  }
  open_ = true;
}

Work::~Work() {
  if (open_)
    session_.rollback();
  session_.unlock(key_);
}

void Work::commit() {
  session_.commit();
  open_ = false;
}

Recorded SqlTable::ban(const NewBan &ban) {
  return repeated([&, created = std::string()]() mutable {
    return with_columns([&] {
      const bool sides = has_side_tables();
      if (!sides && ban.until)
        require_side_tables("a ban with a length of its own");
      if (!sides && !ban.reason.empty())
        require_side_tables("a ban with a reason");
      if (sides)
        note_reporter(ban.hostname);
      if (sides && !ban.words.empty()) // asked for outside of the transaction
        keeps_words();
      return record(ban, sides, created);
    });
  });
}

// `created` is what an attempt has chosen: a repetition after a lost connection finds its own row by it.
Recorded SqlTable::record(const NewBan &put, bool sides, std::string &created) {
  const std::string ip = ip_text(put.ip);
  Work work(*session_, fmt::format("{}\n{}\n{}\n{}", table_, put.hostname, put.jail, ip));
  auto rows = rows_where("hostname = ? AND ip = ? AND name = ?", {put.hostname, ip, put.jail});
  if (sides)
    read_notes(rows);
  const NewBan ban = of_this_moment(put); // the reading may have waited for a lock
  const auto same_service = [&](const KnownRow &row) { return row.protocol == ban.protocol && row.port == ban.port; };
  const auto mine = [&](const KnownRow &row) { return same_service(row) && row.created && whole_seconds(*row.created) == created; };
  const bool written = !created.empty() && std::any_of(rows.begin(), rows.end(), mine);
  const bool known = sides && !ban.token.empty() && !session_->select("SELECT 1 FROM banpush_ban WHERE token = ?", {ban.token}).empty();
  if (known)
    return written ? Recorded::Added : Recorded::Unchanged;
  if (!written) {
    const auto earlier = std::find_if(rows.begin(), rows.end(), same_service);
    if (const auto result = earlier == rows.end() ? std::nullopt : settled_by(*earlier, ban, sides)) {
      work.commit();
      return *result;
    }
    created = free_time(rows, ban.age);
  }
  if (sides) // again where MyISAM has kept the row of a lost transaction, but not its note
    write_note(ban, created);
  if (!written)
    session_->change(fmt::format("INSERT INTO `{}` (hostname, created, name, protocol, port, ip) VALUES (?, ?, ?, ?, ?, ?)", table_),
                     {ban.hostname, created, ban.jail, ban.protocol, ban.port, ip});
  work.commit();
  return Recorded::Added;
}

// What the newest earlier row of the same ban makes of this one; nothing where a row of its own is due.
std::optional<Recorded> SqlTable::settled_by(const KnownRow &row, const NewBan &ban, bool sides) {
  const bool restored = ban.occasion == Occasion::Restored;
  if (!sides || !row.has_key())
    return restored ? std::optional{Recorded::Unchanged} : std::nullopt;
  const bool revoked = row.note && row.note->revoked;
  if (revoked && !restored)
    return std::nullopt;
  if (revoked && row.note->revoked_by_operator)
    return Recorded::Unchanged; // fail2ban's memory does not overrule a person
  const bool in_force = !revoked && end_of(row, ban.lasts).value_or(0) > 0;
  if (in_force && restored)
    return Recorded::Unchanged;
  if (!in_force && !restored)
    return std::nullopt;
  if (restored && end_of(ban).value_or(0) <= 0 && !revoked)
    return Recorded::Unchanged;
  extend(row, ban);
  return Recorded::Extended;
}

void SqlTable::extend(const KnownRow &row, const NewBan &ban) {
  const Dialect &dialect = session_->dialect();
  const bool restored = ban.occasion == Occasion::Restored;
  SqlValues key = key_values(row.key());
  session_->change(fmt::format("{} INTO banpush_ban (ban_table, ip, created, hostname, name, changed) VALUES (?, ?, ?, ?, ?, {})",
                               dialect.insert_or_ignore, dialect.utc_exact),
                   key);

  SqlValues values;
  std::string sql = fmt::format("UPDATE banpush_ban SET changed = {}, revoked = NULL, revoker = NULL, revoked_by = ''", dialect.utc_exact);
  if (!restored) { // its policy time runs anew
    sql += fmt::format(", since = {}", dialect.later(dialect.utc_now));
    values.emplace_back(-ban.age);
  }
  if (ban.until || (row.note && row.note->until)) // else policy's time counts, from `since`
    sql += fmt::format(", `until` = {}", end_sql(dialect, std::max(end_of(row, ban.lasts), end_of(ban)), values));
  for (const auto &[column, text] : {std::pair{"reason", &ban.reason}, std::pair{"actor", &ban.actor}}) {
    if (text->empty())
      continue;
    sql += fmt::format(", {} = ?", column);
    values.emplace_back(*text);
  }
  if (keeps_words_ && !ban.words.empty()) {
    sql += ", ports = ?, protocols = ?, note = ?";
    add_words(ban.words, values);
  }
  values.insert(values.end(), key.begin(), key.end());
  session_->change(fmt::format("{} WHERE {}", sql, note_key), values);
}

// The database's local time, as long ago as the ban is; moved on by seconds until no row of the same
// natural key stands there: a ban, its unban and the next ban may all fall into one second.
std::string SqlTable::free_time(const std::vector<KnownRow> &rows, Seconds age) {
  const Dialect &dialect = session_->dialect();
  const auto one = [&](const std::string &expression, const SqlValues &values) {
    return std::string(whole_seconds(session_->select("SELECT " + expression, values).front().front().value_or("")));
  };
  std::string created = one(dialect.later(dialect.local_now), {-age});
  const auto taken = [&](const KnownRow &row) { return row.created && whole_seconds(*row.created) == created; };
  while (std::any_of(rows.begin(), rows.end(), taken))
    created = one(dialect.later("?"), {created, std::int64_t{1}});
  return created;
}

// REPLACE: a note may be left over from a row that somebody has deleted within this second.
void SqlTable::write_note(const NewBan &ban, const std::string &created) {
  const Dialect &dialect = session_->dialect();
  SqlValues values = key_values({ban.hostname, ban.jail, ip_text(ban.ip), created});
  values.emplace_back(-ban.age);
  const std::string until = end_sql(dialect, ban.until ? end_of(ban) : std::nullopt, values);
  values.insert(values.end(), {ban.reason, ban.actor, ban.token.empty() ? SqlValue{nullptr} : SqlValue{ban.token}});
  const bool words = keeps_words_ && !ban.words.empty();
  if (words)
    add_words(ban.words, values);
  session_->change(
      fmt::format("REPLACE INTO banpush_ban (ban_table, ip, created, hostname, name, since, `until`, reason, actor, token, changed{}) "
                  "VALUES (?, ?, ?, ?, ?, {}, {}, ?, ?, ?, {}{})",
                  words ? ", ports, protocols, note" : "", dialect.later(dialect.utc_now), until, dialect.utc_exact,
                  words ? ", ?, ?, ?" : ""),
      values);
}

// Once an hour for each address: no more, or parallel bans of one host would queue for its line.
void SqlTable::note_reporter(const std::string &hostname) {
  if (noted_.contains(hostname))
    return;
  const std::string address = session_->own_address();
  const Dialect &dialect = session_->dialect();
  const auto recent =
      fmt::format("SELECT 1 FROM banpush_reporter WHERE hostname = ? AND address = ? AND {} < 3600", dialect.age_utc("seen"));
  if (!address.empty() && session_->select(recent, {hostname, address}).empty())
    session_->change(fmt::format("REPLACE INTO banpush_reporter (hostname, address, seen) VALUES (?, ?, {})", dialect.utc_now),
                     {hostname, address});
  noted_.insert(hostname);
}

std::size_t SqlTable::unban(const Prefix &ip, const std::string &jail, const std::string &hostname, Revoker who, const std::string &actor) {
  return repeated([&] {
    require_columns();
    const bool sides = has_side_tables();
    Work work(*session_, fmt::format("{}\nunban\n{}", table_, ip.text()));
    auto rows = rows_of(ip, jail, hostname);
    if (sides)
      read_notes(rows);
    std::size_t concerned = 0;
    for (const KnownRow &row : rows) {
      if (sides && row.has_key())
        concerned += revoke(row, who, actor) ? 1 : 0;
      else // by its address too: where ids differ between nodes, the id alone might be another ban's
        concerned += session_->change(fmt::format("DELETE FROM `{}` WHERE id = ? AND ip = ?", table_), {row.id, *row.ip});
    }
    work.commit();
    return concerned;
  });
}

// False where nothing is left to revoke. An operator's word goes over fail2ban's, never the reverse.
bool SqlTable::revoke(const KnownRow &row, Revoker who, const std::string &actor) {
  const bool by_operator = who == Revoker::Operator;
  if (row.note && row.note->revoked && (row.note->revoked_by_operator || !by_operator))
    return false;
  const Dialect &dialect = session_->dialect();
  const SqlValues key = key_values(row.key());
  session_->change(fmt::format("{} INTO banpush_ban (ban_table, ip, created, hostname, name, changed) VALUES (?, ?, ?, ?, ?, {})",
                               dialect.insert_or_ignore, dialect.utc_exact),
                   key);
  SqlValues values{std::string(by_operator ? "operator" : "fail2ban"), actor};
  values.insert(values.end(), key.begin(), key.end());
  session_->change(fmt::format("UPDATE banpush_ban SET revoked = {}, revoker = ?, revoked_by = ?, changed = {} WHERE {}", dialect.utc_now,
                               dialect.utc_exact, note_key),
                   values);
  return true;
}

SqlValues SqlTable::key_values(const NaturalKey &key) const {
  return {table_, std::string(key.ip), std::string(key.created), std::string(key.hostname), std::string(key.name)};
}

} // namespace banpush
