#include "app/commands/commands.hpp"
#include "app/commands/table/first_configuration.hpp"
#include "app/pass.hpp"
#include "app/record/new_ban.hpp"
#include "app/words/layout.hpp"
#include "app/world/spool.hpp"
#include "app/world/table_filter.hpp"
#include "core/policy/life.hpp"
#include "core/policy/repeats.hpp"
#include "core/policy/row_rules.hpp"
#include "files/open.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

struct Row {
  std::string ip, jail, protocol, port, hostname, created;
  std::size_t number = 0;        // among the bans that were read
  std::optional<Seconds> left{}; // to run; nothing when it is over
  BanWords words;
  std::string reason, actor;
};

using RowKey = std::tuple<std::string, std::string, std::string, std::string>; // hostname, name, ip, created

std::map<RowKey, BanWords> words_of(BanTable &table) {
  std::map<RowKey, BanWords> words;
  for (WordedBan &one : table.worded())
    words.emplace(RowKey{one.hostname, one.name, one.ip, one.created}, std::move(one.words));
  return words;
}

// Who recorded each ban and why, as far as that is kept.
std::map<RowKey, AuthoredBan> authors_of(BanTable &table) {
  std::map<RowKey, AuthoredBan> authors;
  for (AuthoredBan &one : table.authored())
    authors.emplace(RowKey{one.hostname, one.name, one.ip, one.created}, std::move(one));
  return authors;
}

// As the ban was told, where that is more than the column says.
std::string told(const std::string &column, const std::string &exact) {
  return exact.empty() ? shown(column, 32) : fmt::format("{} ({})", shown(column, 32), shown(exact, 200));
}

// A ban may run for longer because of others of its address: once all are read.
void tell_ends(std::vector<Row> &rows, const Bans &bans, const Policy &policy) {
  const RowRules rules(bans, policy);
  const auto nth = places(bans, policy);
  for (Row &row : rows) {
    const Ban &ban = bans.rows()[row.number];
    const Seconds left = rules.left(ban, nth[row.number]);
    if (left > 0 && !rules.revoked(ban))
      row.left = left;
  }
}

// Under the head `until`.
std::string ends(const std::optional<Seconds> &left) {
  return !left ? "over" : *left == permanent ? "permanent" : moment_text(*left).substr(0, 16);
}

void print(const Settings &settings, const std::vector<Row> &rows, std::size_t bad_rows) {
  Table table{{"ip", "jail", "proto", "port", "hostname", "created", "until", "by", "reason"}, {}, {7, 8, 5, 2, 3, 4}};
  for (const Row &row : rows)
    table.rows.push_back({row.ip, shown(row.jail, 30), told(row.protocol, row.words.protocols),
                          told(row.port.empty() ? "all" : row.port, row.words.ports), shown(row.hostname, 40), shown(row.created, 20),
                          ends(row.left), shown(row.actor, 30), shown(row.reason, 60)});
  std::vector<std::string> lines = lines_of(table, settings.console.columns);
  lines.front().pop_back(); // its line end has no colour
  lines.front() = settings.console.paint(Colour::Bold, lines.front()) + "\n";
  for (const std::string &line : lines)
    settings.console.out(line);
  settings.console.note(fmt::format("{} ban{}{}", rows.size(), rows.size() == 1 ? "" : "s",
                                    bad_rows == 0 ? std::string()
                                                  : fmt::format("; {} of the table {} no ban and {} for nothing (banpush list --bad)",
                                                                bad_rows == 1 ? "1 row" : fmt::format("{} rows", bad_rows),
                                                                bad_rows == 1 ? "is" : "are", bad_rows == 1 ? "counts" : "count")));
}

Json row_json(const Row &row) {
  return {{"ip", row.ip},
          {"jail", shown(row.jail, 255)},
          {"protocol", shown(row.protocol, 40)},
          {"port", shown(row.port, 40)},
          {"protocols", shown(row.words.protocols, 8000)},
          {"ports", shown(row.words.ports, 8000)},
          {"note", shown(row.words.note, 8000)},
          {"hostname", shown(row.hostname, 255)},
          {"created", shown(row.created, 40)},
          {"actor", shown(row.actor, 255)},
          {"reason", shown(row.reason, 8000)},
          {"until", !row.left                ? Json(nullptr)
                    : *row.left == permanent ? Json("permanent")
                                             : Json(moment_text(*row.left))}};
}

} // namespace

int init(const Settings &settings, const InitOptions &options) {
  const auto exists = file_exists(settings.config);
  const bool is_first = exists && !*exists && write_first_configuration(settings.config) == FirstConfiguration::Written;
  Config config = load_all(settings);
  Json created = Json::array();
  for (const TableSource &source : config.tables)
    for (const std::string &name : open(source)->init(options.index ? CreatedIndex::Yes : CreatedIndex::No))
      created.push_back(name);
  if (settings.console.json()) {
    settings.console.out(
        Json{{"schema", 1}, {"created", created}, {"configuration", is_first ? Json(settings.config) : Json(nullptr)}}.dump(2) + "\n");
    return 0;
  }
  if (is_first)
    settings.console.out(fmt::format("wrote {}: a table in a file, and this host's firewall as the device\n", settings.config));
  for (const auto &name : created)
    settings.console.out(fmt::format("created {}\n", name.get<std::string>()));
  if (created.empty() && !is_first)
    settings.console.out("everything exists already; nothing was changed\n");
  return 0;
}

namespace {

// Rows that are no bans, each with what is wrong with it.
int list_bad(const Settings &settings) {
  const Config config = load_all(settings);
  std::string out;
  Json all = Json::array();
  for (const TableSource &source : config.tables)
    open(source)->each([&](const RawBan &raw) {
      Bans alone;
      if (is_taken(source, raw))
        alone.add(raw, 0, source.name);
      for (const BadRow &row : alone.bad_samples()) {
        out += fmt::format("ip \"{}\" from {}, {}, table {}: {}\n", row.ip, row.hostname, row.created, row.source, row.problem);
        all.push_back(
            {{"ip", row.ip}, {"hostname", row.hostname}, {"created", row.created}, {"table", row.source}, {"problem", row.problem}});
      }
    });
  const std::size_t count = all.size();
  settings.console.out(settings.console.json() ? Json{{"schema", 1}, {"bad_rows", count}, {"rows", std::move(all)}}.dump(2) + "\n" : out);
  settings.console.note(
      fmt::format("{} of the table {} no ban", count == 1 ? "1 row" : fmt::format("{} rows", count), count == 1 ? "is" : "are"));
  return 0;
}

} // namespace

int list(const Settings &settings, const ListOptions &options) {
  if (options.bad)
    return list_bad(settings);
  std::optional<Prefix> only;
  if (!options.ip.empty())
    only = Prefix::require(options.ip);
  Config config = load_all(settings);
  std::vector<Row> rows;
  Bans typed; // what is no ban for a push is none here
  for (std::size_t i = 0; i < config.tables.size(); ++i) {
    const auto table = open(config.tables[i]);
    has_side_tables_as_before(*table, config.spool, config.tables[i].name); // rows without their notes are not what they were
    const auto words = words_of(*table);
    const auto authors = authors_of(*table);
    table->each([&](const RawBan &raw) {
      const std::size_t bad = typed.bad_rows();
      if (is_taken(config.tables[i], raw))
        typed.add(raw, static_cast<std::uint8_t>(i), config.tables[i].name);
      const auto ip = Prefix::parse(raw.ip);
      if (!ip || typed.bad_rows() != bad || !is_taken(config.tables[i], raw))
        return;
      if ((!options.jail.empty() && raw.name != options.jail) || (!options.hostname.empty() && raw.hostname != options.hostname) ||
          (only && !only->overlaps(*ip)))
        return;
      if (!options.all && !seconds_left(raw, config.policy, most_bans))
        return;
      rows.push_back({ip_text(*ip),
                      std::string(raw.name),
                      std::string(raw.protocol),
                      std::string(raw.port),
                      std::string(raw.hostname),
                      std::string(raw.created),
                      typed.rows().size() - 1,
                      {},
                      {},
                      {},
                      {}});
      const RowKey key{std::string(raw.hostname), std::string(raw.name), std::string(raw.ip), std::string(raw.created)};
      if (const auto known = words.find(key); known != words.end())
        rows.back().words = known->second;
      if (const auto known = authors.find(key); known != authors.end())
        std::tie(rows.back().reason, rows.back().actor) = std::tie(known->second.reason, known->second.actor);
    });
  }
  tell_ends(rows, typed, config.policy);
  if (!options.all)
    std::erase_if(rows, [](const Row &row) { return !row.left; });
  if (settings.console.json()) {
    Json bans = Json::array();
    for (const Row &row : rows)
      bans.push_back(row_json(row));
    settings.console.out(Json{{"schema", 1}, {"bans", std::move(bans)}, {"bad_rows", typed.bad_rows()}}.dump(2) + "\n");
  } else {
    print(settings, rows, typed.bad_rows());
  }
  return 0;
}

int allow(const Settings &settings, const AllowOptions &options) {
  std::optional<Prefix> prefix;
  if (options.action != AllowOptions::Action::List)
    prefix = Prefix::require(options.prefix);
  Config config = load_all(settings);
  const auto table = open(config.tables.front());
  if (!table->has_side_tables())
    throw TableError(Fault::NoTable,
                     fmt::format("the table {} has no side tables, where the shared allowlist is kept, or hides them from this user",
                                 config.tables.front().name));
  if (options.action == AllowOptions::Action::List) {
    Json allowed = Json::array();
    std::string out;
    for (const AllowRow &row : table->allowed()) {
      allowed.push_back(
          {{"prefix", shown(row.prefix)}, {"reason", shown(row.reason, 255)}, {"actor", shown(row.actor, 255)}, {"created", row.created}});
      out += fmt::format("{:<40} {:<20} {:<24} {}\n", shown(row.prefix), row.created, shown(row.actor, 40), shown(row.reason, 255));
    }
    settings.console.out(settings.console.json() ? Json{{"schema", 1}, {"allow", allowed}}.dump(2) + "\n" : out);
    return 0;
  }
  bool changed = true;
  if (options.action == AllowOptions::Action::Add)
    table->allow(*prefix, options.reason, actor());
  else
    changed = table->disallow(*prefix);
  if (settings.console.json())
    settings.console.out(Json{{"schema", 1}, {"prefix", prefix->text()}, {"changed", changed}}.dump(2) + "\n");
  else
    settings.console.out(fmt::format("{} {}\n", prefix->text(),
                                     !changed                                      ? "was not on the allowlist"
                                     : options.action == AllowOptions::Action::Add ? "is on the allowlist"
                                                                                   : "is no longer on the allowlist"));
  if (changed)
    settings.console.note("it takes effect on the next push");
  return 0;
}

} // namespace banpush
