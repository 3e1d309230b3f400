// What waits, a table that refuses some of it, and files of other versions.
#include "app/record/spool_report.hpp"
#include "app/state/state.hpp"
#include "app/world/spool.hpp"
#include "bans/sqlite/sqlite.hpp"
#include "config_folder.hpp"

#include <fmt/format.h>
#include <map>

using namespace banpush;

namespace {

NewBan a_ban(const std::string &ip) {
  NewBan ban;
  ban.ip = Prefix::require(ip);
  ban.hostname = "web1";
  ban.jail = "sshd";
  ban.protocol = "tcp";
  ban.lasts = 600;
  return ban;
}

// One that refuses some addresses, each for a reason of its own, and remembers what it took.
class Picky : public BanTable {
public:
  std::map<std::string, Fault> refuses;
  std::vector<std::string> took;
  std::vector<Seconds> unban_ages, lasted;
  std::vector<ListedBan> rows;
  bool sides = true;
  std::size_t asked = 0;

  std::vector<std::string> init(CreatedIndex) override { return {}; }
  void each(const std::function<void(const RawBan &)> &) override {}
  bool changed() override { return false; }
  void follow() override {}
  std::optional<TableNews> news() override { return std::nullopt; }
  std::vector<ListedBan> about(const Prefix &) override { return rows; }
  Recorded ban(const NewBan &ban) override {
    take("ban " + ban.ip.address());
    lasted.push_back(ban.lasts);
    return Recorded::Added;
  }
  std::size_t unban(const Prefix &ip, const std::string &, const std::string &, Revoker, const std::string &, Seconds age) override {
    take("unban " + ip.address());
    unban_ages.push_back(age);
    return 1;
  }
  bool has_side_tables() override { return sides; }
  std::vector<AllowRow> allowed() override { return {}; }
  void allow(const Prefix &, const std::string &, const std::string &) override {}
  bool disallow(const Prefix &) override { return false; }
  std::vector<std::pair<std::string, std::string>> reporters() override { return {}; }
  std::size_t prune(Seconds, const Lasts &, const IsKept &) override { return 0; }

private:
  void take(const std::string &what) {
    ++asked;
    if (const auto refused = refuses.find(what); refused != refuses.end())
      throw TableError(refused->second, what + ": no");
    if (const auto all = refuses.find("all"); all != refuses.end())
      throw TableError(all->second, "all: no");
    took.push_back(what);
  }
};

struct Waiting {
  ConfigFolder folder;
  std::string path = folder.path() + "/spool.db";
  Spool spool{path};
  Config config;
  std::vector<std::unique_ptr<BanTable>> tables;
  Picky *table = add("bans");

  Waiting() { config.spool = path; }
  Picky *add(const std::string &name) {
    config.tables.emplace_back().name = name;
    return static_cast<Picky *>(tables.emplace_back(std::make_unique<Picky>()).get());
  }
  void ban(const std::string &ip) { spool.put(a_ban(ip)); }
  void unban(const std::string &ip) { spool.put(SpooledUnban{Prefix::require(ip), "", "", "ann", Revoker::Operator}); }
  Delivered deliver() { return banpush::deliver(spool, config, tables); }
};

using Words = std::vector<std::string>;

} // namespace

TEST_CASE("what will never be taken is set aside, and everything behind it goes on") {
  Waiting waiting;
  for (const char *ip : {"203.0.113.1", "203.0.113.2", "203.0.113.3"})
    waiting.ban(ip);
  waiting.unban("203.0.113.1");
  waiting.table->refuses = {{"ban 203.0.113.2", Fault::Value}};
  const Delivered delivered = waiting.deliver();
  CHECK(waiting.table->took == Words{"ban 203.0.113.1", "ban 203.0.113.3", "unban 203.0.113.1"});
  CHECK(delivered.arrived == 3);
  CHECK(delivered.refused.size() == 1);
  CHECK_FALSE(delivered.waits);
  const auto lines = waiting.spool.lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines.front().state == SpoolLine::State::Refused);
  CHECK(lines.front().what == "ban 203.0.113.2/32 (sshd, web1)");
  waiting.table->refuses.clear();
  waiting.spool.retry(lines.front().id);
  CHECK(waiting.deliver().arrived == 1);
  CHECK(waiting.spool.lines().empty());
}

TEST_CASE("a table that refuses is asked once a round, and everything waits in its order") {
  for (const Fault fault : {Fault::ReadOnly, Fault::Unready, Fault::Limit, Fault::Right, Fault::Full, Fault::Damaged, Fault::Connection}) {
    Waiting waiting;
    for (int i = 1; i <= 9; ++i)
      waiting.ban(fmt::format("203.0.113.{}", i));
    waiting.table->refuses = {{"all", fault}};
    for (int round = 0; round < 3; ++round) {
      const Delivered delivered = waiting.deliver();
      REQUIRE(delivered.waits);
      CHECK(delivered.waits->fault() == fault);
    }
    CHECK(waiting.table->asked == 3);
    CHECK(waiting.spool.size() == 9);
    CHECK(waiting.spool.lines().front().problem.find("all: no") == 0);
    waiting.table->refuses.clear();
    CHECK(waiting.deliver().arrived == 9);
    CHECK(waiting.table->took.front() == "ban 203.0.113.1");
    CHECK(waiting.table->took.back() == "ban 203.0.113.9");
  }
}

TEST_CASE("where a refusal may be of one row the others go on, but nothing overtakes what it is about") {
  for (const Fault fault : {Fault::Unknown, Fault::Definition, Fault::NoTable}) {
    Waiting waiting;
    waiting.ban("203.0.113.1");
    waiting.unban("203.0.113.1");
    waiting.ban("203.0.113.0/24");
    waiting.ban("203.0.113.2");
    waiting.ban("198.51.100.1");
    waiting.table->refuses = {{"ban 203.0.113.1", fault}};
    const Delivered delivered = waiting.deliver();
    CHECK(waiting.table->took == Words{"ban 198.51.100.1"}); // 203.0.113.2 lies in what waits
    CHECK(delivered.waits);
    CHECK(delivered.refused.empty());
    CHECK(waiting.spool.size() == 4);
    waiting.table->refuses.clear();
    waiting.ban("198.51.100.2"); // what is taken shows that the table may take the others by now
    waiting.deliver();
    CHECK(waiting.spool.size() == 0);
    CHECK(waiting.table->took ==
          Words{"ban 198.51.100.1", "ban 198.51.100.2", "ban 203.0.113.1", "unban 203.0.113.1", "ban 203.0.113.0", "ban 203.0.113.2"});
  }
}

TEST_CASE("nobody delivers a ban that is not judged yet, nor what comes behind it for its address") {
  Waiting waiting;
  const auto line = waiting.spool.put(a_ban("203.0.113.1"), instant_now(), Spool::Judgement::Later);
  waiting.unban("203.0.113.1");
  waiting.ban("203.0.113.2");
  waiting.deliver();
  CHECK(waiting.table->took == Words{"ban 203.0.113.2"});
  waiting.spool.judged(line);
  waiting.deliver();
  CHECK(waiting.table->took == Words{"ban 203.0.113.2", "ban 203.0.113.1", "unban 203.0.113.1"});
}

TEST_CASE("what became of each line that arrived is told by its number") {
  Waiting waiting;
  const auto ban = waiting.spool.put(a_ban("203.0.113.1"));
  const auto refused = waiting.spool.put(a_ban("203.0.113.2"));
  const auto unban = waiting.spool.put(SpooledUnban{Prefix::require("203.0.113.3"), "", "", "ann", Revoker::Operator});
  waiting.table->refuses = {{"ban 203.0.113.2", Fault::Value}};
  const auto results = waiting.deliver().results;
  CHECK(results.size() == 2);
  CHECK_FALSE(results.contains(refused));
  CHECK(std::get<Recorded>(results.at(ban)) == Recorded::Added);
  CHECK(std::get<Unbanned>(results.at(unban)).rows == 1);
}

TEST_CASE("a table that hides the side tables it had takes nothing") {
  Waiting waiting;
  waiting.ban("203.0.113.1");
  waiting.spool.keep("bans", {{}, {}, true});
  waiting.table->sides = false;
  const Delivered delivered = waiting.deliver();
  REQUIRE(delivered.waits);
  CHECK(delivered.why_it_waits().find("not taken for empty") != std::string::npos);
  CHECK(waiting.table->took.empty());
  CHECK(waiting.spool.lines().front().problem.find("not taken for empty") != std::string::npos);
  waiting.table->sides = true;
  CHECK(waiting.deliver().arrived == 1);
}

TEST_CASE("another table that hides its side tables keeps unbans, and what comes behind them for the address, and no other ban") {
  Waiting waiting;
  Picky *const other = waiting.add("more");
  waiting.spool.keep("more", {{}, {}, true});
  other->sides = false;
  waiting.unban("203.0.113.1");
  waiting.ban("203.0.113.1");
  waiting.ban("203.0.113.2");
  CHECK(waiting.deliver().why_it_waits().find("not taken for empty") != std::string::npos);
  CHECK(waiting.table->took == Words{"ban 203.0.113.2"});
  CHECK(other->took.empty());
  other->sides = true;
  CHECK(waiting.deliver().arrived == 2);
  CHECK(waiting.table->took == Words{"ban 203.0.113.2", "unban 203.0.113.1", "ban 203.0.113.1"});
  CHECK(other->took == Words{"unban 203.0.113.1"});
}

TEST_CASE("a spooled ban extends what escalation holds in force still, of whatever ports where fail2ban says it again") {
  Waiting waiting;
  Policy &policy = waiting.config.policy;
  policy.bantime = 600;
  policy.escalate = Escalate{2, 30 * day, 4 * 7 * day};
  for (const Seconds age : {Seconds{900}, Seconds{5000}, Seconds{9000}})
    waiting.table->rows.push_back({"203.0.113.1", "sshd", "tcp", "22", "web1", "2026-01-01 00:00:00", age, {}, {}, false, "", ""});
  waiting.table->rows.back().protocol = "icmp"; // which the policy does not take
  policy.protocols = {"tcp"};
  NewBan ban = a_ban("203.0.113.1");
  ban.port = "22,2222"; // the jail was edited
  const auto occasion = GENERATE(Occasion::New, Occasion::Restored);
  ban.occasion = occasion;
  waiting.spool.put(ban);
  CHECK(waiting.deliver().arrived == 1);
  CHECK(waiting.table->lasted == std::vector<Seconds>{occasion == Occasion::New ? 600 : 1200});
}

TEST_CASE("an unban arrives with its age, and is of the ban before it whatever the clock was") {
  Waiting waiting;
  Instant earlier = instant_now();
  earlier.wall -= 100;
  earlier.uptime -= 100;
  Instant lost = earlier; // of an earlier start, with a clock that nobody had set
  lost.boot = "another";
  lost.synchronised = false;
  waiting.spool.put(SpooledUnban{Prefix::require("203.0.113.1"), "", "", "ann", Revoker::Operator}, earlier);
  waiting.spool.put(a_ban("203.0.113.2"), lost);
  waiting.spool.put(SpooledUnban{Prefix::require("203.0.113.2"), "", "", "ann", Revoker::Operator}, earlier);
  CHECK_FALSE(waiting.deliver().corrected.empty());
  REQUIRE(waiting.table->unban_ages.size() == 2);
  CHECK(waiting.table->unban_ages[0] >= 100);
  CHECK(waiting.table->unban_ages[0] < 110);
  CHECK(waiting.table->unban_ages[1] == 0);
}

TEST_CASE("a reason that may be of one line alone is told with that line, and a reason of the table without") {
  Waiting waiting;
  waiting.ban("203.0.113.1");
  waiting.ban("198.51.100.1");
  waiting.ban("192.0.2.1");
  waiting.table->refuses = {{"ban 203.0.113.1", Fault::Unknown}, {"ban 192.0.2.1", Fault::Unknown}};
  const std::string named =
      waiting.spool.lines().front().what + ": ban 203.0.113.1: no; see to the table: this error is not known to pass by itself";
  CHECK(waiting.deliver().why_it_waits() == named);
  REQUIRE(waiting.spool.lines().size() == 2);
  CHECK(waiting.spool.lines().front().alone);
  CHECK(report_of_spool(waiting.path).json["problem"] == named);

  waiting.table->refuses = {{"all", Fault::ReadOnly}};
  waiting.ban("192.0.2.7");
  CHECK(waiting.deliver().why_it_waits() == "all: no");
  waiting.table->refuses.clear();
  CHECK(waiting.deliver().why_it_waits().empty());
}

TEST_CASE("however many lines the table refuses one by one, what is behind them comes through") {
  Waiting waiting;
  for (int i = 0; i < 120; ++i) {
    const std::string ip = fmt::format("198.51.100.{}", i);
    waiting.ban(ip);
    waiting.table->refuses["ban " + ip] = Fault::Unknown;
  }
  waiting.ban("203.0.113.9");
  for (int round = 0; round < 3; ++round)
    waiting.deliver();
  CHECK(waiting.table->took == Words{"ban 203.0.113.9"});
  CHECK(waiting.spool.size() == 120);
  CHECK(waiting.table->asked < 400);
}

TEST_CASE("a table mended after it refused everything takes everything at once, in order") {
  Waiting waiting;
  for (int i = 1; i <= 9; ++i)
    waiting.ban(fmt::format("203.0.113.{}", i));
  waiting.table->refuses = {{"all", Fault::NoTable}};
  CHECK(waiting.deliver().waits);
  waiting.table->refuses.clear();
  CHECK(waiting.deliver().arrived == 9);
  CHECK(waiting.table->took.front() == "ban 203.0.113.1");
  CHECK(waiting.table->took.back() == "ban 203.0.113.9");
}

TEST_CASE("lines that cannot be read are set aside, whatever stands in them") {
  Waiting waiting;
  const Database file(waiting.path);
  for (const char *text : {"", "{", "[]", "7", "null", R"({"do": "dance", "ip": "203.0.113.1"})", R"({"do": "ban"})",
                           R"({"do": "ban", "ip": "nowhere", "hostname": "h", "jail": "j"})",
                           R"({"do": "ban", "ip": "203.0.113.1", "hostname": 7, "jail": "j"})", "\xff\xfe"})
    file.execute("INSERT INTO spool (at, token, what) VALUES (1, hex(randomblob(8)), ?)", {std::string(text)});
  waiting.ban("203.0.113.7");
  CHECK(waiting.spool.waiting(3).size() == 1);
  CHECK(waiting.deliver().arrived == 1);
  CHECK(waiting.spool.size() == 0);
  CHECK(waiting.spool.lines().size() == 10);
}

TEST_CASE("spool and state of before there were numbers are brought up, and an older banpush goes on with them") {
  const ConfigFolder folder;
  const std::string spool_path = folder.path() + "/spool.db", state_path = folder.path() + "/state.db";
  const char *line = "INSERT INTO spool (at, token, what) VALUES (1, hex(randomblob(8)), "
                     "'{\"do\":\"ban\",\"ip\":\"203.0.113.7\",\"hostname\":\"web1\",\"jail\":\"sshd\",\"port\":\"\",\"protocol\":\"tcp\","
                     "\"reason\":\"\",\"actor\":\"\",\"lasts\":600,\"restored\":false}')";
  const Database old_spool(spool_path), old_state(state_path);
  old_spool.script(
      "CREATE TABLE spool (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, token TEXT NOT NULL UNIQUE, what TEXT NOT "
      "NULL, problem TEXT); CREATE TABLE copy (name TEXT PRIMARY KEY, at INTEGER NOT NULL, content TEXT NOT NULL); CREATE TABLE "
      "gone (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL)");
  old_spool.script(line);
  old_state.script(
      "CREATE TABLE ledger (device TEXT NOT NULL, block TEXT NOT NULL, list TEXT NOT NULL, number TEXT NOT NULL, jail TEXT NOT "
      "NULL, since INTEGER NOT NULL, until INTEGER, PRIMARY KEY (device, block, list)) WITHOUT ROWID");
  Spool spool(spool_path);
  CHECK(spool.waiting().size() == 1);
  State state(state_path);
  CHECK(state.trouble().empty());
  state.pause("edge1", std::nullopt, "", "ann");
  CHECK(state.paused("edge1"));
  old_spool.script(line); // as the older one writes, to the file that the newer one has brought up
  CHECK(spool.waiting().size() == 2);
  auto read = old_spool.prepare("SELECT id, at, token, what FROM spool WHERE problem IS NULL ORDER BY id LIMIT ?", {std::int64_t{10}});
  CHECK(read.step());
}

TEST_CASE("spool and state of a newer banpush are refused in clear words, and left as they are") {
  const ConfigFolder folder;
  const std::string spool_path = folder.path() + "/spool.db", state_path = folder.path() + "/state.db";
  for (const std::string &path : {spool_path, state_path}) {
    const Database file(path);
    file.script("CREATE TABLE of_the_future (x); PRAGMA user_version = 99");
  }
  const SpoolLook look = look_into_spool(spool_path);
  CHECK_FALSE(look.spool);
  CHECK(look.trouble.find("newer banpush (schema 99") != std::string::npos);
  State state(state_path);
  CHECK(state.trouble().find("newer banpush (schema 99") != std::string::npos);
  CHECK_FALSE(state.paused("edge1"));
  for (const std::string &path : {spool_path, state_path}) {
    const Database file(path);
    auto tables = file.prepare("SELECT group_concat(name) FROM sqlite_schema");
    REQUIRE(tables.step());
    CHECK(tables.text(0) == "of_the_future");
  }
}
