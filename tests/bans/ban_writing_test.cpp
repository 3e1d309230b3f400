// What ban and unban write into a table, whichever kind it is, and what they find there of earlier ones.
#include "fresh_table.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <thread>

using namespace banpush;
using namespace banpush::test;
using Catch::Contains;

TEST_CASE_METHOD(OnAnyTable, "a ban is written as the how-to's script would, with what it cannot hold beside it") {
  NewBan ban = new_ban("2001:db8::7");
  ban.until = 600;
  ban.reason = "port scan, \"quoted\"; --";
  ban.actor = "ann";
  CHECK(table->ban(ban) == Recorded::Added);
  ban = new_ban("198.51.100.0/24", "manual");
  ban.port = "";
  ban.until = permanent;
  CHECK(table->ban(ban) == Recorded::Added);

  const auto all = rows(*table);
  REQUIRE(all.size() == 2);
  CHECK(all[0].hostname == "web1.example.net");
  CHECK(all[0].name == "sshd");
  CHECK(all[0].protocol == "tcp");
  CHECK(all[0].port == "22");
  CHECK(all[0].ip == "2001:db8::7");
  CHECK(near(all[0].age, 0));
  CHECK(near(all[0].until, 600));
  CHECK_FALSE(all[0].revoked);
  CHECK(all[1].ip == "198.51.100.0/24");
  CHECK(all[1].port.empty());
  CHECK(all[1].until == permanent);
  CHECK(fresh.count(fmt::format("fail2ban WHERE created BETWEEN {} AND {}", fresh.ago(10), fresh.ago(-10))) == 2);

  const auto about = table->about(Prefix::require("2001:db8::7"));
  REQUIRE(about.size() == 1);
  CHECK(about[0].reason == "port scan, \"quoted\"; --");
  CHECK(about[0].actor == "ann");
  CHECK(about[0].created == all[0].created);
}

TEST_CASE_METHOD(OnAnyTable, "a length beyond all calendars is permanent") {
  NewBan ban = new_ban("203.0.113.7");
  ban.until = permanent - 1;
  CHECK(table->ban(ban) == Recorded::Added);
  CHECK(rows(*table).front().until == permanent);
}

TEST_CASE_METHOD(OnAnyTable, "a ban again while the first is in force extends it") {
  NewBan ban = new_ban("203.0.113.7");
  ban.until = 600;
  REQUIRE(table->ban(ban) == Recorded::Added);
  ban.until = 7200;
  ban.reason = "again";
  CHECK(table->ban(ban) == Recorded::Extended);
  ban.until = 60; // never shorter
  const std::string before = fresh.value("SELECT `until` FROM banpush_ban");
  CHECK(table->ban(ban) == Recorded::Repeated);
  CHECK(fresh.value("SELECT `until` FROM banpush_ban") == before);
  const auto all = rows(*table);
  REQUIRE(all.size() == 1);
  CHECK(near(all[0].until, 7200));
  CHECK(table->about(ban.ip).front().reason == "again");

  SECTION("another host, jail, port or protocol is another ban") {
    for (const auto change : {0, 1, 2, 3}) {
      NewBan other = ban;
      (change == 0 ? other.hostname : change == 1 ? other.jail : change == 2 ? other.port : other.protocol) = "42";
      CHECK(table->ban(other) == Recorded::Added);
      CHECK(table->ban(other) == Recorded::Repeated);
    }
    CHECK(rows(*table).size() == 5);
  }
  SECTION("once over, a row of its own") {
    fresh.other("UPDATE banpush_ban SET `until` = '2020-01-01 00:00:00'");
    CHECK(table->ban(ban) == Recorded::Added);
    CHECK(rows(*table).size() == 2);
  }
}

TEST_CASE_METHOD(OnAnyTable, "a row of another writer is in force for as long as policy says") {
  fresh.other_row({"web1.example.net", "sshd", "203.0.113.7", 3000});
  NewBan ban = new_ban("203.0.113.7");

  SECTION("its time starts anew, without a second row") {
    ban.lasts = 3600;
    CHECK(table->ban(ban) == Recorded::Extended);
    const auto all = rows(*table);
    REQUIRE(all.size() == 1);
    CHECK(near(all[0].age, 0));
    CHECK_FALSE(all[0].until);
  }
  SECTION("a length given now is the later of both ends") {
    ban.lasts = 3600;
    ban.until = 60;
    CHECK(table->ban(ban) == Recorded::Repeated);
    CHECK(near(rows(*table).front().until, 600));
  }
  SECTION("over by policy: a row of its own") {
    ban.lasts = 1800;
    CHECK(table->ban(ban) == Recorded::Added);
    CHECK(rows(*table).size() == 2);
  }
  SECTION("policy not known: a row of its own") {
    CHECK(table->ban(ban) == Recorded::Added);
    CHECK(rows(*table).size() == 2);
  }
}

TEST_CASE_METHOD(OnAnyTable, "fail2ban's restart writes nothing that stands, and never overrules an operator") {
  NewBan ban = new_ban("203.0.113.7");
  ban.until = 600;
  REQUIRE(table->ban(ban) == Recorded::Added);
  ban.occasion = Occasion::Restored;

  SECTION("in force") {
    ban.until = 7200;
    CHECK(table->ban(ban) == Recorded::Unchanged);
    CHECK(near(rows(*table).front().until, 600));
    ban.port = "22,2222"; // the jail was edited meanwhile
    CHECK(table->ban(ban) == Recorded::Unchanged);
  }
  SECTION("in force, and fail2ban holds it for longer, as far as its begin is known") {
    ban.until = 7200;
    ban.begun = 60;
    CHECK(table->ban(ban) == Recorded::Extended);
    CHECK(near(rows(*table).front().until, 7140));
    CHECK(table->ban(ban) == Recorded::Unchanged);
  }
  SECTION("unbanned by fail2ban's own stop: taken back") {
    CHECK(table->unban(ban.ip, ban.jail, ban.hostname, Revoker::Fail2ban, "") == 1);
    CHECK(table->ban(ban) == Recorded::Revived);
    CHECK_FALSE(rows(*table).front().revoked);
  }
  SECTION("unbanned by an operator: stays so") {
    CHECK(table->unban(ban.ip, "", "", Revoker::Operator, "ann") == 1);
    ban.port = "22,2222"; // the jail was edited meanwhile
    CHECK(table->ban(ban) == Recorded::Lifted);
    CHECK(rows(*table).front().by_operator);
  }
  SECTION("never arrived: written now") {
    ban.ip = Prefix::require("203.0.113.8");
    CHECK(table->ban(ban) == Recorded::Added);
    CHECK(rows(*table).size() == 2);
    return;
  }
  CHECK(rows(*table).size() == 1);
}

TEST_CASE_METHOD(OnAnyTable, "what ended, or was lifted, before a restored ban began was another ban") {
  NewBan ban = new_ban("203.0.113.7");
  ban.until = 600;
  ban.age = 3000;
  REQUIRE(table->ban(ban) == Recorded::Added);
  ban.age = 0;
  ban.occasion = Occasion::Restored;

  SECTION("over by itself") {
    SECTION("with its begin") {
      ban.begun = 100;
      CHECK(table->ban(ban) == Recorded::Added);
      CHECK(near(rows(*table).back().age, 100));
      CHECK(near(rows(*table).back().until, 500));
    }
    SECTION("without: it began within its length") {
      CHECK(table->ban(ban) == Recorded::Added);
      CHECK(near(rows(*table).back().until, 600));
    }
  }
  SECTION("unbanned by an operator, and a ban since that never arrived") {
    const Revoker who = GENERATE(Revoker::Operator, Revoker::Fail2ban);
    CHECK(table->unban(ban.ip, "", "", who, "ann", 2900) == 1);
    ban.begun = 100;
    CHECK(table->ban(ban) == Recorded::Added);
    CHECK_FALSE(rows(*table).back().revoked);
  }
  SECTION("unbanned by an operator since it began") {
    CHECK(table->unban(ban.ip, "", "", Revoker::Operator, "ann", 50) == 1);
    ban.until = 7200;
    ban.begun = 3000;
    CHECK(table->ban(ban) == Recorded::Lifted);
    CHECK(rows(*table).size() == 1);
    return;
  }
  SECTION("the same ban, for longer than was recorded") {
    ban.until = 7200;
    ban.begun = 3001;
    CHECK(table->ban(ban) == Recorded::Extended);
    CHECK(near(rows(*table).back().until, 4199));
    CHECK(rows(*table).size() == 1);
    return;
  }
  CHECK(rows(*table).size() == 2);
}

TEST_CASE_METHOD(OnAnyTable, "a ban that is prolonged holds on, and what was lifted meanwhile stays so") {
  NewBan ban = new_ban("203.0.113.7");
  ban.until = 600;
  REQUIRE(table->ban(ban) == Recorded::Added);
  ban.occasion = Occasion::Prolonged;
  ban.until = 1200;
  ban.begun = 10;

  SECTION("in force") {
    CHECK(table->ban(ban) == Recorded::Extended);
    CHECK(near(rows(*table).front().until, 1190));
  }
  SECTION("for ever") {
    ban.until = permanent;
    CHECK(table->ban(ban) == Recorded::Extended);
    CHECK(rows(*table).front().until == permanent);
    CHECK(table->ban(ban) == Recorded::Unchanged);
    ban.occasion = Occasion::Restored;
    CHECK(table->ban(ban) == Recorded::Unchanged);
  }
  SECTION("lifted") {
    CHECK(table->unban(ban.ip, ban.jail, ban.hostname, GENERATE(Revoker::Operator, Revoker::Fail2ban), "") == 1);
    CHECK(table->ban(ban) == Recorded::Lifted);
    CHECK(rows(*table).front().revoked);
  }
  CHECK(rows(*table).size() == 1);
}

TEST_CASE_METHOD(OnAnyTable, "what was decided first counts first, whichever arrives first") {
  const Prefix ip = Prefix::require("203.0.113.7");
  NewBan ban = new_ban("203.0.113.7");
  ban.until = 3600;
  ban.age = 300;
  REQUIRE(table->ban(ban) == Recorded::Added);

  SECTION("an unban that waited lifts nothing that was put since") {
    NewBan other = new_ban("203.0.113.7", "sshd", "web2");
    other.until = 3600;
    REQUIRE(table->ban(other) == Recorded::Added);
    CHECK(table->unban(ip, "", "", Revoker::Operator, "ann", 100) == 1);
    const auto all = rows(*table);
    REQUIRE(all.size() == 2);
    CHECK(near(all[0].revoked, 100));
    CHECK_FALSE(all[1].revoked);
  }
  SECTION("a ban that waited is not in force beyond an operator's unban") {
    REQUIRE(table->unban(ip, "", "", Revoker::Operator, "ann", 100) == 1);
    NewBan late = new_ban("203.0.113.7", "sshd", "web2");
    late.until = 3600;
    SECTION("decided before it: history") {
      late.age = 200;
      CHECK(table->ban(late) == Recorded::Lifted);
      CHECK(rows(*table).back().by_operator);
      CHECK(near(rows(*table).back().revoked, 100));
      CHECK(near(rows(*table).back().age, 200));
    }
    SECTION("decided after it: in force") {
      late.age = 50;
      CHECK(table->ban(late) == Recorded::Added);
      CHECK_FALSE(rows(*table).back().revoked);
    }
    SECTION("before it, and a newer one is in force: that stays as it is") {
      late.hostname = ban.hostname;
      late.until = 600;
      REQUIRE(table->ban(late) == Recorded::Added);
      late.until = 7200;
      late.age = 200;
      CHECK(table->ban(late) == Recorded::Lifted);
      CHECK(near(rows(*table).back().until, 600));
      CHECK(near(rows(*table).back().age, 0));
    }
  }
  SECTION("an unban of one jail alone is none of another's") {
    NewBan other = new_ban("203.0.113.7", "recidive");
    other.until = 3600;
    other.age = 300;
    REQUIRE(table->ban(other) == Recorded::Added);
    REQUIRE(table->unban(ip, "recidive", "", Revoker::Operator, "ann", 100) == 1);
    NewBan late = new_ban("203.0.113.7", "sshd", "web2");
    late.age = 200;
    CHECK(table->ban(late) == Recorded::Added);
  }
}

TEST_CASE_METHOD(OnAnyTable, "an unban that came after a ban is told by the rows of the address, whether there are notes of them or not") {
  const Prefix ip = Prefix::require("203.0.113.7");
  NewBan other = new_ban("203.0.113.7", "recidive");
  other.until = 3600;
  other.age = 300;
  REQUIRE(table->ban(other) == Recorded::Added);
  NewBan late = new_ban("203.0.113.7", "sshd", "web2");
  late.until = 3600;
  late.age = 200;

  SECTION("another writer's row stands: the unban was not of all") {
    fresh.other_row({"web3", "sshd", "203.0.113.7", 300});
    REQUIRE(table->unban(ip, "recidive", "", Revoker::Operator, "ann", 100) == 1);
    CHECK(table->ban(late) == Recorded::Added);
  }
  SECTION("a row in another spelling is lifted: the unban was of all") {
    fresh.other_row({"web3", "sshd", "::ffff:203.0.113.7", 300});
    REQUIRE(table->unban(ip, "", "", Revoker::Operator, "ann", 100) == 2);
    fresh.other("DELETE FROM banpush_ban WHERE ip = '203.0.113.7'");
    fresh.other("DELETE FROM fail2ban WHERE ip = '203.0.113.7'");
    CHECK(table->ban(late) == Recorded::Lifted);
  }
  SECTION("somebody has deleted a row, and its note is left over: nothing is in force by it") {
    NewBan deleted = new_ban("203.0.113.7", "sshd", "web3");
    deleted.until = 3600;
    deleted.age = 300;
    REQUIRE(table->ban(deleted) == Recorded::Added);
    fresh.other("DELETE FROM fail2ban WHERE hostname = 'web3'");
    REQUIRE(table->unban(ip, "", "", Revoker::Operator, "ann", 100) == 1);
    CHECK(table->ban(late) == Recorded::Lifted);
  }
  SECTION("somebody has deleted the row that an operator has unbanned: he has unbanned it all the same") {
    REQUIRE(table->unban(ip, "", "", Revoker::Operator, "ann", 100) == 1);
    fresh.other("DELETE FROM fail2ban WHERE name = 'recidive'");
    CHECK(table->ban(late) == Recorded::Lifted);
  }
}

TEST_CASE_METHOD(OnAnyTable, "unban marks, and the rows stay") {
  const Prefix ip = Prefix::require("203.0.113.7");
  REQUIRE(table->ban(new_ban("203.0.113.7")) == Recorded::Added);
  REQUIRE(table->ban(new_ban("203.0.113.7", "recidive")) == Recorded::Added);
  fresh.other_rows({{"web2", "sshd", "203.0.113.7", 60}, {"web2", "sshd", "203.0.113.70", 60}});

  CHECK(table->unban(ip, "sshd", "web1.example.net", Revoker::Fail2ban, "fail2ban") == 1);
  CHECK(table->unban(ip, "sshd", "web1.example.net", Revoker::Fail2ban, "fail2ban") == 0);
  auto all = rows(*table);
  REQUIRE(all.size() == 4);
  CHECK(near(all[0].revoked, 0));
  CHECK_FALSE(all[0].by_operator);
  CHECK_FALSE(all[1].revoked);
  CHECK_FALSE(all[2].revoked);

  // An operator's word counts more than fail2ban's: on all rows, also those that it had unbanned.
  CHECK(table->unban(ip, "", "", Revoker::Operator, "ann") == 3);
  CHECK(table->unban(ip, "", "", Revoker::Operator, "ann") == 0);
  CHECK(table->unban(ip, "", "", Revoker::Fail2ban, "") == 0);
  all = rows(*table);
  REQUIRE(all.size() == 4);
  for (const Row &row : all)
    CHECK(row.by_operator == (row.ip == "203.0.113.7"));
  CHECK(fresh.count("banpush_ban WHERE revoked_by = 'ann'") == 3);
}

TEST_CASE_METHOD(OnAnyTable, "ban, unban and ban within one second are three things") {
  const Prefix ip = Prefix::require("203.0.113.7");
  for (int i = 0; i < 3; ++i) {
    CHECK(table->ban(new_ban("203.0.113.7")) == Recorded::Added);
    CHECK(table->unban(ip, "", "", Revoker::Operator, "") == 1);
  }
  CHECK(table->ban(new_ban("203.0.113.7")) == Recorded::Added);
  const auto about = table->about(ip);
  REQUIRE(about.size() == 4);
  CHECK_FALSE(about[0].revoked);
  CHECK(about[1].revoked);
  CHECK(about[2].revoked);
  CHECK(about[3].revoked);
}

TEST_CASE_METHOD(OnAnyTable, "a spooled ban keeps its time and arrives once") {
  NewBan ban = new_ban("203.0.113.7");
  ban.until = 600;
  ban.age = 120;
  ban.token = "web1-42";
  CHECK(table->ban(ban) == Recorded::Added);
  CHECK(fresh.open()->ban(ban) == Recorded::Unchanged);
  const auto all = rows(*table);
  REQUIRE(all.size() == 1);
  CHECK(near(all[0].age, 120));
  CHECK(near(all[0].until, 480));
  CHECK(fresh.count(fmt::format("fail2ban WHERE created BETWEEN {} AND {}", fresh.ago(130), fresh.ago(110))) == 1);
  CHECK(table->unban(ban.ip, "", "", Revoker::Operator, "") == 1);
  CHECK(table->ban(ban) == Recorded::Unchanged);
}

TEST_CASE("many writers at once: every ban once") {
  const Kind kind = any_kind();
  CAPTURE(kind);
  const FreshTable fresh(kind);
  constexpr int writers = 8, bans = 12;
  std::vector<int> added(writers);
  std::vector<std::string> problems(writers);
  {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < writers; ++writer)
      threads.emplace_back([&, writer] {
        try {
          const auto table = fresh.open();
          for (int i = 0; i < bans; ++i) {
            NewBan ban = new_ban(fmt::format("203.0.113.{}", i)); // all of them the same ones
            ban.until = 600;
            added[static_cast<std::size_t>(writer)] += table->ban(ban) == Recorded::Added ? 1 : 0;
            ban.ip = Prefix::require(fmt::format("198.51.100.{}", writer * bans + i)); // and some of their own
            added[static_cast<std::size_t>(writer)] += table->ban(ban) == Recorded::Added ? 1 : 0;
          }
        } catch (const std::exception &error) {
          problems[static_cast<std::size_t>(writer)] = error.what();
        }
      });
  }
  for (const std::string &problem : problems)
    CHECK(problem.empty());
  int all = 0;
  for (const int count : added)
    all += count;
  CHECK(all == bans + writers * bans);
  CHECK(fresh.count("fail2ban") == static_cast<std::size_t>(all));
  CHECK(fresh.count("(SELECT DISTINCT ip FROM fail2ban) AS distinct_ones") == static_cast<std::size_t>(all));
}
