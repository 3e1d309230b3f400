// What news() finds of what others and banpush itself do to a table, whichever kind it is.
#include "fresh_table.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace banpush;
using namespace banpush::test;

namespace {

struct Told {
  std::vector<std::string> gone, come; // addresses
  friend bool operator==(const Told &, const Told &) = default;
};

std::vector<std::string> addresses(const std::vector<KeptRow> &rows) {
  std::vector<std::string> found;
  for (const KeptRow &row : rows)
    found.push_back(row.ip);
  std::sort(found.begin(), found.end());
  return found;
}

Told told(BanTable &table) {
  const auto news = table.news();
  REQUIRE(news);
  return {addresses(news->gone), addresses(news->come)};
}

std::string delete_of(const char *ip) { return std::string("DELETE FROM fail2ban WHERE ip = '") + ip + "'"; }

} // namespace

TEST_CASE("news are the rows that came, went or say something else") {
  const Kind kind = GENERATE(Kind::Sqlite, Kind::InnoDb, Kind::HowToMyIsam);
  CAPTURE(kind);
  const FreshTable fresh(kind);
  const auto table = fresh.open(), other = fresh.open();
  fresh.other_row({"web1", "sshd", "192.0.2.1", 60});
  REQUIRE(other->ban(new_ban("192.0.2.2")) == Recorded::Added);
  CHECK_FALSE(table->news()); // nobody has begun to follow
  table->follow();
  CHECK(told(*table) == Told{});

  fresh.other_row({"web1", "sshd", "203.0.113.1", 60});
  REQUIRE(other->ban(new_ban("203.0.113.2")) == Recorded::Added);
  CHECK(told(*table) == Told{{}, {"203.0.113.1", "203.0.113.2"}});
  CHECK(told(*table) == Told{});

  fresh.other(delete_of("203.0.113.1"));
  CHECK(told(*table) == Told{{"203.0.113.1"}, {}});
  fresh.other("UPDATE fail2ban SET port = '25' WHERE ip = '192.0.2.1'");
  CHECK(told(*table) == Told{{"192.0.2.1"}, {"192.0.2.1"}});

  REQUIRE(other->unban(Prefix::require("192.0.2.2"), "", "", Revoker::Operator, "ann") == 1);
  auto news = table->news();
  REQUIRE(news);
  REQUIRE(news->come.size() == 1);
  CHECK(news->come.front().ip == "192.0.2.2");
  CHECK(news->come.front().revoked);
  CHECK(news->come.front().revoked_by_operator);
  CHECK(news->gone.empty());
  CHECK(told(*table) == Told{});
}

TEST_CASE("a note on a row far below the newest brings that row") {
  const Kind kind = GENERATE(Kind::Sqlite, Kind::InnoDb);
  CAPTURE(kind);
  const FreshTable fresh(kind);
  fresh.other_row({"web1", "sshd", "192.0.2.1", 60});
  std::vector<FreshTable::OtherRow> many;
  for (int number = 0; number < 1200; ++number)
    many.push_back({"web2", "sshd", "198.51." + std::to_string(number / 250) + "." + std::to_string(number % 250), 60});
  fresh.other_rows(many);
  const auto table = fresh.open(), other = fresh.open();
  table->follow();
  REQUIRE(other->unban(Prefix::require("192.0.2.1"), "", "", Revoker::Operator, "ann") == 1);
  const auto news = table->news();
  REQUIRE(news);
  REQUIRE(news->come.size() == 1);
  CHECK(news->come.front().ip == "192.0.2.1");
  CHECK(news->come.front().hostname == "web1");
  CHECK(news->come.front().port == "22");
  CHECK(news->come.front().revoked_by_operator);

  // That it was deleted is not to be seen so far down but in SQLite, by the number of rows.
  fresh.other(delete_of("192.0.2.1"));
  CHECK(table->news().has_value() == (kind == Kind::InnoDb));
}

TEST_CASE("of two rows alike one goes, and the other is said to be there still") {
  const FreshTable fresh(Kind::Sqlite);
  const auto table = fresh.open();
  table->follow();
  for (int twice = 0; twice < 2; ++twice)
    fresh.other("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', '2026-01-01 12:00:00', 'sshd', 'tcp', "
                "'', '203.0.113.1')");
  CHECK(told(*table) == Told{{}, {"203.0.113.1", "203.0.113.1"}});
  fresh.other("DELETE FROM fail2ban WHERE id = (SELECT MAX(id) FROM fail2ban)");
  CHECK(told(*table) == Told{{"203.0.113.1"}, {"203.0.113.1"}});
}

TEST_CASE("side tables that come or go meanwhile are no news to be followed") {
  const FreshTable fresh(Kind::Sqlite, Sides::Without);
  const auto table = fresh.open();
  table->follow();
  fresh.other_row({"web1", "sshd", "203.0.113.1", 60});
  CHECK(told(*table) == Told{{}, {"203.0.113.1"}});
  fresh.open()->init(CreatedIndex::No);
  CHECK_FALSE(table->news());
}
