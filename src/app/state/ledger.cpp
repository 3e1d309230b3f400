// The ledger: what stands on each device since when, by the last reading, and what each entry was made of.
#include "app/state/state_handle.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include <fmt/format.h>

namespace banpush {

namespace {

std::int64_t now() { return seconds_now(); }

using Spot = std::pair<std::string, std::string>; // block text, list

using End = std::optional<std::int64_t>; // nothing: never

struct Written { // one line of the ledger, as far as it may change
  std::string number;
  End until;
  bool known = false;                 // what it was made of
  std::map<std::string, End> origins; // by prefix
};

End end_in(const Statement &row, int column) { return row.is_null(column) ? std::nullopt : End(row.number(column)); }

// Ends are counted in whole seconds at both ends: one second off is the same end.
bool same(const End &a, const End &b) { return a.has_value() == b.has_value() && (!a || std::abs(*a - *b) <= 2); }

bool same(const Written &a, const Written &b) {
  return a.number == b.number && same(a.until, b.until) && a.known == b.known &&
         std::equal(a.origins.begin(), a.origins.end(), b.origins.begin(), b.origins.end(),
                    [](const auto &one, const auto &other) { return one.first == other.first && same(one.second, other.second); });
}

std::map<Spot, Written> ledger_of(const Database &database, const std::string &device) {
  std::map<Spot, Written> lines;
  auto rows = database.prepare("SELECT block, list, number, until, known FROM ledger WHERE device = ?", {device});
  while (rows.step())
    lines.emplace(Spot{std::string(rows.text(0)), std::string(rows.text(1))},
                  Written{std::string(rows.text(2)), end_in(rows, 3), rows.number(4) != 0, {}});
  auto origins = database.prepare("SELECT block, list, prefix, until FROM origin WHERE device = ?", {device});
  while (origins.step())
    if (const auto line = lines.find({std::string(origins.text(0)), std::string(origins.text(1))}); line != lines.end())
      line->second.origins.emplace(std::string(origins.text(2)), end_in(origins, 3));
  return lines;
}

std::map<Spot, const Wanted *> by_spot(const std::vector<Wanted> &wanted) {
  std::map<Spot, const Wanted *> found;
  for (const Wanted &one : wanted)
    found[{one.candidate.block.text(), one.list}] = &one;
  return found;
}

// What the plan says of an entry that it wants.
Written as_wanted(const Entry &entry, const Wanted &wanted, std::int64_t fetched) {
  const auto end = [&](Seconds until) { return until == permanent ? std::nullopt : End(fetched + until); };
  Written line{entry.number, end(wanted.candidate.until), true, {}};
  for (const Origin &one : wanted.made_of)
    line.origins.emplace(one.prefix.text(), end(one.until));
  return line;
}

// Writes the lines of one device.
class LedgerWriter {
public:
  LedgerWriter(const Database &database, const std::string &device)
      : device_(device),
        line_(database.prepare(
            "INSERT INTO ledger (device, block, list, number, jail, since, until, blocked_after, known) VALUES (?, ?, ?, ?, "
            "?, ?, ?, ?, ?) ON CONFLICT (device, block, list) DO UPDATE SET number = excluded.number, until = "
            "excluded.until, known = excluded.known")),
        origin_(database.prepare("INSERT OR REPLACE INTO origin (device, block, list, prefix, until) VALUES (?, ?, ?, ?, ?)")),
        no_origins_(database.prepare("DELETE FROM origin WHERE device = ? AND block = ? AND list = ?")),
        no_line_(database.prepare("DELETE FROM ledger WHERE device = ? AND block = ? AND list = ?")) {}

  void write(const Spot &spot, const Written &line, const std::string &jail, const SqlValue &blocked_after) {
    run(line_,
        {device_, spot.first, spot.second, line.number, jail, now(), value(line.until), blocked_after, std::int64_t{line.known ? 1 : 0}});
    for (const auto &[prefix, until] : line.origins)
      run(origin_, {device_, spot.first, spot.second, prefix, value(until)});
  }
  void forget_origins(const Spot &spot) { run(no_origins_, {device_, spot.first, spot.second}); }
  void remove(const Spot &spot) { run(no_line_, {device_, spot.first, spot.second}); }

private:
  static SqlValue value(const End &end) { return end ? SqlValue(*end) : SqlValue(nullptr); }
  static void run(Statement &statement, const SqlValues &values) {
    statement.restart(values);
    statement.step();
  }

  const std::string &device_;
  Statement line_, origin_, no_origins_, no_line_;
};

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

// What of a change the device shows.
Change shown_of(const Change &change, const Installed &installed) {
  const auto is_there = [&](const auto &one) {
    return std::any_of(installed.entries.begin(), installed.entries.end(),
                       [&](const Entry &entry) { return entry.block == one.block && entry.list == one.list; });
  };
  Change shown = change;
  std::erase_if(shown.add, [&](const Addition &one) { return !is_there(one); });
  std::erase_if(shown.remove, is_there);
  return shown;
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

Block block_of(const std::string &text) {
  const auto block = Block::parse(text);
  if (!block)
    throw Error(ErrorKind::Config, fmt::format("\"{}\" in the ledger is no block", shown(text)));
  return *block;
}

Remembered State::remembered(const std::string &device) {
  Remembered remembered;
  if (!handle_)
    return remembered;
  with("read the ledger", [&] {
    const std::int64_t moment = now();
    std::set<Block> running; // by something that they were made of
    auto origins = handle_->database.prepare("SELECT block, prefix, until FROM origin WHERE device = ?", {device});
    while (origins.step()) {
      const Block block = block_of(std::string(origins.text(0)));
      const End end = end_in(origins, 2);
      remembered.origins.push_back({block, {block_of(std::string(origins.text(1))).prefix, end ? *end - moment : permanent}});
      if (!end || *end > moment)
        running.insert(block);
    }
    auto rows = handle_->database.prepare("SELECT block, until, known FROM ledger WHERE device = ?", {device});
    while (rows.step()) {
      const Block block = block_of(std::string(rows.text(0)));
      remembered.blocks.push_back(block);
      if (rows.number(2) == 0)
        remembered.strange.push_back(block);
      if (!rows.is_null(1) && rows.number(1) <= moment && running.count(block) == 0)
        remembered.ended.emplace_back(block, moment - rows.number(1));
    }
  });
  std::sort(remembered.blocks.begin(), remembered.blocks.end());
  std::sort(remembered.ended.begin(), remembered.ended.end());
  std::sort(remembered.strange.begin(), remembered.strange.end());
  std::stable_sort(remembered.origins.begin(), remembered.origins.end(), [](const auto &a, const auto &b) { return a.first < b.first; });
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
    handle_->database.execute("INSERT INTO verified (device, at, driver) VALUES (?, ?, ?) ON CONFLICT (device) DO UPDATE SET "
                              "at = excluded.at, driver = excluded.driver",
                              {device, now(), plan.driver});
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
  Plan shown = plan;
  shown.change = shown_of(plan.change, installed);
  changed(device, shown, since_fetch);
  if (handle_)
    with("write what is in doubt", [&] { settle(handle_->database, device, plan.change); });
}

void State::lost(const std::string &device, const Plan &plan, const Installed &shown, double since_fetch) {
  if (!handle_)
    return;
  with("write the ledger", [&] {
    Transaction transaction(handle_->database);
    write_ledger(device, plan, nullptr, since_fetch);
    settle(handle_->database, device, shown_of(plan.change, shown));
    transaction.commit();
  });
}

std::set<BlockIn> State::held(const std::string &device, const std::string &driver, const std::vector<BlockIn> &entries) {
  std::set<BlockIn> held;
  if (!handle_ || entries.empty())
    return held;
  with("read the ledger", [&] {
    const Database &database = handle_->database;
    if (!database.prepare("SELECT 1 FROM verified WHERE device = ? AND driver = ?", {device, driver}).step())
      return; // what another driver left may be in other lists
    auto stands = database.prepare("SELECT 1 FROM ledger WHERE device = ?1 AND block = ?2 AND list = ?3 "
                                   "AND NOT EXISTS (SELECT 1 FROM in_doubt WHERE device = ?1 AND block = ?2 AND list = ?3)");
    for (const BlockIn &one : entries) {
      stands.restart({device, one.first.text(), one.second});
      if (stands.step())
        held.insert(one);
    }
  });
  return held;
}

void State::seen(const std::string &device, const Plan &plan, const Installed &installed, double since_fetch) {
  if (!handle_)
    return;
  with("write the ledger", [&] {
    Transaction transaction(handle_->database);
    const std::int64_t fetched = now() - static_cast<std::int64_t>(since_fetch);
    const std::map<Spot, const Wanted *> wanted = by_spot(plan.wanted);
    const std::map<Spot, Written> before = ledger_of(handle_->database, device);
    LedgerWriter writer(handle_->database, device);
    for (const Entry &entry : installed.entries) {
      const Spot spot{entry.block.text(), entry.list};
      const auto was = before.find(spot);
      const auto one = wanted.find(spot);
      if (was != before.end() && one == wanted.end())
        continue;
      const Written line = one == wanted.end() ? Written{entry.number, {}, false, {}} : as_wanted(entry, *one->second, fetched);
      if (was != before.end() && same(was->second, line))
        continue;
      if (was != before.end())
        writer.forget_origins(spot);
      writer.write(spot, line, {}, nullptr);
    }
    const std::set<Spot> there = spots_of(installed);
    for (const Spot &spot : going(handle_->database, device))
      if (there.count(spot) == 0)
        handle_->database.execute("DELETE FROM ledger WHERE device = ? AND block = ? AND list = ?", {device, spot.first, spot.second});
    handle_->database.execute("DELETE FROM in_doubt WHERE device = ?", {device});
    transaction.commit();
  });
}

void State::nothing_held(const std::string &device) {
  if (handle_)
    with("write what the device holds", [&] {
      Transaction transaction(handle_->database);
      for (const char *table : {"ledger", "in_doubt", "as_read"})
        handle_->database.execute(fmt::format("DELETE FROM {} WHERE device = ?", table), {device});
      transaction.commit();
    });
}

// All there is, or what the plan changed.
void State::write_ledger(const std::string &device, const Plan &plan, const Installed *all, double since_fetch) {
  const std::int64_t fetched = now() - static_cast<std::int64_t>(since_fetch);
  const std::map<Spot, const Wanted *> wanted = by_spot(plan.wanted);
  std::map<Block, const Addition *> added;
  for (const Addition &addition : plan.change.add)
    added[addition.block] = &addition;
  std::map<Spot, Written> before = all != nullptr ? ledger_of(handle_->database, device) : taken_away(plan.change);
  const std::vector<Entry> put = all != nullptr ? std::vector<Entry>{} : put_there(plan.change);
  LedgerWriter writer(handle_->database, device);
  for (const Entry &entry : all != nullptr ? all->entries : put) {
    const Spot spot{entry.block.text(), entry.list};
    const auto one = wanted.find(spot);
    const auto fresh = added.find(entry.block);
    const auto was = before.extract(spot);
    Written line = one != wanted.end() ? as_wanted(entry, *one->second, fetched) : was.empty() ? Written{} : was.mapped();
    line.number = entry.number;
    if (all != nullptr && !was.empty() && same(was.mapped(), line))
      continue;
    if (all == nullptr || !was.empty()) // a line that is new has none, and a first fill has a hundred thousand
      writer.forget_origins(spot);
    const bool timed = fresh != added.end() && one != wanted.end();
    const auto milliseconds = timed ? static_cast<std::int64_t>((std::max(one->second->candidate.age, 0) + since_fetch) * 1000) : 0;
    writer.write(spot, line, fresh == added.end() ? std::string() : fresh->second->jail,
                 timed ? SqlValue(fmt::format("{}.{:03}", milliseconds / 1000, milliseconds % 1000)) : SqlValue(nullptr));
  }
  for (const auto &[spot, line] : before)
    writer.remove(spot);
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

} // namespace banpush
