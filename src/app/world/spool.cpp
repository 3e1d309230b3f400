#include "app/world/spool.hpp"

#include "bans/sqlite/file_schema.hpp"
#include "bans/sqlite/sqlite.hpp"
#include "files/open.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/random.h>

namespace banpush {

namespace {

using Json = nlohmann::json;

// `problem`: why it was set aside. `trouble`: why it waits still; `tried`: when just this one was refused.
constexpr Upgrade upgrades[] = {[](const Database &database) {
                                  database.script(R"(
CREATE TABLE IF NOT EXISTS spool (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, token TEXT NOT NULL UNIQUE, what TEXT NOT NULL, problem TEXT);
CREATE TABLE IF NOT EXISTS copy (name TEXT PRIMARY KEY, at INTEGER NOT NULL, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gone (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL);
ALTER TABLE spool ADD COLUMN trouble TEXT;
ALTER TABLE spool ADD COLUMN tried INTEGER;
ALTER TABLE gone ADD COLUMN why TEXT;
)");
                                },
                                [](const Database &database) {
                                  database.script(R"(
CREATE TABLE host (name TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE note (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, text TEXT NOT NULL);
)");
                                }};

constexpr std::int64_t most_notes = 20, notes_last = 7 * 86400;

std::string mark_of(const std::string &path) { return path + ".waits"; }

std::int64_t now() { return static_cast<std::int64_t>(std::time(nullptr)); }

Json json_of(const Instant &instant) {
  return {{"at", instant.wall}, {"boot", instant.boot}, {"uptime", instant.uptime}, {"synchronised", instant.synchronised}};
}

Instant instant_of(const Json &json) {
  return {json.at("at").get<std::int64_t>(), json.at("boot").get<std::string>(), json.at("uptime").get<double>(),
          json.at("synchronised").get<bool>()};
}

// An older banpush wrote down nothing but the clock.
Instant decided(const Json &what, std::int64_t at) {
  try {
    return instant_of(what.at("decided"));
  } catch (const Json::exception &) { // of another version, or of none: the line's own time is as good as it was then
    return {at, {}, -1, true};
  }
}

Json json_of(const NewBan &ban) {
  Json json{{"do", "ban"},
            {"ip", ban.ip.text()},
            {"hostname", ban.hostname},
            {"jail", ban.jail},
            {"port", ban.port},
            {"protocol", ban.protocol},
            {"reason", ban.reason},
            {"actor", ban.actor},
            {"lasts", ban.lasts},
            {"restored", ban.occasion == Occasion::Restored},
            {"prolonged", ban.occasion == Occasion::Prolonged}};
  if (ban.begun)
    json["begun"] = *ban.begun;
  if (ban.until)
    json["until"] = *ban.until;
  if (!ban.words.empty())
    json["words"] = {{"ports", ban.words.ports}, {"protocols", ban.words.protocols}, {"note", ban.words.note}};
  return json;
}

// What another version of banpush has not written, or has written besides, is no fault of the line.
NewBan ban_of(const Json &json) {
  NewBan ban;
  ban.ip = Prefix::require(json.at("ip").get<std::string>());
  ban.hostname = json.at("hostname");
  ban.jail = json.at("jail");
  ban.protocol = json.value("protocol", "");
  ban.port = json.value("port", "");
  ban.reason = json.value("reason", "");
  ban.actor = json.value("actor", "");
  ban.lasts = json.value("lasts", Seconds{0});
  ban.occasion = json.value("restored", false) ? Occasion::Restored : json.value("prolonged", false) ? Occasion::Prolonged : Occasion::New;
  if (json.contains("begun"))
    ban.begun = json.at("begun").get<Seconds>();
  if (json.contains("until"))
    ban.until = json.at("until").get<Seconds>();
  if (json.contains("words")) {
    const Json &words = json.at("words");
    ban.words = {words.value("ports", ""), words.value("protocols", ""), words.value("note", "")};
  }
  return ban;
}

Json json_of(const SpooledUnban &unban) {
  return {{"do", "unban"},        {"ip", unban.ip.text()},
          {"jail", unban.jail},   {"hostname", unban.hostname},
          {"actor", unban.actor}, {"by_fail2ban", unban.who == Revoker::Fail2ban}};
}

SpooledUnban unban_of(const Json &json) {
  return {Prefix::require(json.at("ip").get<std::string>()),
          json.at("jail"),
          json.at("hostname"),
          json.value("actor", ""),
          json.at("by_fail2ban").get<bool>() ? Revoker::Fail2ban : Revoker::Operator,
          {},
          0};
}

// The line as typed values. Throws whatever is wrong with its text.
Spooled spooled_of(std::string_view text) {
  Spooled one;
  const Json what = Json::parse(text);
  const Seconds left = what.value("judged_by", std::int64_t{0}) - now();
  one.is_judged = left <= 0 || left > Spool::judgement_lasts; // the clock was set back
  const std::string action = what.at("do");
  if (action == "ban")
    one.ban = ban_of(what);
  else if (action == "unban")
    one.unban = unban_of(what);
  else
    throw Error(ErrorKind::Usage, fmt::format("\"{}\" is nothing that this version of banpush does", shown(action)));
  return one;
}

} // namespace

std::string new_token() {
  std::array<unsigned char, 16> bytes{};
  for (std::size_t filled = 0; filled < bytes.size();) {
    const auto got = getrandom(bytes.data() + filled, bytes.size() - filled, 0);
    filled += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  std::string text;
  for (const unsigned char byte : bytes)
    text += fmt::format("{:02x}", byte);
  return text;
}

std::string words_of(const Spooled &one) {
  const auto of = [](const std::string &name, const char *all) { return name.empty() ? all : shown(name, 255); };
  if (one.ban)
    return fmt::format("ban {} ({}, {})", one.ban->ip.text(), shown(one.ban->jail, 255), shown(one.ban->hostname, 255));
  return fmt::format("unban {} ({}, {})", one.unban->ip.text(), of(one.unban->jail, "all jails"), of(one.unban->hostname, "all hosts"));
}

struct Spool::Handle {
  Database database;
  explicit Handle(const std::string &path) : database(path, Database::Open::CreateForGroup, ErrorKind::Config) {
    bring_up(database, upgrades);
  }
};

Spool::Spool(const std::string &path) : handle_(std::make_unique<Handle>(path)), path_(path) {}
Spool::~Spool() = default;

std::int64_t Spool::put(const NewBan &ban, const Instant &decided, Judgement judgement) {
  Json what = json_of(ban);
  what["decided"] = json_of(decided);
  if (judgement == Judgement::Later)
    what["judged_by"] = now() + judgement_lasts;
  return put(ban.token, what.dump(), decided);
}

std::int64_t Spool::put(const SpooledUnban &unban, const Instant &decided) {
  Json what = json_of(unban);
  what["decided"] = json_of(decided);
  return put(unban.token, what.dump(), decided);
}

// The mark stands before the line does, and again after it: whoever found nothing waiting may have taken it away meanwhile.
std::int64_t Spool::put(const std::string &token, const std::string &what, const Instant &decided) {
  const std::string name = token.empty() ? new_token() : token;
  set_mark();
  handle_->database.execute("INSERT OR IGNORE INTO spool (at, token, what) VALUES (?, ?, ?)", {decided.wall, name, what});
  auto row = handle_->database.prepare("SELECT id FROM spool WHERE token = ?", {name});
  const std::int64_t id = row.step() ? row.number(0) : 0;
  set_mark();
  return id;
}

void Spool::judged(std::int64_t id) {
  handle_->database.execute("UPDATE spool SET what = json_remove(what, '$.judged_by') WHERE id = ?", {id});
}

bool Spool::take_back(const std::string &token) {
  auto gone = handle_->database.prepare("DELETE FROM spool WHERE token = ? RETURNING id", {token});
  return gone.step();
}

void Spool::set_mark() {
  const std::string mark = mark_of(path_);
  if (const auto made = make_mark(mark, Shared::GroupWrites); !made)
    throw Error(ErrorKind::Config, fmt::format("{} cannot be made: {}", mark, made.error().text));
}

void Spool::clear_mark_if_idle(Seconds gone_for) {
  if (size() != 0 || gone_within(gone_for))
    return;
  static_cast<void>(remove_file(mark_of(path_))); // another's, in a folder where each removes only its own, stays
  if (size() != 0)
    set_mark();
}

std::vector<Spooled> Spool::waiting(std::size_t at_most, std::int64_t after) {
  std::vector<Spooled> all;
  std::vector<std::pair<std::int64_t, std::string>> unreadable;
  {
    auto rows =
        handle_->database.prepare("SELECT id, at, token, what, tried FROM spool WHERE problem IS NULL AND id > ? ORDER BY id LIMIT ?",
                                  {after, static_cast<std::int64_t>(at_most)});
    const Instant moment = instant_now();
    while (rows.step()) {
      try {
        Spooled one = spooled_of(rows.text(3));
        one.id = rows.number(0);
        if (!rows.is_null(4))
          one.tried = std::max<std::int64_t>(0, moment.wall - rows.number(4));
        const Age age = age_of(decided(Json::parse(rows.text(3)), rows.number(1)), moment);
        if (one.unban)
          one.unban->age = age.seconds;
        if (one.ban) {
          one.ban->age = age.seconds;
          one.ban->aged_at = std::chrono::steady_clock::now();
          one.correction = age.correction;
          one.ban->token = rows.text(2);
        }
        all.push_back(std::move(one));
      } catch (const std::exception &error) {
        unreadable.emplace_back(rows.number(0), fmt::format("the line cannot be read: {}", shown(error.what(), 255)));
      }
    }
  }
  for (const auto &[id, why] : unreadable)
    refused(id, why);
  return all.empty() && !unreadable.empty() ? waiting(at_most, unreadable.back().first) : all;
}

std::size_t Spool::size() {
  auto row = handle_->database.prepare("SELECT COUNT(*) FROM spool WHERE problem IS NULL");
  return row.step() ? static_cast<std::size_t>(row.number(0)) : 0;
}

void Spool::arrived(std::int64_t id) { handle_->database.execute("DELETE FROM spool WHERE id = ?", {id}); }

void Spool::refused(std::int64_t id, const std::string &why) {
  handle_->database.execute("UPDATE spool SET problem = ? WHERE id = ?", {why, id});
}

// Not written where it says so already: a service looks every second.
void Spool::not_taken(std::int64_t id, const std::string &why, Extent extent) {
  if (extent == Extent::Line)
    handle_->database.execute("UPDATE spool SET trouble = ?, tried = ? WHERE id = ?", {why, now(), id});
  else
    handle_->database.execute("UPDATE spool SET trouble = ?, tried = NULL WHERE id = ? AND trouble IS NOT ?", {why, id, why});
}

namespace {

constexpr const char *line_columns =
    "SELECT id, at, what, COALESCE(problem, trouble), problem IS NOT NULL, problem IS NOT NULL OR tried IS NOT NULL FROM spool";

SpoolLine line_of(const Statement &row) {
  SpoolLine line;
  line.id = row.number(0);
  line.at = row.number(1);
  line.problem = row.text(3);
  line.state = row.number(4) != 0 ? SpoolLine::State::Refused : SpoolLine::State::Waits;
  line.alone = row.number(5) != 0;
  try {
    const Spooled one = spooled_of(row.text(2));
    line.ip = one.ip().text();
    line.what = words_of(one);
  } catch (const std::exception &) { // which is its problem
    line.what = shown(row.text(2), 255);
  }
  return line;
}

} // namespace

std::vector<SpoolLine> Spool::lines() {
  std::vector<SpoolLine> all;
  auto rows = handle_->database.prepare(fmt::format("{} ORDER BY id", line_columns));
  while (rows.step())
    all.push_back(line_of(rows));
  return all;
}

std::optional<SpoolLine> Spool::line(std::int64_t id) {
  auto row = handle_->database.prepare(fmt::format("{} WHERE id = ?", line_columns), {id});
  return row.step() ? std::optional{line_of(row)} : std::nullopt;
}

void Spool::drop(std::int64_t id) { arrived(id); }

void Spool::retry(std::int64_t id) {
  set_mark();
  handle_->database.execute("UPDATE spool SET problem = NULL, trouble = NULL, tried = NULL WHERE id = ?", {id});
  set_mark();
}

namespace {

// Puts the later end into the ban that waits before it, if one does.
void prolong(std::vector<Spooled> &bans, const NewBan &longer) {
  const auto same = std::find_if(bans.rbegin(), bans.rend(), [&](const Spooled &before) {
    return before.ban->ip == longer.ip && before.ban->jail == longer.jail && before.ban->hostname == longer.hostname;
  });
  if (same == bans.rend())
    return;
  NewBan &ban = *same->ban;
  if (longer.until == permanent)
    ban.until = longer.until;
  else if (longer.until && ban.until && *ban.until != permanent)
    ban.until = std::max(*ban.until, *longer.until - since_begin(longer) + since_begin(ban));
}

} // namespace

std::vector<Spooled> Spool::bans() {
  std::vector<Spooled> bans;
  for (Spooled &one : waiting()) {
    if (!one.is_judged)
      continue;
    if (one.unban)
      std::erase_if(bans, [&](const Spooled &before) {
        const NewBan &ban = *before.ban;
        const SpooledUnban &unban = *one.unban;
        return ban.ip == unban.ip && (unban.jail.empty() || unban.jail == ban.jail) &&
               (unban.hostname.empty() || unban.hostname == ban.hostname);
      });
    else if (one.ban->occasion == Occasion::New)
      bans.push_back(std::move(one));
    else if (one.ban->occasion == Occasion::Prolonged)
      prolong(bans, *one.ban);
  }
  return bans;
}

KeptRow row_of(const Spooled &one) {
  const NewBan &ban = *one.ban;
  KeptRow row{ban.hostname, fmt::format("spool {}", one.id), ban.jail, ban.protocol, ban.port, ban.ip.text(), since_begin(ban)};
  if (ban.until)
    row.until = *ban.until == permanent ? permanent : *ban.until - since_begin(ban);
  return row;
}

void Spool::keep(const std::string &table, const TableCopy &copy) {
  Json allowed = Json::array();
  for (const AllowRow &row : copy.allowed)
    allowed.push_back({row.prefix, row.reason, row.actor, row.created});
  handle_->database.execute("INSERT INTO copy (name, at, content) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at, "
                            "content = excluded.content",
                            {table, now(),
                             Json{{"allowed", allowed}, {"reporters", copy.reporters}, {"sides", copy.sides}}.dump(
                                 -1, ' ', true, Json::error_handler_t::replace)});
}

std::optional<TableCopy> Spool::copy(const std::string &table) {
  auto row = handle_->database.prepare("SELECT content FROM copy WHERE name = ?", {table});
  if (!row.step())
    return std::nullopt;
  const Json json = Json::parse(row.text(0), nullptr, false);
  if (json.is_discarded())
    return std::nullopt;
  TableCopy copy;
  try {
    for (const Json &one : json.at("allowed"))
      copy.allowed.push_back({one.at(0), one.at(1), one.at(2), one.at(3)});
    for (const Json &one : json.at("reporters"))
      copy.reporters.emplace_back(one.at(0), one.at(1));
    copy.sides = json.value("sides", !copy.allowed.empty() || !copy.reporters.empty()); // an older banpush did not say
  } catch (const Json::exception &) {                                                   // by somebody else's hand: as good as none
    return std::nullopt;
  }
  return copy;
}

void Spool::keep_name(const std::string &name, const KnownName &known) {
  Json json = json_of(known.at);
  json["addresses"] = Json::array();
  for (const Prefix &prefix : known.prefixes)
    json["addresses"].push_back(prefix.text());
  handle_->database.execute("INSERT INTO host (name, content) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET content = excluded.content",
                            {name, json.dump(-1, ' ', true, Json::error_handler_t::replace)});
}

std::map<std::string, KnownName> Spool::names() {
  std::map<std::string, KnownName> names;
  for (auto rows = handle_->database.prepare("SELECT name, content FROM host"); rows.step();) {
    const Json json = Json::parse(rows.text(1), nullptr, false);
    try {
      KnownName known{{}, instant_of(json)};
      for (const Json &one : json.at("addresses"))
        known.prefixes.push_back(Prefix::require(one.get<std::string>()));
      names.emplace(rows.text(0), std::move(known));
    } catch (const std::exception &) { // by somebody else's hand: as good as none
    }
  }
  return names;
}

void Spool::note(const std::string &text) {
  handle_->database.execute("INSERT INTO note (at, text) VALUES (?, ?)", {now(), text});
  handle_->database.execute("DELETE FROM note WHERE id <= (SELECT MAX(id) FROM note) - ? OR at < ?", {most_notes, now() - notes_last});
}

std::vector<std::string> Spool::notes() {
  std::vector<std::string> all;
  auto rows = handle_->database.prepare("SELECT datetime(at, 'unixepoch', 'localtime'), text FROM note ORDER BY id");
  while (rows.step())
    all.push_back(fmt::format("{}: {}", rows.text(0), rows.text(1)));
  return all;
}

void Spool::table_is_gone(const std::string &why) {
  handle_->database.execute(
      "INSERT INTO gone (one, at, why) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET at = excluded.at, why = excluded.why",
      {now(), why});
  set_mark();
}

void Spool::table_is_back() { handle_->database.execute("DELETE FROM gone"); }

std::string Spool::why_gone() {
  auto row = handle_->database.prepare("SELECT why FROM gone");
  return row.step() ? std::string(row.text(0)) : std::string();
}

bool Spool::gone_within(Seconds seconds) {
  auto row = handle_->database.prepare("SELECT at FROM gone");
  return row.step() && row.number(0) <= now() && now() - row.number(0) < seconds;
}

bool spool_is_marked(const std::string &path) {
  return file_exists(mark_of(path)).value_or(true); // where it cannot be told, the look into the spool says why
}

bool spool_waits(const std::string &path) {
  if (const auto there = file_exists(path); there && !*there)
    return false;
  return Spool(path).size() != 0;
}

SpoolLook look_into_spool(const std::string &path) {
  if (const auto there = file_exists(path); there && !*there)
    return {};
  try {
    return {std::make_unique<Spool>(path), {}};
  } catch (const Error &error) {
    return {nullptr, fmt::format("{}: {}", spool_cannot_be_used, error.what())};
  }
}

SpoolLook look_for_waiting(const std::string &path) {
  SpoolLook look = look_into_spool(path);
  try {
    if (look.spool && look.spool->size() == 0)
      look.spool.reset();
  } catch (const Error &error) {
    return {nullptr, fmt::format("the spool cannot be read: {}", error.what())};
  }
  return look;
}

} // namespace banpush
