#include "bans/fault.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

Retry mysql(unsigned code, std::string_view state = "HY000", std::string_view words = "") {
  return retry_of(mysql_fault(code, state, words));
}

Retry sqlite(int code, std::string_view words = "") { return retry_of(sqlite_fault(code, words)); }

} // namespace

TEST_CASE("what a server says of itself or of the connection passes, and the ban waits") {
  for (const unsigned code :
       {1020U, 1037U, 1040U, 1041U, 1043U, 1047U, 1053U, 1135U, 1158U, 1203U, 1205U, 1206U, 1213U, 1223U, 1226U, 1290U,
        1317U, 1412U, 1461U, 1792U, 1836U, 1927U, 1969U, 2002U, 2003U, 2005U, 2006U, 2012U, 2013U, 2027U, 2055U})
    CHECK(std::pair(code, mysql(code)) == std::pair(code, Retry::Now));
  CHECK(mysql_fault(1047, "08S01", "WSREP has not yet prepared node for application use") == Fault::Unready);
  CHECK(mysql_fault(1290, "HY000", "The MariaDB server is running with the --read-only option") == Fault::ReadOnly);
}

TEST_CASE("what a person has to mend is said with what to do, and the ban waits") {
  for (const unsigned code : {1016U, 1021U, 1034U, 1044U, 1045U, 1049U, 1054U, 1062U, 1114U, 1129U, 1130U, 1142U, 1143U, 1146U, 1194U,
                              1195U, 1364U, 1449U, 1698U, 1877U, 1932U, 2059U, 126U,  127U,  130U,  144U,  145U,  28U,   30U}) {
    CHECK(std::pair(code, mysql(code)) == std::pair(code, Retry::Later));
    CHECK_FALSE(remedy_of(mysql_fault(code, "HY000", "")).empty());
  }
}

TEST_CASE("what the row cannot be is never stored") {
  for (const unsigned code : {1048U, 1264U, 1265U, 1292U, 1366U, 1367U, 1406U, 4025U, 139U})
    CHECK(std::pair(code, mysql(code)) == std::pair(code, Retry::Never));
}

TEST_CASE("the storage engine's own code decides where one is said") {
  CHECK(mysql_fault(1030, "HY000", "Got error 28 \"No space left on device\" from storage engine MyISAM") == Fault::Full);
  CHECK(mysql_fault(1030, "HY000", "Got error 144 \"Table is crashed and last repair failed\" from storage engine") == Fault::Damaged);
  CHECK(mysql_fault(1030, "HY000", "Got error 149 \"Lock deadlock; Retry transaction\" from storage engine") == Fault::Contention);
  CHECK(mysql_fault(1030, "HY000", "Got error 139 \"Too big row\" from storage engine InnoDB") == Fault::Value);
  CHECK(mysql_fault(1016, "HY000", "Can't open file: './f/fail2ban.MYI' (errno: 24 \"Too many open files\")") == Fault::Limit);
  CHECK(mysql_fault(1026, "HY000", "Error writing file './f/fail2ban.MYD' (errno: 28 \"No space left on device\")") == Fault::Full);
  CHECK(retry_of(mysql_fault(1030, "HY000", "Got error 9999 from storage engine")) == Retry::Later);
}

TEST_CASE("TLS: a wrong certificate is to be mended, a cut connection passes") {
  CHECK(mysql_fault(2026, "HY000", "TLS/SSL error: self-signed certificate in certificate chain") == Fault::Tls);
  CHECK(mysql_fault(2026, "HY000", "SSL is required, but the server does not support it") == Fault::NoTls);
  CHECK(mysql_fault(2026, "HY000", "TLS/SSL error: Connection reset by peer") == Fault::Connection);
}

TEST_CASE("a code that nobody knows loses no ban") {
  for (const unsigned code : {0U, 1U, 999U, 1105U, 1644U, 2999U, 3999U, 5999U, 65535U})
    CHECK(std::pair(code, mysql(code)) == std::pair(code, Retry::Later));
  CHECK(mysql(3999, "08S01") == Retry::Now);
  CHECK(mysql(3999, "40001") == Retry::Now);
  CHECK(mysql(3999, "28000") == Retry::Later);
  CHECK(mysql(3999, "42S02") == Retry::Later);
  CHECK(mysql(3999, "22001") == Retry::Never);
  CHECK(mysql(3999, "") == Retry::Later);
  CHECK(sqlite(0) == Retry::Later);
  CHECK(sqlite(99) == Retry::Later);
}

TEST_CASE("SQLite's codes, extended ones too") {
  for (const int code : {5, 261, 517, 6, 7, 9, 15, 17, 3082})
    CHECK(std::pair(code, sqlite(code)) == std::pair(code, Retry::Now));
  for (const int code : {3, 8, 264, 1032, 1544, 10, 266, 778, 11, 523, 13, 14, 270, 19, 2067, 1555, 23, 26})
    CHECK(std::pair(code, sqlite(code)) == std::pair(code, Retry::Later));
  for (const int code : {18, 20, 275, 1299, 3091})
    CHECK(std::pair(code, sqlite(code)) == std::pair(code, Retry::Never));
  CHECK(sqlite_fault(1, "no such table: fail2ban") == Fault::NoTable);
  CHECK(sqlite_fault(1, "table fail2ban has no column named port") == Fault::Definition);
  CHECK(sqlite_fault(1, "no such column: port") == Fault::Definition);
  CHECK(sqlite(1, "something else") == Retry::Later);
}

TEST_CASE("the error says what to do, and its kind gives the exit status") {
  const TableError later(Fault::NoTable, "the table: no");
  CHECK(later.kind() == ErrorKind::Table);
  CHECK(std::string(later.what()).find("banpush init") != std::string::npos);
  CHECK(TableError(Fault::Connection, "gone").kind() == ErrorKind::Table);
  CHECK(std::string(TableError(Fault::Connection, "gone").what()) == "gone");
  CHECK(TableError(Fault::Value, "too long").kind() == ErrorKind::Usage);
}
