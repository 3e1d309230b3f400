#include "bans/sql/sql_table.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush {

namespace {

constexpr const char *end_of_time = "9999-12-31 23:59:59";
constexpr Seconds a_century = Seconds{100} * 365 * 86400;
// Two that count whole seconds may differ by so many about the same moment.
constexpr Seconds rounding = 2;

// As every writer of the table spells it: hosts without a length.
std::string ip_text(const Prefix &ip) { return ip.is_host() ? ip.address() : ip.text(); }

// How long the new ban runs from now, where anything is said about it.
std::optional<Seconds> end_of(const NewBan &ban) {
  const auto length = ban.until ? ban.until : ban.lasts > 0 ? std::optional{ban.lasts} : std::nullopt;
  if (!length || *length == permanent)
    return length;
  return *length - ban.age;
}

// Its age as of now; of one that has begun before it was decided, since then.
NewBan of_this_moment(NewBan ban) {
  if (ban.aged_at) {
    const auto now = std::chrono::steady_clock::now();
    ban.age += std::chrono::duration_cast<std::chrono::seconds>(now - *ban.aged_at).count();
    ban.aged_at = now;
  }
  if (ban.occasion == Occasion::New)
    ban.begun.reset();
  ban.age = since_begin(ban);
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

bool is_in_force(const KnownRow &row, Seconds lasts) { return !(row.note && row.note->revoked) && end_of(row, lasts).value_or(0) > 0; }

bool is_of_service(const KnownRow &row, const NewBan &ban) { return row.protocol == ban.protocol && row.port == ban.port; }

bool in_force_among(const std::vector<KnownRow> &rows, const NewBan &ban) {
  return std::any_of(rows.begin(), rows.end(), [&](const KnownRow &row) { return is_of_service(row, ban) && is_in_force(row, ban.lasts); });
}

bool is_lifted_by_operator(const KnownRow &row) { return row.note && row.note->revoked && row.note->revoked_by_operator; }

// Since when fail2ban may hold what it says again: it does not say what is over.
Seconds earliest_begin(const NewBan &ban) {
  if (ban.begun)
    return ban.age;
  const Seconds length = ban.until.value_or(ban.lasts > 0 ? ban.lasts : permanent);
  return length == permanent ? permanent : length + ban.age;
}

// The row that a ban said again is about: one in force, else one that no operator has lifted, of the same ports if there is
// one; newest first.
const KnownRow &best_of(const std::vector<KnownRow> &rows, const NewBan &ban) {
  const auto worth = [&](const KnownRow &row) {
    return (is_in_force(row, ban.lasts) ? 4 : 0) + (is_lifted_by_operator(row) ? 0 : 2) + (is_of_service(row, ban) ? 1 : 0);
  };
  return *std::max_element(rows.begin(), rows.end(), [&](const KnownRow &a, const KnownRow &b) { return worth(a) < worth(b); });
}

// Whether the ban ends later than the row does, by more than a rounding.
bool ends_later(const NewBan &ban, const KnownRow &row) {
  const Seconds ends = end_of(row, ban.lasts).value_or(0);
  return ends != permanent && end_of(ban).value_or(0) > ends + rounding;
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
  const auto mine = [&](const KnownRow &row) { return is_of_service(row, ban) && row.created && whole_seconds(*row.created) == created; };
  const bool written = !created.empty() && std::any_of(rows.begin(), rows.end(), mine);
  const bool known = sides && !ban.token.empty() && !session_->select("SELECT 1 FROM banpush_ban WHERE token = ?", {ban.token}).empty();
  if (known)
    return written ? Recorded::Added : Recorded::Unchanged;
  const auto lift = sides && ban.age > 0 ? lifted_since(ban) : std::nullopt;
  if (!written) {
    if (const auto result =
            lift && ban.occasion == Occasion::New && in_force_among(rows, ban) ? Recorded::Lifted : settled_by(rows, ban, sides)) {
      work.commit();
      return *result;
    }
    created = free_time(rows, ban.age);
  }
  if (sides) // again where MyISAM has kept the row of a lost transaction, but not its note
    write_note(ban, created);
  if (lift)
    mark_revoked(key_values({ban.hostname, ban.jail, ip, created}), *lift);
  if (!written)
    session_->change(fmt::format("INSERT INTO `{}` (hostname, created, name, protocol, port, ip) VALUES (?, ?, ?, ?, ?, ?)", table_),
                     {ban.hostname, created, ban.jail, ban.protocol, ban.port, ip});
  work.commit();
  return lift ? Recorded::Lifted : Recorded::Added;
}

// What the newest earlier row of the same ban makes of this one; nothing where a row of its own is due.
std::optional<Recorded> SqlTable::settled_by(const std::vector<KnownRow> &rows, const NewBan &ban, bool sides) {
  if (ban.occasion != Occasion::New)
    return settled_again(rows, ban, sides);
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const KnownRow &one) { return is_of_service(one, ban); });
  if (row == rows.end() || !sides || !row->has_key() || !is_in_force(*row, ban.lasts))
    return std::nullopt;
  extend(*row, ban);
  return ends_later(ban, *row) ? Recorded::Extended : Recorded::Repeated;
}

// The same of what fail2ban says again, or prolongs: what ended, or was lifted, before that began was another ban.
std::optional<Recorded> SqlTable::settled_again(const std::vector<KnownRow> &rows, const NewBan &ban, bool sides) {
  if (rows.empty())
    return std::nullopt;
  const Seconds begun = earliest_begin(ban);
  const KnownRow &newest = rows.front();
  if (is_lifted_by_operator(newest) && *newest.note->revoked <= begun)
    return Recorded::Lifted; // fail2ban's memory does not overrule a person
  const KnownRow &row = best_of(rows, ban);
  const auto end = end_of(row, ban.lasts);
  if (is_in_force(row, ban.lasts)) {
    const bool longer = sides && row.has_key() && ban.begun && ends_later(ban, row);
    if (longer)
      extend(row, ban);
    return longer ? Recorded::Extended : Recorded::Unchanged;
  }
  const auto revoked = row.note ? row.note->revoked : std::nullopt;
  if (const auto ended = revoked ? revoked : end ? std::optional{-*end} : std::nullopt; ended && *ended > begun)
    return std::nullopt;
  if (revoked && ban.occasion == Occasion::Prolonged)
    return Recorded::Lifted; // fail2ban has let go of it meanwhile
  if (!sides || !row.has_key() || (end_of(ban).value_or(0) <= 0 && !revoked))
    return Recorded::Unchanged;
  extend(row, ban);
  return revoked ? Recorded::Revived : Recorded::Extended;
}

void SqlTable::extend(const KnownRow &row, const NewBan &ban) {
  const Dialect &dialect = session_->dialect();
  SqlValues key = key_values(row.key());
  session_->change(fmt::format("{} INTO banpush_ban (ban_table, ip, created, hostname, name, changed) VALUES (?, ?, ?, ?, ?, {})",
                               dialect.insert_or_ignore, dialect.utc_exact),
                   key);

  SqlValues values;
  std::string sql = fmt::format("UPDATE banpush_ban SET changed = {}, revoked = NULL, revoker = NULL, revoked_by = ''", dialect.utc_exact);
  if (ban.occasion == Occasion::New && ban.age < row.age) { // its policy time runs anew
    sql += fmt::format(", since = {}", dialect.later(dialect.utc_now));
    values.emplace_back(-ban.age);
  }
  const bool end_stays = ban.occasion == Occasion::New && row.note && row.note->until && !ends_later(ban, row);
  if (!end_stays && (ban.until || (row.note && row.note->until))) // else policy's time counts, from `since`
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

std::size_t SqlTable::unban(const Prefix &ip, const std::string &jail, const std::string &hostname, Revoker who, const std::string &actor,
                            Seconds age) {
  return repeated([&] {
    require_columns();
    const bool sides = has_side_tables();
    Work work(*session_, fmt::format("{}\nunban\n{}", table_, ip.text()));
    auto rows = rows_of(ip, jail, hostname);
    if (sides)
      read_notes(rows);
    std::size_t concerned = 0;
    for (const KnownRow &row : rows) {
      if (age > 0 && row.age + rounding < age) // put since this was decided
        continue;
      if (sides && row.has_key())
        concerned += revoke(row, {who, actor, age}) ? 1 : 0;
      else // by its address too: where ids differ between nodes, the id alone might be another ban's
        concerned += session_->change(fmt::format("DELETE FROM `{}` WHERE id = ? AND ip = ?", table_), {row.id, *row.ip});
    }
    work.commit();
    return concerned;
  });
}

// False where nothing is left to revoke. An operator's word goes over fail2ban's, never the reverse.
bool SqlTable::revoke(const KnownRow &row, const Lift &lift) {
  if (row.note && row.note->revoked && (row.note->revoked_by_operator || lift.who != Revoker::Operator))
    return false;
  const Dialect &dialect = session_->dialect();
  const SqlValues key = key_values(row.key());
  session_->change(fmt::format("{} INTO banpush_ban (ban_table, ip, created, hostname, name, changed) VALUES (?, ?, ?, ?, ?, {})",
                               dialect.insert_or_ignore, dialect.utc_exact),
                   key);
  mark_revoked(key, lift);
  return true;
}

void SqlTable::mark_revoked(const SqlValues &key, const Lift &lift) {
  const Dialect &dialect = session_->dialect();
  SqlValues values{-lift.age, std::string(lift.who == Revoker::Operator ? "operator" : "fail2ban"), lift.actor};
  values.insert(values.end(), key.begin(), key.end());
  session_->change(fmt::format("UPDATE banpush_ban SET revoked = {}, revoker = ?, revoked_by = ?, changed = {} WHERE {}",
                               dialect.later(dialect.utc_now), dialect.utc_exact, note_key),
                   values);
}

// An operator's unban of the address that came after the ban was decided. It is of the host's and jail's own rows, or of all:
// then it has left nothing in force that stood there. A mark counts also where somebody has deleted its row since; what is in
// force is a row, whether there is a note of it or not.
std::optional<SqlTable::Lift> SqlTable::lifted_since(const NewBan &ban) {
  SqlValues values{table_};
  std::string spelled;
  for (const std::string &pattern : patterns(ban.ip)) {
    spelled += spelled.empty() ? "ip LIKE ?" : " OR ip LIKE ?";
    values.emplace_back(pattern);
  }
  std::optional<Lift> own, of_another;
  for (const auto &columns : session_->select(fmt::format("SELECT ip, hostname, name, revoked_by, {} FROM banpush_ban WHERE ban_table = ? "
                                                          "AND ({}) AND revoker = 'operator'",
                                                          note_columns(session_->dialect()), spelled),
                                              values)) {
    if (Prefix::parse(columns[0].value_or("")) != ban.ip)
      continue;
    const std::vector<std::optional<std::string_view>> views(columns.begin() + 4, columns.end());
    const SideNote note = note_of(views);
    auto &lift = columns[1] == ban.hostname && columns[2] == ban.jail ? own : of_another;
    if (note.revoked && *note.revoked + rounding < ban.age && (!lift || *note.revoked < lift->age))
      lift = Lift{Revoker::Operator, columns[3].value_or(""), *note.revoked};
  }
  if (own || !of_another)
    return own;
  auto rows = rows_of(ban.ip, {}, {}); // of all hosts: no index of the how-to's serves that, so only where it decides
  read_notes(rows);
  Seconds longest_held = -1; // of what no operator has lifted
  for (const KnownRow &row : rows) {
    const bool is_over = row.note && (row.note->revoked || row.note->until.value_or(1) <= 0);
    longest_held = std::max(longest_held, is_over ? -1 : row.age);
  }
  return longest_held <= of_another->age ? of_another : std::nullopt;
}

SqlValues SqlTable::key_values(const NaturalKey &key) const {
  return {table_, std::string(key.ip), std::string(key.created), std::string(key.hostname), std::string(key.name)};
}

} // namespace banpush
