#include "app/state/state_handle.hpp"

#include "app/state/access.hpp"
#include "app/state/process_mark.hpp"
#include "bans/sqlite/file_schema.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <set>

#include <fmt/format.h>

namespace banpush {

namespace {

// Times are seconds since the epoch by this host's clock: they order what this host did, nothing else.
constexpr const char *schema = R"(
CREATE TABLE IF NOT EXISTS ledger (
  device TEXT NOT NULL, block TEXT NOT NULL, list TEXT NOT NULL, number TEXT NOT NULL, jail TEXT NOT NULL,
  since INTEGER NOT NULL, until INTEGER, blocked_after REAL,
  PRIMARY KEY (device, block, list)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verified (device TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS audit (
  id INTEGER PRIMARY KEY, device TEXT NOT NULL, intent TEXT NOT NULL, actor TEXT NOT NULL, started INTEGER NOT NULL,
  ended INTEGER, outcome TEXT, script TEXT NOT NULL, words TEXT, error TEXT);
CREATE INDEX IF NOT EXISTS audit_device ON audit (device, started);
CREATE TABLE IF NOT EXISTS paused (
  device TEXT PRIMARY KEY, until INTEGER, reason TEXT NOT NULL, actor TEXT NOT NULL, since INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS despite_login (address TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS request (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL);
)";

// What a person is told until it is over, and what a pass must not forget.
constexpr const char *schema_of_conditions = R"(
CREATE TABLE attempt (
  device TEXT PRIMARY KEY, driver TEXT NOT NULL, address TEXT NOT NULL, at INTEGER NOT NULL, since INTEGER NOT NULL,
  actor TEXT NOT NULL, outcome TEXT NOT NULL, error TEXT NOT NULL);
CREATE TABLE condition (
  device TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (device, name)) WITHOUT ROWID;
CREATE TABLE unconfirmed (
  device TEXT PRIMARY KEY, since INTEGER NOT NULL, boot TEXT NOT NULL, uptime REAL NOT NULL, within INTEGER NOT NULL);
CREATE TABLE unsaved (device TEXT PRIMARY KEY, why TEXT NOT NULL);
CREATE TABLE set_up (device TEXT PRIMARY KEY, at INTEGER NOT NULL);
ALTER TABLE audit ADD COLUMN process TEXT;
)";

// What was sent and not read back.
constexpr const char *schema_of_doubt = R"(
CREATE TABLE in_doubt (
  device TEXT NOT NULL, block TEXT NOT NULL, list TEXT NOT NULL, comes INTEGER NOT NULL, PRIMARY KEY (device, block, list)) WITHOUT ROWID;
)";

// What entries were made of. `known`: these lines say all of that for the entry; else an older banpush has written it, or it was found.
constexpr const char *schema_of_origins = R"(
ALTER TABLE ledger ADD COLUMN known INTEGER NOT NULL DEFAULT 0;
CREATE TABLE origin (
  device TEXT NOT NULL, block TEXT NOT NULL, list TEXT NOT NULL, prefix TEXT NOT NULL, until INTEGER,
  PRIMARY KEY (device, block, list, prefix)) WITHOUT ROWID;
CREATE TRIGGER entry_gone AFTER DELETE ON ledger BEGIN
  DELETE FROM origin WHERE device = OLD.device AND block = OLD.block AND list = OLD.list;
END;
ALTER TABLE audit ADD COLUMN added INTEGER;
ALTER TABLE audit ADD COLUMN removed INTEGER;
ALTER TABLE audit ADD COLUMN put_back INTEGER;
)";

// What a reading told beside the entries. `what` says of which kind the line is; `prefix` is a block of ours, or what a line of others covers.
constexpr const char *schema_of_readings = R"(
CREATE TABLE as_read (
  device TEXT NOT NULL, what TEXT NOT NULL, list TEXT NOT NULL, prefix TEXT NOT NULL, source TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX as_read_device ON as_read (device);
)";

// By which driver a device was last read back; and of which kind a condition is.
constexpr const char *schema_of_kinds = R"(
ALTER TABLE verified ADD COLUMN driver TEXT NOT NULL DEFAULT '';
UPDATE verified SET driver = COALESCE((SELECT driver FROM attempt WHERE attempt.device = verified.device), '');
DROP INDEX as_read_device;
ALTER TABLE condition ADD COLUMN kind TEXT NOT NULL DEFAULT '';
UPDATE condition SET kind = CASE
  WHEN name IN ('unreachable', 'login', 'failing') THEN 'attempt' WHEN name IN ('unconfirmed', 'unsaved', 'renamed') THEN 'left'
  WHEN name LIKE 'list %' THEN 'list' WHEN name = 'shadowed' THEN 'passes' WHEN text LIKE 'refused by%' THEN 'refuses' ELSE 'holds' END;
CREATE INDEX as_read_place ON as_read (device, what, list, prefix);
)";

std::int64_t now() { return seconds_now(); }

constexpr Upgrade upgrades[] = {
    [](const Database &database) {
      database.script(schema);
      if (!has_column(database, "ledger", "blocked_after")) // a file of version 0.1
        database.script("ALTER TABLE ledger ADD COLUMN blocked_after REAL");
    },
    [](const Database &database) { database.script(schema_of_conditions); },
    [](const Database &database) { database.script("ALTER TABLE unsaved ADD COLUMN due INTEGER NOT NULL DEFAULT 0"); },
    [](const Database &database) { database.script(schema_of_doubt); },
    [](const Database &database) {
      database.script("CREATE TABLE made (device TEXT NOT NULL, family INTEGER NOT NULL, PRIMARY KEY (device, family)) WITHOUT ROWID");
    },
    [](const Database &database) {
      database.script("CREATE TABLE pace (device TEXT PRIMARY KEY, driver TEXT NOT NULL, bytes INTEGER NOT NULL, lost_with INTEGER NOT "
                      "NULL, at INTEGER NOT NULL)");
    },
    [](const Database &database) {
      database.script("CREATE TABLE part_read (device TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL, entries INTEGER NOT NULL, "
                      "PRIMARY KEY (device, path)) WITHOUT ROWID");
    },
    [](const Database &database) {
      database.script("CREATE TABLE lacking (device TEXT NOT NULL, list TEXT NOT NULL, PRIMARY KEY (device, list)) WITHOUT ROWID");
    },
    [](const Database &database) { database.script(schema_of_origins); },
    [](const Database &database) { database.script(schema_of_readings); },
    [](const Database &database) { database.script(schema_of_kinds); }};

} // namespace

std::string local_time(std::int64_t at) {
  const std::time_t time = static_cast<std::time_t>(at);
  std::tm local{};
  localtime_r(&time, &local);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
  return text.data();
}

State::State(const std::string &path) : path_(path) {
  with("open", [&] {
    handle_ = std::make_unique<Handle>(path);
    bring_up(handle_->database, upgrades);
  });
  if (trouble_.empty())
    return;
  handle_.reset(); // a newer file, or none: nothing of it is to be touched
  if (const std::string why = not_permitted(path); !why.empty())
    trouble_ = failing_ = why;
}

State::~State() = default;
State::State(State &&) noexcept = default;

void State::try_to_write() {
  if (handle_)
    with("write", [&] {
      handle_->database.execute("INSERT INTO request (one, number) VALUES (1, 0) ON CONFLICT (one) DO UPDATE SET number = number");
    });
}

long State::started(const std::string &device, const std::string &intent, const std::string &who, const std::string &script,
                    const Change &change) {
  long record = 0;
  if (handle_)
    with("write the audit", [&] {
      Transaction transaction(handle_->database);
      {
        auto row = handle_->database.prepare(
            "INSERT INTO audit (device, intent, actor, started, script, process) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            {device, intent, who, now(), script, mark_of_this_process()});
        if (row.step())
          record = static_cast<long>(row.number(0));
      }
      auto write = handle_->database.prepare("INSERT OR REPLACE INTO in_doubt (device, block, list, comes) VALUES (?, ?, ?, ?)");
      for (const Removal &one : change.remove) {
        write.restart({device, one.block.text(), one.list, std::int64_t{0}});
        write.step();
      }
      for (const Addition &one : change.add) {
        write.restart({device, one.block.text(), one.list, std::int64_t{1}});
        write.step();
      }
      transaction.commit();
    });
  return record;
}

void State::undone(const std::string &device) {
  if (handle_)
    with("write what is in doubt", [&] { handle_->database.execute("DELETE FROM in_doubt WHERE device = ?", {device}); });
}

std::optional<State::InDoubt> State::in_doubt(const std::string &device, const Prefix &prefix) {
  std::optional<InDoubt> found;
  if (handle_)
    with("read what is in doubt", [&] {
      auto rows = handle_->database.prepare("SELECT block, list, comes FROM in_doubt WHERE device = ?", {device});
      while (rows.step()) {
        const Block block = block_of(std::string(rows.text(0)));
        if (block.prefix.contains(prefix) && (!found || found->block.prefix.length() < block.prefix.length()))
          found = InDoubt{block, std::string(rows.text(1)), rows.number(2) != 0 ? InDoubt::Doing::Adds : InDoubt::Doing::Removes};
      }
    });
  return found;
}

std::optional<Pause> State::paused(const std::string &device) {
  std::optional<Pause> pause;
  if (handle_)
    with("read pauses", [&] {
      auto row = handle_->database.prepare(
          "SELECT until, reason, actor, since FROM paused WHERE device = ? AND (until IS NULL OR until > ?)", {device, now()});
      if (row.step()) {
        pause.emplace();
        if (!row.is_null(0))
          pause->left = row.number(0) - now();
        pause->reason = row.text(1);
        pause->actor = row.text(2);
        pause->since = local_time(row.number(3));
      }
    });
  return pause;
}

void State::pause(const std::string &device, std::optional<Seconds> length, const std::string &reason, const std::string &who) {
  if (handle_)
    with("write a pause", [&] {
      handle_->database.execute(
          "INSERT INTO paused (device, until, reason, actor, since) VALUES (?, ?, ?, ?, ?) ON CONFLICT (device) DO UPDATE SET "
          "until = excluded.until, reason = excluded.reason, actor = excluded.actor, since = excluded.since",
          {device, length ? SqlValue(now() + *length) : SqlValue(nullptr), reason, who, now()});
    });
}

bool State::resume(const std::string &device) {
  const bool was = paused(device).has_value();
  if (handle_)
    with("lift a pause", [&] { handle_->database.execute("DELETE FROM paused WHERE device = ?", {device}); });
  return was;
}

void State::ban_despite_login(const Prefix &address, const std::string &ban, const std::string &who, const std::string &session) {
  if (!handle_)
    return;
  const long record = started("", fmt::format("ban {} --even-if-logged-in", ban), who, "");
  ended(record, "overridden", "", fmt::format("{} is logged in here: {}", address.text(), session));
  with("write what is banned despite a login", [&] {
    handle_->database.execute("INSERT INTO despite_login (address, at) VALUES (?, ?) ON CONFLICT (address) DO UPDATE SET at = excluded.at",
                              {address.text(), now()});
  });
}

std::optional<std::int64_t> State::banned_despite_login(const Prefix &address) {
  std::optional<std::int64_t> at;
  if (handle_)
    with("read what is banned despite a login", [&] {
      auto row = handle_->database.prepare("SELECT at FROM despite_login WHERE address = ?", {address.text()});
      if (row.step())
        at = row.number(0);
    });
  return at;
}

long State::request() {
  long number = 0;
  if (handle_)
    with("note a request", [&] {
      auto row = handle_->database.prepare(
          "INSERT INTO request (one, number) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET number = number + 1 RETURNING number");
      if (row.step())
        number = static_cast<long>(row.number(0));
    });
  return number;
}

long State::requested() {
  long number = 0;
  if (handle_)
    with("read requests", [&] {
      auto row = handle_->database.prepare("SELECT number FROM request");
      if (row.step())
        number = static_cast<long>(row.number(0));
    });
  return number;
}

} // namespace banpush
