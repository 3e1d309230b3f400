#include "app/state/state_handle.hpp"

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

std::int64_t now() { return seconds_now(); }

Block block_of(const std::string &text) {
  const auto block = Block::parse(text);
  if (!block)
    throw Error(ErrorKind::Config, fmt::format("\"{}\" in the ledger is no block", shown(text)));
  return *block;
}

using Spot = std::pair<std::string, std::string>; // block text, list

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
    }};

struct Written { // one line of the ledger, as far as it may change
  std::string number;
  std::optional<std::int64_t> until;
};

std::map<Spot, Written> ledger_of(const Database &database, const std::string &device) {
  std::map<Spot, Written> lines;
  auto rows = database.prepare("SELECT block, list, number, until FROM ledger WHERE device = ?", {device});
  while (rows.step())
    lines.emplace(Spot{std::string(rows.text(0)), std::string(rows.text(1))},
                  Written{std::string(rows.text(2)), rows.is_null(3) ? std::nullopt : std::optional{rows.number(3)}});
  return lines;
}

std::map<Spot, Written> taken_away(const Change &change) {
  std::map<Spot, Written> lines;
  for (const Removal &removal : change.remove)
    lines.emplace(Spot{removal.block.text(), removal.list}, Written{});
  return lines;
}

std::set<Spot> spots_of(const Installed &installed) {
  std::set<Spot> spots;
  for (const Entry &entry : installed.entries)
    spots.emplace(entry.block.text(), entry.list);
  return spots;
}

// What a push was to take away, and nobody has seen whether it did.
std::vector<Spot> going(const Database &database, const std::string &device) {
  std::vector<Spot> spots;
  auto rows = database.prepare("SELECT block, list FROM in_doubt WHERE device = ? AND comes = 0", {device});
  while (rows.step())
    spots.emplace_back(std::string(rows.text(0)), std::string(rows.text(1)));
  return spots;
}

// Nothing of this change is in doubt any more.
void settle(const Database &database, const std::string &device, const Change &change) {
  auto settled = database.prepare("DELETE FROM in_doubt WHERE device = ? AND block = ? AND list = ?");
  const auto of = [&](const auto &one) {
    settled.restart({device, one.block.text(), one.list});
    settled.step();
  };
  std::for_each(change.add.begin(), change.add.end(), of);
  std::for_each(change.remove.begin(), change.remove.end(), of);
}

std::vector<Entry> put_there(const Change &change) {
  std::vector<Entry> entries;
  for (const Addition &addition : change.add) {
    Entry entry;
    entry.block = addition.block;
    entry.list = addition.list;
    entry.number = addition.number;
    entries.push_back(std::move(entry));
  }
  return entries;
}

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
  if (!trouble_.empty())
    handle_.reset(); // a newer file, or none: nothing of it is to be touched
}

State::~State() = default;
State::State(State &&) noexcept = default;

void State::try_to_write() {
  if (handle_)
    with("write", [&] {
      handle_->database.execute("INSERT INTO request (one, number) VALUES (1, 0) ON CONFLICT (one) DO UPDATE SET number = number");
    });
}

Remembered State::remembered(const std::string &device) {
  Remembered remembered;
  if (!handle_)
    return remembered;
  with("read the ledger", [&] {
    auto rows = handle_->database.prepare("SELECT block, until FROM ledger WHERE device = ?", {device});
    const std::int64_t moment = now();
    while (rows.step()) {
      const Block block = block_of(std::string(rows.text(0)));
      remembered.blocks.push_back(block);
      if (!rows.is_null(1) && rows.number(1) <= moment)
        remembered.ended.emplace_back(block, moment - rows.number(1));
    }
  });
  std::sort(remembered.blocks.begin(), remembered.blocks.end());
  std::sort(remembered.ended.begin(), remembered.ended.end());
  return remembered;
}

std::vector<LedgerEntry> State::ledger(const std::string &device) {
  std::vector<LedgerEntry> entries;
  if (!handle_)
    return entries;
  with("read the ledger", [&] {
    auto rows = handle_->database.prepare("SELECT block, list, number, jail, since FROM ledger WHERE device = ?", {device});
    while (rows.step())
      entries.push_back({block_of(std::string(rows.text(0))), std::string(rows.text(1)), std::string(rows.text(2)),
                         std::string(rows.text(3)), local_time(rows.number(4))});
  });
  std::sort(entries.begin(), entries.end(), [](const LedgerEntry &a, const LedgerEntry &b) { return a.block < b.block; });
  return entries;
}

std::string State::verified_at(const std::string &device) {
  std::string at;
  if (handle_)
    with("read the ledger", [&] {
      auto row = handle_->database.prepare("SELECT at FROM verified WHERE device = ?", {device});
      if (row.step())
        at = local_time(row.number(0));
    });
  return at;
}

void State::verified(const std::string &device, const Plan &plan, const Installed &installed, double since_fetch) {
  if (!handle_)
    return;
  with("write the ledger", [&] {
    Transaction transaction(handle_->database);
    write_ledger(device, plan, plan.extent == Plan::Extent::Whole ? &installed : nullptr, since_fetch);
    handle_->database.execute("DELETE FROM in_doubt WHERE device = ?", {device});
    handle_->database.execute("INSERT INTO verified (device, at) VALUES (?, ?) ON CONFLICT (device) DO UPDATE SET at = excluded.at",
                              {device, now()});
    transaction.commit();
  });
}

void State::changed(const std::string &device, const Plan &plan, double since_fetch) {
  if (!handle_)
    return;
  with("write the ledger", [&] {
    Transaction transaction(handle_->database);
    write_ledger(device, plan, nullptr, since_fetch);
    settle(handle_->database, device, plan.change);
    transaction.commit();
  });
}

void State::changed_in_part(const std::string &device, const Plan &plan, const Installed &installed, double since_fetch) {
  const auto is_there = [&](const auto &one) {
    return std::any_of(installed.entries.begin(), installed.entries.end(),
                       [&](const Entry &entry) { return entry.block == one.block && entry.list == one.list; });
  };
  Plan shown = plan;
  std::erase_if(shown.change.add, [&](const Addition &one) { return !is_there(one); });
  std::erase_if(shown.change.remove, is_there);
  changed(device, shown, since_fetch);
  if (handle_)
    with("write what is in doubt", [&] { settle(handle_->database, device, plan.change); });
}

void State::seen(const std::string &device, const Installed &installed) {
  if (!handle_)
    return;
  with("write the ledger", [&] {
    Transaction transaction(handle_->database);
    auto write =
        handle_->database.prepare("INSERT OR IGNORE INTO ledger (device, block, list, number, jail, since) VALUES (?, ?, ?, ?, '', ?)");
    for (const Entry &entry : installed.entries) {
      write.restart({device, entry.block.text(), entry.list, entry.number, now()});
      write.step();
    }
    const std::set<Spot> there = spots_of(installed);
    for (const Spot &spot : going(handle_->database, device))
      if (there.count(spot) == 0)
        handle_->database.execute("DELETE FROM ledger WHERE device = ? AND block = ? AND list = ?", {device, spot.first, spot.second});
    handle_->database.execute("DELETE FROM in_doubt WHERE device = ?", {device});
    transaction.commit();
  });
}

// All there is, or what the plan changed.
void State::write_ledger(const std::string &device, const Plan &plan, const Installed *all, double since_fetch) {
  const Database &database = handle_->database;
  const std::int64_t moment = now();
  std::map<Spot, const Candidate *> wanted;
  for (const Wanted &one : plan.wanted)
    wanted[{one.candidate.block.text(), one.list}] = &one.candidate;
  std::map<Block, const Addition *> added;
  for (const Addition &addition : plan.change.add)
    added[addition.block] = &addition;
  std::map<Spot, Written> before = all != nullptr ? ledger_of(database, device) : taken_away(plan.change);
  const std::vector<Entry> put = all != nullptr ? std::vector<Entry>{} : put_there(plan.change);
  const std::vector<Entry> &entries = all != nullptr ? all->entries : put;
  auto write = database.prepare(
      "INSERT INTO ledger (device, block, list, number, jail, since, until, blocked_after) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (device, block, list) DO UPDATE SET number = excluded.number, until = excluded.until");
  for (const Entry &entry : entries) {
    const Spot spot{entry.block.text(), entry.list};
    const auto candidate = wanted.find(spot);
    const auto fresh = added.find(entry.block);
    const bool ends = candidate != wanted.end() && candidate->second->until != permanent;
    const auto until = ends ? std::optional{moment + candidate->second->until - static_cast<Seconds>(since_fetch)} : std::nullopt;
    const auto line = before.extract(spot);
    // Ends are counted in whole seconds at both ends: one second off is the same end.
    if (!line.empty() && line.mapped().number == entry.number && line.mapped().until.has_value() == until.has_value() &&
        (!until || std::abs(*line.mapped().until - *until) <= 2))
      continue;
    const bool timed = fresh != added.end() && candidate != wanted.end();
    const auto milliseconds = timed ? static_cast<std::int64_t>((std::max(candidate->second->age, 0) + since_fetch) * 1000) : 0;
    write.restart({device, spot.first, spot.second, entry.number, fresh == added.end() ? std::string() : fresh->second->jail, moment,
                   until ? SqlValue(*until) : SqlValue(nullptr),
                   timed ? SqlValue(fmt::format("{}.{:03}", milliseconds / 1000, milliseconds % 1000)) : SqlValue(nullptr)});
    write.step();
  }
  auto remove = database.prepare("DELETE FROM ledger WHERE device = ? AND block = ? AND list = ?");
  for (const auto &[spot, line] : before) {
    remove.restart({device, spot.first, spot.second});
    remove.step();
  }
}

std::vector<double> State::times_to_block(const std::string &device, Seconds within) {
  std::vector<double> seconds;
  if (handle_)
    with("read the ledger", [&] {
      auto rows = handle_->database.prepare("SELECT CAST(blocked_after * 1000 AS INTEGER) FROM ledger WHERE device = ? AND since >= ? AND "
                                            "blocked_after IS NOT NULL ORDER BY blocked_after",
                                            {device, now() - within});
      while (rows.step())
        seconds.push_back(static_cast<double>(rows.number(0)) / 1000);
    });
  return seconds;
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

std::optional<State::Doubt> State::doubt(const std::string &device, const Prefix &prefix) {
  std::optional<Doubt> found;
  if (handle_)
    with("read what is in doubt", [&] {
      auto rows = handle_->database.prepare("SELECT block, list, comes FROM in_doubt WHERE device = ?", {device});
      while (rows.step()) {
        const Block block = block_of(std::string(rows.text(0)));
        if (block.prefix.contains(prefix) && (!found || found->block.prefix.length() < block.prefix.length()))
          found = Doubt{block, std::string(rows.text(1)), rows.number(2) != 0 ? Doubt::Doing::Adds : Doubt::Doing::Removes};
      }
    });
  return found;
}

std::set<Family> State::families(const std::string &device) {
  std::set<Family> families;
  if (handle_)
    with("read the ledger", [&] {
      auto rows = handle_->database.prepare("SELECT block FROM ledger WHERE device = ? UNION SELECT block FROM in_doubt WHERE device = ?",
                                            {device, device});
      while (families.size() < 2 && rows.step())
        families.insert(block_of(std::string(rows.text(0))).prefix.family());
    });
  return families;
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
