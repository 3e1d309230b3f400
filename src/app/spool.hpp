// What could not reach the ban table yet, in a file of its own: durable before the caller returns, in order,
// each with a token so that it arrives once. And the last good copy of what the table says must never be blocked.
#pragma once

#include "app/world.hpp"
#include "bans/ban_table.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace banpush {

struct SpooledUnban {
  Prefix ip;
  std::string jail, hostname, actor; // empty jail, hostname: all
  Revoker who = Revoker::Operator;
};

struct Spooled {
  std::int64_t id = 0;
  std::optional<NewBan> ban; // with its age by now, and its token
  std::optional<SpooledUnban> unban;
};

class Spool {
public:
  // Throws Error (Config) where the file cannot be used.
  explicit Spool(const std::string &path);
  ~Spool();

  void put(const NewBan &ban);
  void put(const SpooledUnban &unban);
  // What waits, oldest first; `at_most` of it.
  std::vector<Spooled> waiting(std::size_t at_most = 1'000'000);
  std::size_t size();
  void arrived(std::int64_t id);
  // The table will never take it: kept for people to see, and no longer waiting.
  void refused(std::int64_t id, const std::string &why);
  std::vector<std::string> refusals();

  void keep(const std::string &table, const TableCopy &copy);
  std::optional<TableCopy> copy(const std::string &table);

  // The table was found gone; whoever asks shortly after need not wait for its time-outs again.
  void table_is_gone();
  void table_is_back();
  bool gone_within(Seconds seconds);
  // Takes the mark away when nothing waits and the table was not found gone for so long.
  void clear_mark_if_idle(Seconds gone_for);

private:
  void put(const std::string &what);
  void set_mark();

  struct Handle;
  std::unique_ptr<Handle> handle_;
  std::string path_;
};

// Whether a look into the spool is due at all: an empty file beside it says so. Opening the spool itself takes longer than
// all else that a ban does here.
bool spool_is_marked(const std::string &path);

// Whether there is a spool with something in it, without making one.
bool spool_waits(const std::string &path);

// The bans that wait, for devices to have them all the same: nothing is known of the rest of the tables, so nothing may
// be taken away by it. Nothing where a table's allowlist was never seen: what it allows might be blocked.
std::optional<Fetched> fetch_spooled(Config &config, Spool &spool);

// Keeps what fetched.copies say, as far as it is new. Trouble with the file is a note in `fetched`.
void keep_copies(const std::string &path, Fetched &fetched);

// Takes what waits to the tables, in order: bans to the first, unbans to all. Says how much arrived and what was
// refused for good. Throws TableError at the first that cannot be taken now; nothing where another process is at it.
struct Delivered {
  std::size_t arrived = 0;
  std::vector<std::string> refused;
};
Delivered deliver(Spool &spool, const std::string &path, const std::vector<std::unique_ptr<BanTable>> &tables);

} // namespace banpush
