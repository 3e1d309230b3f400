#include "fresh_table.hpp"

#include "bans/sqlite/sqlite.hpp"
#include "mariadb_server.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fmt/format.h>

namespace banpush::test {

std::ostream &operator<<(std::ostream &out, Kind kind) {
  constexpr const char *words[] = {"SQLite", "InnoDB", "how-to, MyISAM"};
  return out << words[static_cast<int>(kind)];
}

std::string how_to_table(const std::string &engine) {
  return "CREATE TABLE IF NOT EXISTS fail2ban (id bigint(20) unsigned NOT NULL AUTO_INCREMENT, hostname varchar(255) COLLATE "
         "utf8_unicode_ci NOT NULL, "
         "created datetime NOT NULL, name text COLLATE utf8_unicode_ci NOT NULL, protocol varchar(16) COLLATE utf8_unicode_ci NOT NULL, "
         "port varchar(32) COLLATE utf8_unicode_ci NOT NULL, ip varchar(64) COLLATE utf8_unicode_ci NOT NULL, PRIMARY KEY (id), "
         "KEY hostname (hostname,ip)) ENGINE=" +
         engine + " DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci;";
}

Kind any_kind() { return GENERATE(Kind::Sqlite, Kind::InnoDb, Kind::HowToMyIsam); }

FreshTable::FreshTable(Kind kind, Sides sides) : kind_(kind) {
  if (kind == Kind::Sqlite) {
    char name[] = "/tmp/banpush-bans-XXXXXX";
    folder_ = ::mkdtemp(name);
    source_.path = folder_ / "bans.db";
  } else {
    MariaDbServer &server = MariaDbServer::shared();
    source_ = server.source(server.new_database(kind == Kind::HowToMyIsam ? how_to_table("MyISAM") : ""));
  }
  open()->init(CreatedIndex::No);
  if (sides == Sides::Without)
    other("DROP TABLE banpush_ban; DROP TABLE banpush_allow; DROP TABLE banpush_reporter; DROP TABLE banpush_lease");
}

FreshTable::~FreshTable() {
  std::error_code ignored;
  if (!folder_.empty())
    std::filesystem::remove_all(folder_, ignored);
}

std::string FreshTable::password() const { return kind_ == Kind::Sqlite ? "" : MariaDbServer::shared()["password"]; }

std::unique_ptr<BanTable> FreshTable::open() const { return open_table(source_, password()); }

void FreshTable::other(const std::string &sql) const {
  if (kind_ == Kind::Sqlite)
    Database(source_.path).script(sql);
  else
    MariaDbServer::shared().sql(sql, source_.database);
}

std::string FreshTable::value(const std::string &select) const {
  if (kind_ != Kind::Sqlite) {
    std::string said = MariaDbServer::shared().sql(select, source_.database);
    return said.substr(0, said.find('\n'));
  }
  const Database database(source_.path);
  Statement statement = database.prepare(select);
  return statement.step() ? std::string(statement.text(0)) : "";
}

std::size_t FreshTable::count(const std::string &from) const { return std::stoul(value("SELECT count(*) FROM " + from)); }

std::string FreshTable::ago(Seconds seconds) const {
  return kind_ == Kind::Sqlite ? fmt::format("datetime('now', 'localtime', '{} seconds')", -seconds)
                               : fmt::format("NOW() - INTERVAL {} SECOND", seconds);
}

void FreshTable::other_rows(const std::vector<OtherRow> &rows) const {
  std::string sql;
  for (const OtherRow &row : rows)
    sql += fmt::format("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('{}', {}, '{}', 'tcp', '{}', '{}');",
                       row.hostname, ago(row.age), row.jail, row.port, row.ip);
  other(sql);
}

std::vector<Row> rows(BanTable &table) {
  std::vector<Row> all;
  table.each([&](const RawBan &ban) {
    all.push_back({std::string(ban.hostname), std::string(ban.created), std::string(ban.name), std::string(ban.protocol),
                   std::string(ban.port), std::string(ban.ip), ban.age, ban.until, ban.revoked, ban.revoked_by_operator});
  });
  return all;
}

NewBan new_ban(const std::string &ip, const std::string &jail, const std::string &hostname) {
  NewBan ban;
  ban.hostname = hostname;
  ban.jail = jail;
  ban.protocol = "tcp";
  ban.port = "22";
  ban.ip = Prefix::require(ip);
  return ban;
}

bool near(const std::optional<Seconds> &value, Seconds wanted) {
  constexpr Seconds slack = 5;
  return value && *value >= wanted - slack && *value <= wanted + slack;
}

} // namespace banpush::test
