// What could not reach the ban table yet, in a file of its own: durable before the caller returns, in order,
// each with a token so that it arrives once. And the last good copy of what the table says must never be blocked.
#pragma once

#include "app/state/instant.hpp"
#include "app/world/world.hpp"
#include "bans/ban_table.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace banpush {

struct SpooledUnban {
  Prefix ip;
  std::string jail, hostname, actor; // empty jail, hostname: all
  Revoker who = Revoker::Operator;
  std::string token{};
  Seconds age = 0; // how long ago it was decided; of one that waits in the spool
};

// What an unban met: rows, and those among them that were over by time already, or unbanned, for every policy there is.
struct Unbanned {
  std::size_t rows = 0, over = 0;
};

// What a host name stood for, and when.
struct KnownName {
  std::vector<Prefix> prefixes;
  Instant at;
};

struct Spooled {
  std::int64_t id = 0;
  std::optional<NewBan> ban; // with its age by now, and its token
  std::optional<SpooledUnban> unban;
  std::string correction;    // why its time begins now, where this host's clock cannot be followed; else empty
  Seconds tried = permanent; // how long ago the table last refused just this one
  bool is_judged = true;     // else whoever put it may take it back yet

  const Prefix &ip() const { return ban ? ban->ip : unban->ip; }
};

// `ban 203.0.113.7/32 (sshd, web1)`
std::string words_of(const Spooled &one);

// A ban that waits as a row of the table; `created` tells it from those that stand there.
KeptRow row_of(const Spooled &one);

// A line as people look at it.
struct SpoolLine {
  enum class State { Waits, Refused } state = State::Waits;
  std::int64_t id = 0, at = 0; // at: seconds since the epoch, by this host's clock
  std::string ip;              // empty where the line cannot be read
  std::string what;            // in words; where it cannot be read, its text
  std::string problem;         // why it was set aside, or why it waits still; empty: not tried yet
  bool alone = false;          // the problem is of this line, as far as is known, and not of the table
};

class Spool {
public:
  // Throws Error (Config) where the file cannot be used.
  explicit Spool(const std::string &path);
  ~Spool();

  // Once for each token; one of its own where there is none. Returns the number of the line. Later: it is not delivered,
  // nor shown to devices, before judged() is called or so many seconds are over, in which the caller may have died.
  enum class Judgement { Done, Later };
  static constexpr Seconds judgement_lasts = 4;
  std::int64_t put(const NewBan &ban, const Instant &decided = instant_now(), Judgement judgement = Judgement::Done);
  std::int64_t put(const SpooledUnban &unban, const Instant &decided = instant_now());
  void judged(std::int64_t id);
  // What was put with this token waits no longer: it is not to be. False where it did not wait any more.
  bool take_back(const std::string &token);
  // What waits with a number above `after`, oldest first; `at_most` of it. What cannot be read is set aside.
  std::vector<Spooled> waiting(std::size_t at_most = 1'000'000, std::int64_t after = 0);
  // The judged bans among it that are new, as they were prolonged since, without those that an unban behind them takes back.
  // What fail2ban says again is not among them: whether somebody has unbanned it only the table knows.
  std::vector<Spooled> bans();
  std::size_t size();
  void arrived(std::int64_t id);
  // The table will never take it: set aside for people to see, and no longer waiting.
  void refused(std::int64_t id, const std::string &why);
  // It waits still, and why; Line: only this one does, as far as is known.
  enum class Extent { Table, Line };
  void not_taken(std::int64_t id, const std::string &why, Extent extent);

  // Everything in it, oldest first.
  std::vector<SpoolLine> lines();
  std::optional<SpoolLine> line(std::int64_t id); // nothing: it has arrived, or never was
  void drop(std::int64_t id);
  void retry(std::int64_t id); // what was set aside waits again

  void keep(const std::string &table, const TableCopy &copy);
  std::optional<TableCopy> copy(const std::string &table);

  void keep_name(const std::string &name, const KnownName &known);
  std::map<std::string, KnownName> names();

  // Something that a person should know later on; the newest few are kept for a week.
  void note(const std::string &text);
  std::vector<std::string> notes(); // the oldest first, each with its time

  // The table was found gone; whoever asks shortly after need not wait for its time-outs again.
  void table_is_gone(const std::string &why = {});
  void table_is_back();
  bool gone_within(Seconds seconds);
  std::string why_gone(); // when it last was; empty: it was not, or nobody knows
  // Takes the mark away when nothing waits and the table was not found gone for so long.
  void clear_mark_if_idle(Seconds gone_for);

private:
  std::int64_t put(const std::string &token, const std::string &what, const Instant &decided);
  void set_mark();

  struct Handle;
  std::unique_ptr<Handle> handle_;
  std::string path_;
};

// No two are alike.
std::string new_token();

// Whether a look into the spool is due at all: an empty file beside it says so. Opening the spool itself takes longer than
// all else that a ban does here.
bool spool_is_marked(const std::string &path);

// Whether there is a spool with something in it, without making one.
bool spool_waits(const std::string &path);

// How a trouble begins that is of the spool itself, and not of what waits in it.
inline constexpr std::string_view spool_cannot_be_used = "the spool cannot be used";

// The spool, where there is one; or why it cannot be used. Nothing that can do without it is to end there.
struct SpoolLook {
  std::unique_ptr<Spool> spool;
  std::string trouble;
};
SpoolLook look_into_spool(const std::string &path);
// The same where something waits in it.
SpoolLook look_for_waiting(const std::string &path);

// The bans that wait, for devices to have them all the same: nothing is known of the rest of the tables, so nothing may
// be taken away by it. Nothing where a table's allowlist was never seen: what it allows might be blocked.
std::optional<Fetched> fetch_spooled(Config &config, Spool &spool);

// The bans that wait, besides what the table holds. What it holds already, or what fail2ban says again and the table knows,
// is not added: it would count twice.
void add_waiting(Fetched &fetched, const Config &config, Spool &spool);
// What must never be blocked here, by what is fetched and by names as of now, else by their last good answers, which the
// spool keeps. Trouble with it is a note in `fetched`.
Protection known_protection(const Config &config, Fetched &fetched);
// The rows of all tables with all of that. Throws as fetch_rows() does.
Fetched fetch(Config &config);

// Throws TableError where the copy of this table says that it had side tables: that they are gone now, or hidden from this
// user, is no reason to take their allowlist and their unbans for empty.
void require_no_side_tables_seen(const std::string &path, const std::string &table);
// Whether the table has side tables; throws so where it has none and had some.
bool has_side_tables_as_before(BanTable &table, const std::string &path, const std::string &name);

// Keeps what fetched.copies say, as far as it is new. Trouble with the file is a note in `fetched`.
void keep_copies(const std::string &path, Fetched &fetched);

// Takes what waits to the tables, in order: bans to the first, unbans to all. What the table will never take is set aside;
// what it refuses for a reason that may be of that one line only is left waiting, with what comes later for the same
// address, and the others go on. Nothing is done where another process is at it.
struct Delivered {
  std::size_t arrived = 0;
  std::vector<std::string> refused;   // set aside now, in words
  std::optional<TableError> waits;    // the first reason why something waits still
  std::string waiting_line;           // what waits for that reason, in words, where the reason may be of this line alone
  std::vector<std::string> corrected; // whose time begins now for want of a clock
  std::vector<std::string> lifted;    // whose address was unbanned before they arrived
  std::map<std::int64_t, std::variant<Recorded, Unbanned>> results; // what became of each line that arrived

  std::string why_it_waits() const;      // `waits` in words, behind the line that it may be of; empty where nothing waits
  std::vector<std::string> said() const; // of both, for people
};
// By the configuration: what a ban extends is told by policy, and tables that hide their side tables take nothing.
Delivered deliver(Spool &spool, const Config &config, const std::vector<std::unique_ptr<BanTable>> &tables);

} // namespace banpush
