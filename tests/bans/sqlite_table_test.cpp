// What only a file can do to a ban table: be missing, be broken, be read in another time zone.
#include "bans/sqlite/sqlite.hpp"
#include "fresh_table.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

using namespace banpush;
using namespace banpush::test;
using Catch::Contains;

TEST_CASE("an SQLite table that is not there is created by init only") {
  const FreshTable fresh(Kind::Sqlite);
  TableSource source = fresh.source();
  source.path += ".other";
  const auto table = open_table(source, "");
  CHECK_THROWS_WITH(rows(*table), Contains("no such file") && Contains("banpush init"));
  CHECK_THROWS_WITH(table->ban(new_ban("203.0.113.7")), Contains("no such file"));
  CHECK_FALSE(std::filesystem::exists(source.path));
  CHECK(table->init(CreatedIndex::No).size() == 6);
  CHECK(rows(*table).empty());
}

TEST_CASE("an SQLite file broken in the middle is an error, never a short table") {
  const FreshTable fresh(Kind::Sqlite);
  fresh.other("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO fail2ban (hostname, created, "
              "name, protocol, "
              "port, ip) SELECT 'web1.example.net', '2026-01-01 00:00:00', 'sshd', 'tcp', '22', '203.0.113.' || (i % 256) FROM n");
  fresh.other("PRAGMA wal_checkpoint(TRUNCATE)");
  {
    std::fstream file(fresh.source().path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(fresh.source().path) / 2));
    file << std::string(16384, '\xaa');
  }
  const auto table = fresh.open();
  std::size_t seen = 0;
  CHECK_THROWS_WITH(table->each([&](const RawBan &) { ++seen; }), Contains("malformed"));
  CHECK(seen > 0);
  CHECK(seen < 20000);
}

TEST_CASE("an SQLite table has the local time of who writes, whatever the zone") {
  const char *before = std::getenv("TZ");
  const std::string zone = before == nullptr ? "" : before;
  for (const char *place : {"America/New_York", "Asia/Kolkata", "UTC"}) {
    ::setenv("TZ", place, 1);
    ::tzset();
    const FreshTable fresh(Kind::Sqlite);
    const auto table = fresh.open();
    NewBan ban = new_ban("203.0.113.7");
    ban.until = 600;
    REQUIRE(table->ban(ban) == Recorded::Added);
    fresh.other_row({"web2", "sshd", "203.0.113.8", 60});
    auto all = rows(*table);
    CHECK(near(all[0].age, 0));
    CHECK(near(all[1].age, 60));
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    char text[20];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:", &local);
    CHECK_THAT(all[0].created, Catch::StartsWith(text));

    ::setenv("TZ", "Pacific/Auckland", 1); // read elsewhere: a ban of ours has its own age
    ::tzset();
    all = rows(*fresh.open());
    CHECK(near(all[0].age, 0));
    CHECK(near(all[0].until, 600));
  }
  zone.empty() ? ::unsetenv("TZ") : ::setenv("TZ", zone.c_str(), 1);
  ::tzset();
}
