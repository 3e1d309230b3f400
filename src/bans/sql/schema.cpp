#include "bans/sql/schema.hpp"

#include <fmt/format.h>

namespace banpush {

namespace {

// The how-to's columns and keys as they are; its MyISAM is not taken over, because a reader that stalls
// would lock the writers out, and Galera does not replicate it. config/ban_table.sql says the same.
constexpr const char *mysql_ban = R"(CREATE TABLE IF NOT EXISTS `{0}` (
  id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  hostname varchar(255) COLLATE utf8_unicode_ci NOT NULL,
  created datetime NOT NULL,
  name text COLLATE utf8_unicode_ci NOT NULL,
  protocol varchar(16) COLLATE utf8_unicode_ci NOT NULL,
  port varchar(32) COLLATE utf8_unicode_ci NOT NULL,
  ip varchar(64) COLLATE utf8_unicode_ci NOT NULL,
  PRIMARY KEY (id),
  KEY hostname (hostname,ip)
) ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci)";

constexpr const char *mysql_side[][2] = {
    {"banpush_ban", R"(CREATE TABLE IF NOT EXISTS banpush_ban (
  ban_table varchar(64) NOT NULL,
  ip varchar(64) NOT NULL,
  created datetime(6) NOT NULL,
  hostname varchar(255) NOT NULL,
  name varchar(255) NOT NULL,
  since datetime DEFAULT NULL,
  `until` datetime DEFAULT NULL,
  reason text DEFAULT NULL,
  actor varchar(255) NOT NULL DEFAULT '',
  revoked datetime DEFAULT NULL,
  revoker varchar(16) DEFAULT NULL,
  revoked_by varchar(255) NOT NULL DEFAULT '',
  token varchar(64) DEFAULT NULL,
  changed datetime(6) NOT NULL,
  ports text DEFAULT NULL,
  protocols text DEFAULT NULL,
  note text DEFAULT NULL,
  PRIMARY KEY (ban_table,ip,created,hostname,name),
  UNIQUE KEY token (token),
  KEY changed (changed)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC)"},
    {"banpush_allow", R"(CREATE TABLE IF NOT EXISTS banpush_allow (
  prefix varchar(64) NOT NULL,
  reason text DEFAULT NULL,
  actor varchar(255) NOT NULL DEFAULT '',
  created datetime NOT NULL,
  PRIMARY KEY (prefix)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC)"},
    {"banpush_reporter", R"(CREATE TABLE IF NOT EXISTS banpush_reporter (
  hostname varchar(255) NOT NULL,
  address varchar(64) NOT NULL,
  seen datetime NOT NULL,
  PRIMARY KEY (hostname,address)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC)"},
    {"banpush_lease", R"(CREATE TABLE IF NOT EXISTS banpush_lease (
  name varchar(64) NOT NULL,
  holder varchar(255) NOT NULL,
  epoch bigint(20) unsigned NOT NULL,
  `until` datetime(6) NOT NULL,
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC)"},
    {"banpush_schema", R"(CREATE TABLE IF NOT EXISTS banpush_schema (
  version int(10) unsigned NOT NULL,
  since datetime NOT NULL,
  PRIMARY KEY (version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC)"},
};

// `created` is local time as text, YYYY-MM-DD HH:MM:SS. NOCASE where the how-to's collation ignores case.
constexpr const char *sqlite_ban = R"(CREATE TABLE IF NOT EXISTS `{0}` (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hostname varchar(255) NOT NULL COLLATE NOCASE,
  created datetime NOT NULL,
  name text NOT NULL COLLATE NOCASE,
  protocol varchar(16) NOT NULL COLLATE NOCASE,
  port varchar(32) NOT NULL COLLATE NOCASE,
  ip varchar(64) NOT NULL COLLATE NOCASE
)
)";
constexpr const char *sqlite_ban_index = "CREATE INDEX `{0}_hostname` ON `{0}` (hostname, ip)";

constexpr const char *sqlite_side[][2] = {
    {"banpush_ban", R"(CREATE TABLE IF NOT EXISTS banpush_ban (
  ban_table varchar(64) NOT NULL,
  ip varchar(64) NOT NULL,
  created datetime NOT NULL,
  hostname varchar(255) NOT NULL,
  name varchar(255) NOT NULL,
  since datetime,
  `until` datetime,
  reason text,
  actor varchar(255) NOT NULL DEFAULT '',
  revoked datetime,
  revoker varchar(16),
  revoked_by varchar(255) NOT NULL DEFAULT '',
  token varchar(64) UNIQUE,
  changed datetime NOT NULL,
  ports text,
  protocols text,
  note text,
  PRIMARY KEY (ban_table, ip, created, hostname, name)
))"},
    {"banpush_allow", R"(CREATE TABLE IF NOT EXISTS banpush_allow (
  prefix varchar(64) PRIMARY KEY NOT NULL,
  reason text,
  actor varchar(255) NOT NULL DEFAULT '',
  created datetime NOT NULL
))"},
    {"banpush_reporter", R"(CREATE TABLE IF NOT EXISTS banpush_reporter (
  hostname varchar(255) NOT NULL,
  address varchar(64) NOT NULL,
  seen datetime NOT NULL,
  PRIMARY KEY (hostname, address)
))"},
    {"banpush_lease", R"(CREATE TABLE IF NOT EXISTS banpush_lease (
  name varchar(64) PRIMARY KEY NOT NULL,
  holder varchar(255) NOT NULL,
  epoch INTEGER NOT NULL,
  `until` datetime NOT NULL
))"},
    {"banpush_schema", R"(CREATE TABLE IF NOT EXISTS banpush_schema (
  version INTEGER PRIMARY KEY NOT NULL,
  since datetime NOT NULL
))"},
};

} // namespace

std::vector<TableDefinition> schema(TableSource::Kind kind, const std::string &ban_table) {
  const bool mysql = kind == TableSource::Kind::Mysql;
  std::vector<TableDefinition> tables{{ban_table, {fmt::format(fmt::runtime(mysql ? mysql_ban : sqlite_ban), ban_table)}}};
  for (const auto &[name, sql] : mysql ? mysql_side : sqlite_side)
    tables.push_back({name, {sql}});
  if (!mysql) { // which has no indexes within CREATE TABLE
    tables[0].sql.push_back(fmt::format(sqlite_ban_index, ban_table));
    tables[1].sql.emplace_back("CREATE INDEX banpush_ban_changed ON banpush_ban (changed)");
  }
  return tables;
}

} // namespace banpush
