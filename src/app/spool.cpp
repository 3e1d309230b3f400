#include "app/spool.hpp"

#include "app/turn.hpp"
#include "bans/sqlite.hpp"
#include "files/open.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/random.h>

namespace banpush {

namespace {

using Json = nlohmann::json;

constexpr const char *schema = R"(
CREATE TABLE IF NOT EXISTS spool (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, token TEXT NOT NULL UNIQUE, what TEXT NOT NULL, problem TEXT);
CREATE TABLE IF NOT EXISTS copy (name TEXT PRIMARY KEY, at INTEGER NOT NULL, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gone (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL);
)";

std::string mark_of(const std::string &path) { return path + ".waits"; }

std::int64_t now() { return static_cast<std::int64_t>(std::time(nullptr)); }

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
            {"restored", ban.occasion == Occasion::Restored}};
  if (ban.until)
    json["until"] = *ban.until;
  if (!ban.words.empty())
    json["words"] = {{"ports", ban.words.ports}, {"protocols", ban.words.protocols}, {"note", ban.words.note}};
  return json;
}

NewBan ban_of(const Json &json) {
  NewBan ban;
  ban.ip = Prefix::require(json.at("ip").get<std::string>());
  ban.hostname = json.at("hostname");
  ban.jail = json.at("jail");
  ban.protocol = json.at("protocol");
  ban.port = json.at("port");
  ban.reason = json.at("reason");
  ban.actor = json.at("actor");
  ban.lasts = json.at("lasts");
  ban.occasion = json.at("restored").get<bool>() ? Occasion::Restored : Occasion::New;
  if (json.contains("until"))
    ban.until = json.at("until").get<Seconds>();
  if (json.contains("words")) {
    const Json &words = json.at("words");
    ban.words = {words.at("ports"), words.at("protocols"), words.at("note")};
  }
  return ban;
}

Json json_of(const SpooledUnban &unban) {
  return {{"do", "unban"},        {"ip", unban.ip.text()},
          {"jail", unban.jail},   {"hostname", unban.hostname},
          {"actor", unban.actor}, {"by_fail2ban", unban.who == Revoker::Fail2ban}};
}

SpooledUnban unban_of(const Json &json) {
  return {Prefix::require(json.at("ip").get<std::string>()), json.at("jail"), json.at("hostname"), json.at("actor"),
          json.at("by_fail2ban").get<bool>() ? Revoker::Fail2ban : Revoker::Operator};
}

} // namespace

struct Spool::Handle {
  Database database;
  explicit Handle(const std::string &path) : database(path, Database::Open::CreateForGroup, ErrorKind::Config) { database.script(schema); }
};

Spool::Spool(const std::string &path) : handle_(std::make_unique<Handle>(path)), path_(path) {}
Spool::~Spool() = default;

void Spool::put(const NewBan &ban) { put(json_of(ban).dump()); }
void Spool::put(const SpooledUnban &unban) { put(json_of(unban).dump()); }

// The mark stands before the line does, and again after it: whoever found nothing waiting may have taken it away meanwhile.
void Spool::put(const std::string &what) {
  set_mark();
  handle_->database.execute("INSERT INTO spool (at, token, what) VALUES (?, ?, ?)", {now(), new_token(), what});
  set_mark();
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

std::vector<Spooled> Spool::waiting(std::size_t at_most) {
  std::vector<Spooled> all;
  auto rows = handle_->database.prepare("SELECT id, at, token, what FROM spool WHERE problem IS NULL ORDER BY id LIMIT ?",
                                        {static_cast<std::int64_t>(at_most)});
  const std::int64_t moment = now();
  while (rows.step()) {
    Spooled one;
    one.id = rows.number(0);
    try {
      const Json what = Json::parse(rows.text(3));
      if (what.at("do") == "ban") {
        one.ban = ban_of(what);
        one.ban->age = std::max<std::int64_t>(0, moment - rows.number(1));
        one.ban->token = rows.text(2);
      } else {
        one.unban = unban_of(what);
      }
    } catch (const Json::exception &error) {
      throw Error(ErrorKind::Config, fmt::format("the spool {}: line {}: {}", path_, one.id, error.what()));
    }
    all.push_back(std::move(one));
  }
  return all;
}

std::size_t Spool::size() {
  auto row = handle_->database.prepare("SELECT COUNT(*) FROM spool WHERE problem IS NULL");
  return row.step() ? static_cast<std::size_t>(row.number(0)) : 0;
}

void Spool::arrived(std::int64_t id) { handle_->database.execute("DELETE FROM spool WHERE id = ?", {id}); }

void Spool::refused(std::int64_t id, const std::string &why) {
  handle_->database.execute("UPDATE spool SET problem = ? WHERE id = ?", {why, id});
}

std::vector<std::string> Spool::refusals() {
  std::vector<std::string> all;
  auto rows = handle_->database.prepare("SELECT what, problem FROM spool WHERE problem IS NOT NULL ORDER BY id");
  while (rows.step())
    all.push_back(fmt::format("{}: {}", rows.text(0), rows.text(1)));
  return all;
}

void Spool::keep(const std::string &table, const TableCopy &copy) {
  Json allowed = Json::array();
  for (const AllowRow &row : copy.allowed)
    allowed.push_back({row.prefix, row.reason, row.actor, row.created});
  handle_->database.execute(
      "INSERT INTO copy (name, at, content) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at, "
      "content = excluded.content",
      {table, now(), Json{{"allowed", allowed}, {"reporters", copy.reporters}}.dump(-1, ' ', true, Json::error_handler_t::replace)});
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
  } catch (const Json::exception &) { // by somebody else's hand: as good as none
    return std::nullopt;
  }
  return copy;
}

void Spool::table_is_gone() {
  handle_->database.execute("INSERT INTO gone (one, at) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET at = excluded.at", {now()});
  set_mark();
}

void Spool::table_is_back() { handle_->database.execute("DELETE FROM gone"); }

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

std::optional<Fetched> fetch_spooled(Config &config, Spool &spool) {
  Fetched fetched;
  for (const TableSource &source : config.tables) {
    const auto copy = spool.copy(source.name);
    if (!copy)
      return std::nullopt;
    add_allowed(config, copy->allowed, source.name);
    fetched.copies.emplace(source.name, *copy);
  }
  std::vector<NewBan> bans;
  for (const Spooled &one : spool.waiting()) {
    if (one.ban)
      bans.push_back(*one.ban);
    else
      std::erase_if(bans, [&](const NewBan &ban) {
        const SpooledUnban &unban = *one.unban;
        return ban.ip == unban.ip && (unban.jail.empty() || unban.jail == ban.jail) &&
               (unban.hostname.empty() || unban.hostname == ban.hostname);
      });
  }
  for (const NewBan &ban : bans) {
    const std::string ip = ban.ip.text();
    RawBan row;
    row.hostname = ban.hostname;
    row.name = ban.jail;
    row.protocol = ban.protocol;
    row.port = ban.port;
    row.ip = ip;
    row.age = ban.age;
    if (ban.until)
      row.until = *ban.until == permanent ? permanent : *ban.until - ban.age;
    fetched.bans.add(row, 0, config.tables.front().name);
  }
  fetched.protect = protected_set(config, fetched);
  return fetched;
}

void keep_copies(const std::string &path, Fetched &fetched) {
  const auto same = [](const TableCopy &a, const TableCopy &b) {
    const auto equal = [](const AllowRow &x, const AllowRow &y) { return x.prefix == y.prefix && x.reason == y.reason; };
    return a.reporters == b.reporters && std::equal(a.allowed.begin(), a.allowed.end(), b.allowed.begin(), b.allowed.end(), equal);
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

Delivered deliver(Spool &spool, const std::string &path, const std::vector<std::unique_ptr<BanTable>> &tables) {
  Delivered delivered;
  const auto turn = Turn::attempt(path, Turn::For::Group);
  if (!turn)
    return delivered;
  constexpr std::size_t batch = 500;
  for (auto waiting = spool.waiting(batch); !waiting.empty(); waiting = spool.waiting(batch))
    for (const Spooled &one : waiting) {
      try {
        if (one.ban)
          tables.front()->ban(*one.ban);
        else
          for (const auto &table : tables)
            table->unban(one.unban->ip, one.unban->jail, one.unban->hostname, one.unban->who, one.unban->actor);
        spool.arrived(one.id);
        ++delivered.arrived;
      } catch (const TableError &error) {
        if (error.retry() != Retry::Never)
          throw;
        spool.refused(one.id, error.what());
        delivered.refused.push_back(fmt::format("{}: {}", one.ban ? one.ban->ip.text() : one.unban->ip.text(), error.what()));
      }
    }
  return delivered;
}

} // namespace banpush
