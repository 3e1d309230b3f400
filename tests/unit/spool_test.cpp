#include "app/world/spool.hpp"
#include "bans/sqlite/sqlite.hpp"
#include "config_folder.hpp"

#include <ctime>
#include <filesystem>
#include <utility>

using namespace banpush;

namespace {

NewBan a_ban(const std::string &ip, const std::string &jail = "sshd") {
  NewBan ban;
  ban.ip = Prefix::require(ip);
  ban.hostname = "web1";
  ban.jail = jail;
  ban.protocol = "tcp";
  ban.port = "22";
  ban.reason = "\"quotes\", größe and\ttabs";
  ban.actor = "ann";
  ban.until = 3600;
  ban.occasion = Occasion::Restored;
  ban.lasts = 600;
  return ban;
}

TableCopy a_copy() { return {{{"192.0.2.0/24", "office", "ann", "2026-01-01 12:00:00"}}, {{"web1", "198.51.100.9"}}, true}; }

// One that takes nothing, or not what has a reason.
class Deaf : public BanTable {
public:
  enum class How { Gone, Unwilling };
  explicit Deaf(How how) : how_(how) {}
  std::vector<std::string> init(CreatedIndex) override { return {}; }
  void each(const std::function<void(const RawBan &)> &) override {}
  bool changed() override { return false; }
  void follow() override {}
  std::optional<TableNews> news() override { return std::nullopt; }
  std::vector<ListedBan> about(const Prefix &) override { return {}; }
  Recorded ban(const NewBan &) override {
    if (how_ == How::Gone)
      throw Unreachable("the table is gone");
    throw TableError(Fault::Value, "no room for a reason");
  }
  std::size_t unban(const Prefix &, const std::string &, const std::string &, Revoker, const std::string &, Seconds) override { return 0; }
  bool has_side_tables() override { return false; }
  std::vector<AllowRow> allowed() override { return {}; }
  void allow(const Prefix &, const std::string &, const std::string &) override {}
  bool disallow(const Prefix &) override { return false; }
  std::vector<std::pair<std::string, std::string>> reporters() override { return {}; }
  std::size_t prune(Seconds, const Lasts &, const IsKept &) override { return 0; }

private:
  How how_;
};

} // namespace

TEST_CASE("what is spooled waits in order, whole, each with a token of its own") {
  const ConfigFolder folder;
  const std::string path = folder.path() + "/spool.db";
  CHECK_FALSE(spool_waits(path));
  CHECK_FALSE(spool_is_marked(path));
  {
    Spool spool(path);
    spool.put(a_ban("203.0.113.7"));
    spool.put(SpooledUnban{Prefix::require("203.0.113.8"), "sshd", "", "ann", Revoker::Fail2ban});
    spool.put(a_ban("2001:db8::7", "recidive"));
  }
  CHECK(spool_waits(path));
  CHECK(spool_is_marked(path));
  Spool spool(path); // as another process finds it
  const auto waiting = spool.waiting();
  REQUIRE(waiting.size() == 3);
  REQUIRE(waiting[0].ban);
  const NewBan &first = *waiting[0].ban, wanted = a_ban("203.0.113.7");
  CHECK(std::tie(first.ip, first.hostname, first.jail, first.protocol, first.port, first.reason, first.actor, first.until, first.lasts) ==
        std::tie(wanted.ip, wanted.hostname, wanted.jail, wanted.protocol, wanted.port, wanted.reason, wanted.actor, wanted.until,
                 wanted.lasts));
  CHECK(first.occasion == Occasion::Restored);
  CHECK(first.age <= 5);
  REQUIRE(waiting[1].unban);
  CHECK(waiting[1].unban->ip == Prefix::require("203.0.113.8"));
  CHECK(waiting[1].unban->jail == "sshd");
  CHECK(waiting[1].unban->who == Revoker::Fail2ban);
  REQUIRE(waiting[2].ban);
  CHECK_FALSE(first.token.empty());
  CHECK(first.token != waiting[2].ban->token);
  CHECK(spool.waiting(1).size() == 1);

  spool.arrived(waiting[0].id);
  spool.refused(waiting[1].id, "no");
  CHECK(spool.size() == 1);
  REQUIRE(spool.lines().size() == 2);
  CHECK(spool.waiting().front().ban->ip == Prefix::require("2001:db8::7"));
}

TEST_CASE("what a table says must never be blocked is kept for when it is gone") {
  const ConfigFolder folder;
  Spool spool(folder.path() + "/spool.db");
  CHECK_FALSE(spool.copy("bans"));
  spool.keep("bans", a_copy());
  const auto copy = spool.copy("bans");
  REQUIRE(copy);
  CHECK(copy->allowed.front().prefix == "192.0.2.0/24");
  CHECK(copy->allowed.front().reason == "office");
  CHECK(copy->reporters == a_copy().reporters);
  CHECK_FALSE(spool.copy("another"));
  CHECK_FALSE(spool.gone_within(60));
  spool.table_is_gone();
  CHECK(spool.gone_within(60));
  spool.table_is_back();
  CHECK_FALSE(spool.gone_within(60));
}

TEST_CASE("a ban that is not judged yet reaches nobody, for as long as a judgement takes") {
  const ConfigFolder folder;
  const std::string path = folder.path() + "/spool.db";
  Spool spool(path);
  NewBan ban = a_ban("203.0.113.7");
  ban.occasion = Occasion::New;
  ban.token = "mine";
  const auto line = spool.put(ban, instant_now(), Spool::Judgement::Later);
  REQUIRE(spool.waiting().size() == 1);
  CHECK_FALSE(spool.waiting().front().is_judged);
  CHECK(spool.bans().empty());

  SECTION("judged") {
    spool.judged(line);
    CHECK(spool.waiting().front().is_judged);
    CHECK(spool.bans().size() == 1);
    CHECK(spool.waiting().front().ban->token == "mine");
  }
  SECTION("taken back, once") {
    CHECK(spool.take_back("mine"));
    CHECK_FALSE(spool.take_back("mine"));
    CHECK(spool.size() == 0);
  }
  SECTION("left behind by who put it, or the clock was set back meanwhile") {
    const auto by = GENERATE(Seconds{-1}, Seconds{0}, Spool::judgement_lasts + 5, Seconds{3600});
    const Database file(path);
    file.execute("UPDATE spool SET what = json_set(what, '$.judged_by', ?)", {static_cast<std::int64_t>(std::time(nullptr)) + by});
    CHECK(spool.waiting().front().is_judged);
    CHECK(spool.bans().size() == 1);
  }
  SECTION("within the time that a judgement takes nobody has left it behind") {
    const Database file(path);
    file.execute("UPDATE spool SET what = json_set(what, '$.judged_by', ?)",
                 {static_cast<std::int64_t>(std::time(nullptr)) + Spool::judgement_lasts});
    CHECK_FALSE(spool.waiting().front().is_judged);
    CHECK(spool.bans().empty());
  }
}

TEST_CASE("a ban that waits and is prolonged is one ban") {
  const ConfigFolder folder;
  Spool spool(folder.path() + "/spool.db");
  NewBan ban = a_ban("203.0.113.7");
  ban.occasion = Occasion::New;
  spool.put(ban);
  ban.occasion = Occasion::Prolonged;
  ban.begun = 10;

  SECTION("until the end that was said last") {
    ban.until = 7200;
    spool.put(ban);
    const auto bans = spool.bans();
    REQUIRE(bans.size() == 1);
    CHECK(bans.front().ban->occasion == Occasion::New);
    CHECK(*bans.front().ban->until >= 7185);
    CHECK(*bans.front().ban->until <= 7190);
    const auto lines = spool.waiting();
    REQUIRE(lines.size() == 2);
    CHECK(lines.back().ban->occasion == Occasion::Prolonged);
    CHECK(lines.back().ban->begun == 10);
  }
  SECTION("never for a shorter time") {
    ban.until = 60;
    spool.put(ban);
    REQUIRE(spool.bans().size() == 1);
    CHECK(spool.bans().front().ban->until == 3600);
  }
  SECTION("for ever, and then no longer") {
    ban.until = permanent;
    spool.put(ban);
    ban.until = 7200;
    spool.put(ban);
    REQUIRE(spool.bans().size() == 1);
    CHECK(spool.bans().front().ban->until == permanent);
  }
  SECTION("another jail's, host's or address's is of another ban, which the table knows") {
    const auto which = GENERATE(0, 1, 2);
    ban.until = 7200;
    (which == 0 ? ban.jail : ban.hostname) = "another";
    if (which == 2) {
      ban.hostname = "web1";
      ban.ip = Prefix::require("203.0.113.8");
    }
    spool.put(ban);
    REQUIRE(spool.bans().size() == 1);
    CHECK(spool.bans().front().ban->until == 3600);
  }
}

TEST_CASE("what fail2ban says again is laid among no rows: whether somebody has unbanned it the table knows") {
  const ConfigFolder folder;
  Spool spool(folder.path() + "/spool.db");
  for (const auto &[ip, occasion] : {std::pair{"203.0.113.7", Occasion::New}, std::pair{"203.0.113.8", Occasion::Restored},
                                     std::pair{"203.0.113.9", Occasion::Prolonged}}) {
    NewBan ban = a_ban(ip);
    ban.occasion = occasion;
    spool.put(ban);
  }
  Config config;
  config.tables.emplace_back();
  config.tables.front().name = "bans";
  Fetched fetched;
  add_waiting(fetched, config, spool);
  REQUIRE(fetched.bans.rows().size() == 1);
  CHECK(fetched.bans.rows().front().block.prefix == Prefix::require("203.0.113.7"));
}

TEST_CASE("side tables that were there and are gone are no empty allowlist") {
  const ConfigFolder folder;
  const std::string path = folder.path() + "/spool.db";
  CHECK_NOTHROW(require_no_side_tables_seen(path, "bans")); // there is no copy
  Fetched fetched;
  fetched.copies["bans"] = {};
  keep_copies(path, fetched);
  CHECK_NOTHROW(require_no_side_tables_seen(path, "bans")); // it never had any
  fetched.copies["bans"].sides = true;                      // and none is allowed
  keep_copies(path, fetched);
  CHECK_NOTHROW(require_no_side_tables_seen(path, "another"));
  CHECK_THROWS_WITH(require_no_side_tables_seen(path, "bans"), Catch::Contains("not taken for empty"));
  const Database file(path); // as an older banpush wrote it
  file.execute("UPDATE copy SET content = json_remove(json_set(content, '$.reporters', json('[[\"web1\", \"192.0.2.1\"]]')), '$.sides')",
               {});
  CHECK_THROWS_AS(require_no_side_tables_seen(path, "bans"), TableError);
}

TEST_CASE("an unban that waits takes back the bans before it, and no ban goes out without an allowlist") {
  const ConfigFolder folder;
  Spool spool(folder.path() + "/spool.db");
  for (const auto &[ip, occasion] : {std::pair{"203.0.113.7", Occasion::New}, std::pair{"203.0.113.8", Occasion::New},
                                     std::pair{"203.0.113.9", Occasion::Restored}}) { // which somebody may have unbanned
    NewBan ban = a_ban(ip);
    ban.occasion = occasion;
    spool.put(ban);
  }
  spool.put(SpooledUnban{Prefix::require("203.0.113.7"), "", "", "ann", Revoker::Operator});
  spool.put(SpooledUnban{Prefix::require("203.0.113.8"), "another", "", "ann", Revoker::Operator});
  Config config;
  config.tables.emplace_back();
  config.tables.front().name = "bans";
  CHECK_FALSE(fetch_spooled(config, spool));
  spool.keep("bans", a_copy());
  const auto fetched = fetch_spooled(config, spool);
  REQUIRE(fetched);
  REQUIRE(fetched->bans.rows().size() == 1);
  CHECK(fetched->bans.rows().front().block.prefix == Prefix::require("203.0.113.8"));
  REQUIRE(config.policy.allow.size() == 1);
  CHECK(config.policy.allow.front().prefix == Prefix::require("192.0.2.0/24"));
}

TEST_CASE("what the table cannot take now stays, and what it will never take is put aside") {
  const ConfigFolder folder;
  const std::string path = folder.path() + "/spool.db";
  Spool spool(path);
  spool.put(a_ban("203.0.113.7"));
  std::vector<std::unique_ptr<BanTable>> tables;
  tables.push_back(std::make_unique<Deaf>(Deaf::How::Gone));
  Config config;
  config.spool = path;
  config.tables.emplace_back().name = "bans";
  CHECK(deliver(spool, config, tables).waits);
  CHECK(spool.size() == 1);
  tables.front() = std::make_unique<Deaf>(Deaf::How::Unwilling);
  const Delivered delivered = deliver(spool, config, tables);
  CHECK(delivered.arrived == 0);
  REQUIRE(delivered.refused.size() == 1);
  CHECK(spool.size() == 0);
  REQUIRE(spool.lines().size() == 1);
  CHECK(spool.lines().front().state == SpoolLine::State::Refused);
}
