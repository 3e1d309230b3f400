#include "app/world/spool.hpp"

#include <algorithm>
#include <iterator>
#include <map>

#include <fmt/format.h>

namespace banpush {

std::optional<Fetched> fetch_spooled(Config &config, Spool &spool) {
  Fetched fetched;
  for (const TableSource &source : config.tables) {
    const auto copy = spool.copy(source.name);
    if (!copy)
      return std::nullopt;
    add_allowed(config, copy->allowed, source.name);
    fetched.copies.emplace(source.name, *copy);
  }
  for (const Spooled &one : spool.bans())
    fetched.bans.add(row_of(one).raw(), 0, config.tables.front().name);
  protect(config, fetched, known_protection(config, fetched));
  return fetched;
}

namespace {

bool is_known_as(const Bans &bans, const Ban &row, const NewBan &ban) {
  if (row.block.prefix != ban.ip || bans.name(row.jail) != ban.jail || bans.name(row.host) != ban.hostname)
    return false;
  return row.revoked == Ban::Revoked::No && (row.until == Ban::no_until ? row.age < ban.lasts : row.until > 0);
}

} // namespace

void add_waiting(Fetched &fetched, const Config &config, Spool &spool) {
  std::multimap<Prefix, Spooled> waiting;
  for (Spooled &one : spool.bans()) {
    const Prefix ip = one.ban->ip;
    waiting.emplace(ip, std::move(one));
  }
  for (const Ban &row : fetched.bans.rows()) {
    const auto [first, last] = waiting.equal_range(row.block.prefix);
    for (auto at = first; at != last;)
      at = is_known_as(fetched.bans, row, *at->second.ban) ? waiting.erase(at) : std::next(at);
  }
  for (const auto &[ip, one] : waiting)
    fetched.bans.add(row_of(one).raw(), 0, config.tables.front().name);
  fetched.bans.settle();
}

void require_no_side_tables_seen(const std::string &path, const std::string &table) {
  std::optional<TableCopy> copy;
  try {
    if (const SpoolLook look = look_into_spool(path); look.spool)
      copy = look.spool->copy(table);
  } catch (const Error &) { // what was seen before cannot be told
  }
  if (copy && copy->sides)
    throw TableError(Fault::NoTable,
                     fmt::format("table {}: its side tables were there and are missing, or hidden from this user: the allowlist and the "
                                 "unbans in them are not known, and are not taken for empty; grant their rights again, or where they are "
                                 "gone for good, make new ones with `banpush init`",
                                 table));
}

bool has_side_tables_as_before(BanTable &table, const std::string &path, const std::string &name) {
  const bool has = table.has_side_tables();
  if (!has)
    require_no_side_tables_seen(path, name);
  return has;
}

void keep_copies(const std::string &path, Fetched &fetched) {
  const auto same = [](const TableCopy &a, const TableCopy &b) {
    const auto equal = [](const AllowRow &x, const AllowRow &y) { return x.prefix == y.prefix && x.reason == y.reason; };
    return a.sides == b.sides && a.reporters == b.reporters &&
           std::equal(a.allowed.begin(), a.allowed.end(), b.allowed.begin(), b.allowed.end(), equal);
  };
  try {
    Spool spool(path);
    for (const auto &[name, copy] : fetched.copies)
      if (const auto kept = spool.copy(name); !kept || !same(*kept, copy))
        spool.keep(name, copy);
  } catch (const Error &error) {
    fetched.notes.push_back(fmt::format("the allowlist cannot be kept for the time when the table is gone: {}", error.what()));
  }
}

} // namespace banpush
