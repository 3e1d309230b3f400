// The central ban table: one interface, MySQL/MariaDB and SQLite behind it, same schema, same meaning.
// What each call does to the rows, and why, is in docs/ban-table.md.
#pragma once

#include "bans/table_error.hpp"
#include "core/bans/ban.hpp"
#include "core/error.hpp"
#include "settings/config.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace banpush {

// Why a ban is put. Restored: fail2ban was restarted and says again what it held before. Prolonged: it holds what it has
// banned for longer than it had said.
enum class Occasion { New, Restored, Prolonged };

// What the columns of the ban table cannot hold of a ban; each empty where they say it all.
struct BanWords {
  std::string ports, protocols; // the whole lists
  std::string note;             // what was recorded otherwise than it was said, and why

  bool empty() const noexcept { return ports.empty() && protocols.empty() && note.empty(); }
};

// A ban to be written, values already checked.
struct NewBan {
  std::string hostname, jail, protocol, port; // port as the how-to writes it: name or number, empty for all
  Prefix ip;
  std::optional<Seconds> until; // its length, or `permanent`; needs the side tables
  std::string reason;           // needs the side tables
  std::string actor;            // kept where there are side tables
  Occasion occasion = Occasion::New;
  Seconds lasts = 0;            // how long policy holds a ban of this jail that says no length of its own; 0: not known
  Seconds age = 0;              // how long ago it was decided: a spooled ban keeps its time
  std::optional<Seconds> begun; // of one restored or prolonged, where that is known: how long before it was decided it began
  std::optional<std::chrono::steady_clock::time_point> aged_at; // when that was the age; nothing: it is so whenever it is written
  std::string token;                                            // of the spool: a token is recorded once (side tables); empty: none
  BanWords words;
};

// How long ago it began: what fail2ban says again has begun before it was decided here.
inline Seconds since_begin(const NewBan &ban) { return ban.age + (ban.occasion == Occasion::New ? 0 : ban.begun.value_or(0)); }

// What became of a NewBan: a row of its own; an earlier row that is still in force has a later end; nothing, because the
// table says so already; it is not in force, because somebody has unbanned it since it was decided; an earlier row in force
// was said again, and ends when it did; or an earlier row that fail2ban had unbanned is in force again.
enum class Recorded { Added, Extended, Unchanged, Lifted, Repeated, Revived };

// One row with all that is kept of it, for `list` and `explain`.
struct ListedBan {
  std::string ip, jail, protocol, port, hostname, created;
  Seconds age = 0;
  std::optional<Seconds> until;
  std::optional<Seconds> revoked;
  bool revoked_by_operator = false;
  std::string reason, actor;
};

// A row of the ban table, by its natural key, that has words beside it.
struct WordedBan {
  std::string hostname, name, ip, created;
  BanWords words;
};

// A row of the ban table, by its natural key, of which is kept who recorded it and why.
struct AuthoredBan {
  std::string hostname, name, ip, created;
  std::string reason, actor;
};

struct AllowRow {
  std::string prefix;                 // text from the table, to be parsed strictly
  std::string reason, actor, created; // created in UTC, YYYY-MM-DD HH:MM:SS
};

enum class Revoker { Operator, Fail2ban };

// Whether `init` adds an index on `created`, which the how-to's table has not.
enum class CreatedIndex { No, Yes };

// How long to wait for the database before its silence counts as an Error (Table).
struct TableTimeouts {
  std::chrono::seconds connect{10}, silence{60};
};

// One row, with a life of its own.
struct KeptRow {
  std::string hostname, created, name, protocol, port, ip;
  Seconds age = 0;
  std::optional<Seconds> until{}, revoked{};
  bool revoked_by_operator = false;

  RawBan raw() const { return {hostname, created, name, protocol, port, ip, age, until, revoked, revoked_by_operator}; }
};

// What a look at the table finds that the look before had not: rows that came or say something else by now, and rows
// that are there no more.
struct TableNews {
  std::vector<KeptRow> gone, come;
};

// How long a ban of a jail lasts; whether a row is to stay.
using Lasts = std::function<Seconds(const std::string &jail)>;
using IsKept = std::function<bool(const RawBan &)>;

// Every call throws TableError where the table does not do it.
class BanTable {
public:
  virtual ~BanTable() = default;

  // Creates the ban table and the side tables where they are missing, and columns that side tables of an older banpush
  // lack; never alters the ban table. Returns what was created, by name; throws TableError (Definition) when what stands
  // lacks a column.
  virtual std::vector<std::string> init(CreatedIndex index) = 0;

  // Streams every row once, drained as fast as the server sends. Throws Error (Table) when the reading
  // ends before the server said it was whole: a cut read is no table. Rows may have been handed over by then.
  virtual void each(const std::function<void(const RawBan &)> &row) = 0;

  // Whether anything came, went or was altered since the call before (the first: yes), by one cheap query. Not
  // seen, in MySQL: what a transaction holds back for more than ten minutes, and rows older than that being deleted.
  virtual bool changed() = 0;

  // From now on news() tells what is new; each() is to come after it.
  virtual void follow() = 0;

  // What is new since follow() or the call before; nothing where that cannot be told and everything is to be read anew.
  // Not seen: what changed() does not see, and in SQLite, of tables of 200,000 rows and more, that rows older than the
  // newest thousand were deleted.
  virtual std::optional<TableNews> news() = 0;

  // All rows whose ip is this prefix in any spelling, newest first.
  virtual std::vector<ListedBan> about(const Prefix &ip) = 0;

  // Records the ban at the time of the database. A second one of the same (hostname, jail, ip, protocol,
  // port) while the first is in force extends it instead of adding a row. What is restored or prolonged is looked for by
  // host, jail and address alone: a jail's ports may have been edited. One that was decided before an operator's unban
  // of the address is Lifted by that, as far as the side tables tell. Throws TableError; NoTable also where it
  // asks for what only the side tables can hold and they are missing.
  virtual Recorded ban(const NewBan &ban) = 0;

  // Marks bans of this address revoked (side tables there) or deletes their rows (without). Empty jail
  // or hostname: all. `age`: how long ago that was decided; what was put since stays. Returns how many rows were concerned.
  virtual std::size_t unban(const Prefix &ip, const std::string &jail, const std::string &hostname, Revoker who, const std::string &actor,
                            Seconds age = 0) = 0;

  // Throws Error (Table) when only some of them are there: an allowlist that went missing is not an empty one.
  virtual bool has_side_tables() = 0;
  // The columns that side tables of an older banpush lack: what they would hold is not kept until init has added them.
  virtual std::vector<std::string> missing_columns() { return {}; }
  // The version that init has written down, of this banpush or of a newer one; 1 where it has not.
  virtual std::int64_t schema_version() { return 1; }
  virtual std::vector<WordedBan> worded() { return {}; } // every row that has words; empty without side tables
  // Every row of which a reason or an actor is kept; empty without side tables.
  virtual std::vector<AuthoredBan> authored() { return {}; }
  virtual std::vector<AllowRow> allowed() = 0; // empty without side tables
  // Adds, or replaces reason and actor. Without side tables TableError (NoTable), as disallow.
  virtual void allow(const Prefix &prefix, const std::string &reason, const std::string &actor) = 0;
  virtual bool disallow(const Prefix &prefix) = 0; // false: it was not there
  // Addresses the database knows its writers by: (hostname, address) from banpush_reporter.
  virtual std::vector<std::pair<std::string, std::string>> reporters() = 0;

  // Removes rows whose ban ended more than this ago, but for those that other bans need. `lasts`: the longest that any
  // policy holds a ban of the jail, `permanent` for never; a later `until` counts instead. Returns how many rows went.
  virtual std::size_t prune(Seconds older_than, const Lasts &lasts, const IsKept &kept) = 0;
};

// The version of the side tables that this banpush makes.
std::int64_t newest_schema() noexcept;

// Connects. Throws Error (Table) with what was attempted, on what, and what came back. An SQLite file
// that is not there is created by init() only; every other call says that it is missing.
std::unique_ptr<BanTable> open_table(const TableSource &source, const std::string &password, const TableTimeouts &timeouts = {});

// Whether the connection to it is one over TLS.
bool wants_tls(const TableSource &source) noexcept;

// For a process that speaks to these tables only and ends: where none of them wants TLS, OpenSSL's configuration and
// texts are not read, which would cost more than a ban does. Before the first open_table().
void read_no_tls_settings(const std::vector<TableSource> &tables);

} // namespace banpush
