// What a ban table must do, whichever kind it is.
#include "fresh_table.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <thread>

using namespace banpush;
using namespace banpush::test;
using Catch::Contains;

namespace {

Seconds a_day(const std::string &) { return 86400; }

} // namespace

TEST_CASE_METHOD(OnAnyTable, "init makes what is missing and leaves what stands") {
  fresh.other_row({"web1", "sshd", "203.0.113.7", 60});
  CHECK(table->init(CreatedIndex::No).empty());
  fresh.other("DROP TABLE banpush_lease");
  CHECK(table->init(CreatedIndex::No) == std::vector<std::string>{"banpush_lease"});
  CHECK(table->init(CreatedIndex::Yes) == std::vector<std::string>{"index fail2ban_created"});
  CHECK(table->init(CreatedIndex::Yes).empty());
  CHECK(rows(*table).size() == 1);
}

TEST_CASE("an empty table is empty, and a missing one is an error") {
  const Kind kind = any_kind();
  CAPTURE(kind);
  const FreshTable fresh(kind);
  CHECK(rows(*fresh.open()).empty());
  fresh.other("DROP TABLE fail2ban");
  const auto table = fresh.open();
  CHECK_THROWS_WITH(rows(*table), Contains("there is no table `fail2ban`") && Contains("banpush init"));
  CHECK_THROWS_WITH(table->ban(new_ban("203.0.113.7")), Contains("there is no table `fail2ban`"));
  CHECK_THROWS_WITH(table->unban(Prefix::require("203.0.113.7"), "", "", Revoker::Operator, "ann"), Contains("there is no table"));
}

TEST_CASE("a column less is named, by init too") {
  const Kind kind = any_kind();
  CAPTURE(kind);
  const FreshTable fresh(kind);
  fresh.other("ALTER TABLE fail2ban DROP COLUMN port");
  const auto table = fresh.open();
  CHECK_THROWS_WITH(rows(*table), Contains("table `fail2ban` has no column `port`"));
  CHECK_THROWS_WITH(table->ban(new_ban("203.0.113.7")), Contains("has no column `port`"));
  CHECK_THROWS_WITH(table->init(CreatedIndex::No), Contains("has no column `port`"));
}

TEST_CASE("another name for the table is taken only when it is a name") {
  const FreshTable fresh(Kind::Sqlite);
  for (const char *name : {"", "a b", "fail2ban`; DROP TABLE x", "a.b", "größe", "a'"}) {
    TableSource source = fresh.source();
    source.table = name;
    CHECK_THROWS_WITH(open_table(source, ""), Contains("only letters, digits and underscores"));
  }
}

TEST_CASE("a ban table of another name has notes of its own") {
  const Kind kind = any_kind();
  CAPTURE(kind);
  const FreshTable fresh(kind);
  TableSource source = fresh.source();
  source.table = "Office_2";
  const auto first = fresh.open();
  const auto second = open_table(source, fresh.password());
  CHECK(second->init(CreatedIndex::No) == std::vector<std::string>{"Office_2"});
  CHECK(first->ban(new_ban("203.0.113.7")) == Recorded::Added);
  CHECK(second->ban(new_ban("203.0.113.7")) == Recorded::Added);
  CHECK(first->unban(Prefix::require("203.0.113.7"), "", "", Revoker::Operator, "ann") == 1);
  CHECK(rows(*first).front().revoked);
  CHECK_FALSE(rows(*second).front().revoked);
}

TEST_CASE_METHOD(OnAnyTable, "rows of other clients come as they are, hostile ones too") {
  REQUIRE(table->ban(new_ban("203.0.113.1")) == Recorded::Added);
  fresh.other_rows({{"web2", "sshd", "203.0.113.2", 90},
                    {"web3", "ssh\nd", "''; DROP TABLE fail2ban; --", 0},
                    {"web4", "$(reboot)", "no ip access-list x", 0, "1; rm -rf"},
                    {"wéb5", std::string(60000, 'x'), "2001:db8::7", 3600}});
  REQUIRE(table->ban(new_ban("203.0.113.3")) == Recorded::Added);

  const auto all = rows(*table);
  REQUIRE(all.size() == 6);
  CHECK(all[1].ip == "203.0.113.2");
  CHECK(all[1].protocol == "tcp");
  CHECK(near(all[1].age, 90));
  CHECK_FALSE(all[1].until);
  CHECK(all[2].name == "ssh\nd");
  CHECK(all[2].ip == "'; DROP TABLE fail2ban; --");
  CHECK(all[3].port == "1; rm -rf");
  CHECK(all[4].hostname == "wéb5");
  CHECK(all[4].name.size() == 60000);
  CHECK(all[5].ip == "203.0.113.3");
}

TEST_CASE("columns that hold nothing or bytes survive as text") {
  const Kind kind = any_kind();
  CAPTURE(kind);
  const FreshTable fresh(kind);
  if (kind == Kind::Sqlite) {
    fresh.other("DROP TABLE fail2ban; CREATE TABLE fail2ban (id INTEGER PRIMARY KEY, hostname, created, name, protocol, port, ip)");
    fresh.other(
        "INSERT INTO fail2ban VALUES (1, NULL, NULL, NULL, NULL, NULL, NULL), (2, x'61ff0062', 'no date', x'0027', 7, 22, '203.0.113.7')");
  } else {
    fresh.other(
        "ALTER TABLE fail2ban MODIFY hostname varbinary(255) NULL, MODIFY created datetime NULL, MODIFY name blob NULL, MODIFY protocol "
        "varchar(16) NULL, MODIFY port varchar(32) NULL, MODIFY ip varchar(64) NULL");
    fresh.other("INSERT INTO fail2ban VALUES (1, NULL, NULL, NULL, NULL, NULL, NULL)");
    fresh.other("SET sql_mode = ''; INSERT INTO fail2ban VALUES (2, x'61ff0062', '0000-00-00', x'0027', 7, 22, '203.0.113.7')");
  }
  const auto table = fresh.open();
  const auto all = rows(*table);
  REQUIRE(all.size() == 2);
  CHECK(all[0].ip.empty());
  CHECK(all[0].age == permanent); // without a date it is no fresh ban
  CHECK(all[1].hostname == std::string("a\xff\0b", 4));
  CHECK(all[1].name == std::string("\0'", 2));
  CHECK(all[1].port == "22");
  CHECK(all[1].age == permanent);
  // What the side tables cannot hold is deleted instead, so that an unban always works.
  CHECK(table->unban(Prefix::require("203.0.113.7"), "", "", Revoker::Operator, "ann") == 1);
  CHECK(table->prune(86400, a_day, keeps_none) == 0);
}

TEST_CASE("ages are the database's, also ahead of its clock") {
  const Kind kind = any_kind();
  CAPTURE(kind);
  const FreshTable fresh(kind);
  fresh.other_rows({{"web1", "sshd", "203.0.113.1", 3600}, {"web1", "sshd", "203.0.113.2", -2700}});
  const auto all = rows(*fresh.open());
  CHECK(near(all[0].age, 3600));
  CHECK(near(all[1].age, -2700));
}

TEST_CASE_METHOD(OnAnyTable, "an address is found in every spelling") {
  std::vector<FreshTable::OtherRow> others;
  for (const char *ip :
       {"2001:db8::7", "2001:DB8::7", "2001:0db8:0:0:0:0:0:7", "2001:db8:0:0::7/128", "2001:db8::70", "2001:db8::/32", "203.0.113.7",
        "203.0.113.7/32", "::ffff:203.0.113.7", "::FFFF:cb00:7107", "0:0:0:0:0:ffff:203.0.113.7", "203.0.113.0/24", "0a01:db8::1"})
    others.push_back({"web1", "sshd", ip, 60});
  fresh.other_rows(others);
  CHECK(table->about(Prefix::require("2001:db8::7")).size() == 4);
  CHECK(table->about(Prefix::require("203.0.113.7")).size() == 5);
  CHECK(table->about(Prefix::require("2001:db8::/32")).size() == 1);
  CHECK(table->about(Prefix::require("203.0.113.0/24")).size() == 1);
  CHECK(table->about(Prefix::require("a01:db8::1")).size() == 1);
  CHECK(table->unban(Prefix::require("2001:db8::7"), "", "", Revoker::Operator, "") == 4);
  CHECK(table->unban(Prefix::require("203.0.113.7"), "", "WEB1", Revoker::Operator, "") == 5);
  const auto all = rows(*table);
  CHECK(std::count_if(all.begin(), all.end(), [](const Row &row) { return row.revoked.has_value(); }) == 9);
}

TEST_CASE("without side tables it is the how-to's table and no more") {
  const Kind kind = any_kind();
  CAPTURE(kind);
  const FreshTable fresh(kind, Sides::Without);
  const auto table = fresh.open();
  CHECK_FALSE(table->has_side_tables());
  NewBan ban = new_ban("203.0.113.7");
  ban.actor = "ann";
  CHECK(table->ban(ban) == Recorded::Added);
  CHECK(table->ban(ban) == Recorded::Added);
  ban.occasion = Occasion::Restored;
  CHECK(table->ban(ban) == Recorded::Unchanged);
  fresh.other_row({"web2", "sshd", "203.0.113.7", 60});
  CHECK(rows(*table).size() == 3);

  ban.until = 60;
  CHECK_THROWS_WITH(table->ban(ban), Contains("a ban with a length of its own needs banpush's side tables") && Contains("banpush init"));
  ban.until.reset();
  ban.reason = "scan";
  CHECK_THROWS_WITH(table->ban(ban), Contains("a ban with a reason needs"));
  CHECK_THROWS_WITH(table->allow(ban.ip, "", ""), Contains("an allowlist in the table needs"));
  CHECK_THROWS_WITH(table->disallow(ban.ip), Contains("an allowlist in the table needs"));
  CHECK(table->allowed().empty());
  CHECK(table->reporters().empty());

  CHECK(table->unban(ban.ip, "sshd", "web1.example.net", Revoker::Fail2ban, "") == 2);
  CHECK(rows(*table).size() == 1);
  CHECK(table->prune(
            0, [](const std::string &) { return Seconds{1}; }, keeps_none) == 1);
  CHECK(rows(*table).empty());
}

TEST_CASE("half of the side tables is an error, not an empty allowlist") {
  const Kind kind = any_kind();
  CAPTURE(kind);
  const FreshTable fresh(kind);
  fresh.other("DROP TABLE banpush_allow");
  const auto table = fresh.open();
  CHECK_THROWS_WITH(table->allowed(),
                    Contains("some of banpush's side tables are missing") && Contains("banpush_allow") && Contains("banpush init"));
  CHECK_THROWS_WITH(rows(*table), Contains("banpush_allow"));
}

TEST_CASE_METHOD(OnAnyTable, "the allowlist keeps who and why") {
  CHECK(table->allowed().empty());
  table->allow(Prefix::require("198.51.100.0/24"), "office", "ann");
  table->allow(Prefix::require("2001:db8::7"), "", "bob");
  table->allow(Prefix::require("198.51.100.0/24"), "the new office", "carol");
  fresh.other("INSERT INTO banpush_allow (prefix, actor, created) VALUES ('192.0.2.1', '', '2026-01-01 00:00:00'), ('not one', '', "
              "'2026-01-01 00:00:00')");
  const auto allowed = table->allowed();
  REQUIRE(allowed.size() == 4);
  CHECK(allowed[0].prefix == "192.0.2.1");
  CHECK(allowed[1].prefix == "198.51.100.0/24");
  CHECK(allowed[1].reason == "the new office");
  CHECK(allowed[1].actor == "carol");
  CHECK(allowed[1].created.size() == 19);
  CHECK(allowed[3].prefix == "not one"); // handed over, so that the strict reader stops on it
  CHECK(table->disallow(Prefix::require("192.0.2.1")));
  CHECK_FALSE(table->disallow(Prefix::require("192.0.2.1")));
  CHECK(table->disallow(Prefix::require("198.51.100.0/24")));
  CHECK(table->allowed().size() == 2);
}

TEST_CASE_METHOD(OnAnyTable, "prune takes only what every policy has let go") {
  constexpr Seconds day = 86400;
  const auto lasts = [](const std::string &jail) { return jail == "recidive" ? permanent : 10 * day; };
  fresh.other_rows({{"web2", "sshd", "203.0.113.1", 100 * day},
                    {"web2", "sshd", "203.0.113.2", 30 * day},
                    {"web2", "recidive", "203.0.113.3", 1000 * day},
                    {"web2", "sshd", "203.0.113.4", 100 * day},
                    {"web2", "recidive", "203.0.113.5", 100 * day},
                    {"web2", "sshd", "203.0.113.6", 100 * day}});
  NewBan ban = new_ban("203.0.113.4", "sshd", "web2");
  ban.lasts = 200 * day; // still in force: put again, so its time runs anew
  REQUIRE(table->ban(ban) == Recorded::Extended);
  REQUIRE(table->unban(Prefix::require("203.0.113.5"), "", "", Revoker::Operator, "") == 1);
  fresh.other("UPDATE banpush_ban SET revoked = '2020-01-01 00:00:00' WHERE ip = '203.0.113.5'");
  REQUIRE(table->unban(Prefix::require("203.0.113.6"), "", "", Revoker::Fail2ban, "") == 1); // ended by policy long before
  fresh.other("INSERT INTO banpush_ban (ban_table, ip, created, hostname, name, changed) VALUES ('fail2ban', '192.0.2.9', '2020-01-01 "
              "00:00:00', 'w', 's', "
              "'2020-01-01 00:00:00')");

  CHECK(table->prune(60 * day, lasts, keeps_none) == 3);
  const auto left = rows(*table);
  REQUIRE(left.size() == 3);
  CHECK(left[0].ip == "203.0.113.2");
  CHECK(left[1].ip == "203.0.113.3");
  CHECK(left[2].ip == "203.0.113.4");
  CHECK(near(left[2].age, 0));
  CHECK(fresh.count("banpush_ban") == 1); // the notes of what went are gone, and the one whose row somebody else had deleted
  CHECK(table->prune(60 * day, lasts, keeps_none) == 0);
}
