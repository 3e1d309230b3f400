// Side tables of an older banpush under a newer one, and the reverse.
#include "bans/sql/schema.hpp"
#include "fresh_table.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

using namespace banpush;
using namespace banpush::test;

namespace {

// As banpush of schema 1 has made them.
void make_older(const FreshTable &fresh) {
  for (const LaterColumn &column : later_columns)
    fresh.other("ALTER TABLE " + std::string(column.table) + " DROP COLUMN " + column.name);
  fresh.other("DROP TABLE banpush_schema");
}

NewBan worded_ban(const std::string &ip) {
  NewBan ban = new_ban(ip, "squirrelmail");
  ban.port = "";
  ban.words = {"25,465,587,143,993,110,995,80,443,1080", "", "it does not fit"};
  return ban;
}

const Row &row_of(const std::vector<Row> &all, const std::string &ip) {
  return *std::find_if(all.begin(), all.end(), [&](const Row &row) { return row.ip == ip; });
}

} // namespace

TEST_CASE_METHOD(OnAnyTable, "what the columns of a ban cannot hold stands beside it") {
  CHECK(table->missing_columns().empty());
  CHECK(table->schema_version() == newest_schema());
  CHECK(table->worded().empty());
  NewBan ban = worded_ban("203.0.113.7");
  ban.until = 600;
  REQUIRE(table->ban(ban) == Recorded::Added);
  REQUIRE(table->ban(new_ban("203.0.113.8")) == Recorded::Added);
  auto worded = table->worded();
  REQUIRE(worded.size() == 1);
  CHECK((worded[0].ip == "203.0.113.7" && worded[0].name == "squirrelmail"));
  CHECK(worded[0].words.ports == "25,465,587,143,993,110,995,80,443,1080");
  CHECK(worded[0].words.note == "it does not fit");
  CHECK(worded[0].created == rows(*table).front().created);
  ban.until = 7200;
  ban.words.ports = "80";
  CHECK(table->ban(ban) == Recorded::Extended);
  CHECK(table->worded().front().words.ports == "80");
}

TEST_CASE("a newer banpush on the side tables of an older one loses nothing, and init adds what they lack") {
  const Kind kind = any_kind();
  CAPTURE(kind);
  const FreshTable fresh(kind);
  make_older(fresh);
  const auto table = fresh.open();
  CHECK(table->schema_version() == 1);
  CHECK(table->missing_columns() == std::vector<std::string>{"banpush_ban.ports", "banpush_ban.protocols", "banpush_ban.note"});
  NewBan ban = worded_ban("203.0.113.7");
  ban.until = 600;
  ban.reason = "by hand";
  REQUIRE(table->ban(ban) == Recorded::Added);
  ban.until = 7200;
  CHECK(table->ban(ban) == Recorded::Extended);
  CHECK(table->worded().empty());
  CHECK(near(rows(*table).front().until, 7200));
  CHECK(table->unban(Prefix::require("203.0.113.7"), "", "", Revoker::Operator, "ann") == 1);
  CHECK(table->init(CreatedIndex::No) == std::vector<std::string>{"banpush_schema", "column ports of banpush_ban",
                                                                  "column protocols of banpush_ban", "column note of banpush_ban"});
  CHECK(table->init(CreatedIndex::No).empty());
  CHECK(table->schema_version() == newest_schema());
  CHECK(table->missing_columns().empty());
  CHECK(near(rows(*table).front().until, 7200));
  REQUIRE(table->ban(worded_ban("203.0.113.9")) == Recorded::Added); // by the connection that had seen the older ones
  CHECK(table->worded().size() == 1);
}

TEST_CASE_METHOD(OnAnyTable, "an older banpush goes on beside a newer one") {
  REQUIRE(table->ban(worded_ban("203.0.113.7")) == Recorded::Added);
  std::ifstream file(std::string(BANPUSH_SOURCE_DIR "/tests/bans/older/") + (kind == Kind::Sqlite ? "sqlite.sql" : "mysql.sql"));
  fresh.other({std::istreambuf_iterator<char>(file), {}});
  const auto all = rows(*table);
  REQUIRE(all.size() == 3);
  CHECK(near(row_of(all, "203.0.113.1").until, 3600));
  CHECK(row_of(all, "203.0.113.2").by_operator);
  CHECK(table->worded().size() == 1);
  REQUIRE(table->allowed().size() == 1);
  CHECK(table->allowed().front().prefix == "192.0.2.0/24");
  const auto reporters = table->reporters();
  CHECK(std::find(reporters.begin(), reporters.end(), std::pair<std::string, std::string>{"web1", "198.51.100.9"}) != reporters.end());
  CHECK(table->ban(new_ban("203.0.113.1", "sshd", "web1")) == Recorded::Repeated); // what the older one has recorded
}

TEST_CASE("the version that a newer banpush has written stays") {
  const Kind kind = any_kind();
  CAPTURE(kind);
  const FreshTable fresh(kind);
  fresh.other("INSERT INTO banpush_schema (version, since) VALUES (7, '2030-01-01 00:00:00')");
  fresh.other("ALTER TABLE banpush_ban ADD COLUMN later varchar(10) NOT NULL DEFAULT 'x'");
  const auto table = fresh.open();
  CHECK(table->init(CreatedIndex::No).empty());
  CHECK(table->schema_version() == 7);
  CHECK(table->ban(worded_ban("203.0.113.7")) == Recorded::Added);
  CHECK(table->worded().size() == 1);
}
