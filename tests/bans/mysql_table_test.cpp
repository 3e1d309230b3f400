// What only a server can do to a ban table: go away, keep silent, be somebody else, live in another zone.
#include "fresh_table.hpp"
#include "mariadb_server.hpp"

#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <thread>

using namespace banpush;
using namespace banpush::test;
using Catch::Contains;

namespace {

constexpr std::size_t many = 60'000; // rows of some 270 bytes: more than all buffers between server and client hold

void fill(const FreshTable &fresh) {
  fresh.other(fmt::format(
      "INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) SELECT 'web1.example.net', NOW(), REPEAT('x', 220), 'tcp', "
      "'22', INET_NTOA(3405803776 + seq) FROM seq_1_to_{}",
      many));
}

// One for all tests that only read it.
const FreshTable &large_table() {
  static const FreshTable fresh(Kind::InnoDb);
  if (fresh.count("fail2ban") == 0)
    fill(fresh);
  return fresh;
}

MariaDbServer &server() { return MariaDbServer::shared(); }

std::string connection_of(const FreshTable &fresh) {
  return fresh.value(
      fmt::format("SELECT id FROM information_schema.processlist WHERE db = '{}' AND user = 'fail2ban'", fresh.source().database));
}

Seconds seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start).count();
}

// Sets a global variable until the end of the scope.
class Global {
public:
  Global(std::string name, const std::string &value) : name_(std::move(name)), before_(server().sql("SELECT @@GLOBAL." + name_)) {
    server().sql("SET GLOBAL " + name_ + " = " + value);
    before_.pop_back();
  }
  Global(const Global &) = delete;
  Global &operator=(const Global &) = delete;
  ~Global() {
    const bool number = before_.find_first_not_of("0123456789") == std::string::npos && !before_.empty();
    server().sql("SET GLOBAL " + name_ + " = " + (number ? before_ : "'" + before_ + "'"));
  }

private:
  std::string name_, before_;
};

std::string reason(const TableSource &source, const std::string &password = server()["password"]) {
  try {
    open_table(source, password, {std::chrono::seconds{2}, std::chrono::seconds{2}});
    return "it connects";
  } catch (const Error &error) {
    CHECK(error.kind() == ErrorKind::Table);
    return error.what();
  }
}

} // namespace

TEST_CASE("a server that dies mid-read is an error, never a short table") {
  const FreshTable &fresh = large_table();
  const auto table = fresh.open();
  std::size_t seen = 0;
  CHECK_THROWS_WITH(table->each([&](const RawBan &) {
    if (++seen == 100)
      server().send_signal(SIGKILL);
  }),
                    Contains("the rows read so far are not the table"));
  CHECK(seen >= 100);
  CHECK(seen < many);
  server().start_again();
  CHECK(rows(*fresh.open()).size() == many);
}

TEST_CASE("a query that is killed mid-read is an error") {
  const FreshTable &fresh = large_table();
  const auto table = fresh.open();
  const std::string id = connection_of(fresh);
  std::size_t seen = 0;
  CHECK_THROWS_WITH(table->each([&](const RawBan &) {
    if (++seen == 100)
      fresh.other("KILL QUERY " + id);
  }),
                    Contains("interrupted"));
  CHECK(seen < many);
  CHECK(rows(*table).size() == many); // the connection is fit for the next reading
}

TEST_CASE("a reader that stalls is cut off by the server, and hears of it") {
  const FreshTable &fresh = large_table();
  const Global impatient("net_write_timeout", "1");
  const auto table = fresh.open();
  std::size_t seen = 0;
  CHECK_THROWS_AS(table->each([&](const RawBan &) {
    if (++seen == 100)
      std::this_thread::sleep_for(std::chrono::seconds{3});
  }),
                  Error);
}

TEST_CASE("reading a MyISAM table does not lock its writers out for longer than the reading") {
  const FreshTable fresh(Kind::HowToMyIsam);
  fill(fresh);
  std::atomic<bool> begun{false};
  std::jthread writer([&] {
    while (!begun)
      std::this_thread::yield();
    fresh.other("DELETE FROM fail2ban WHERE id = 1; INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('w', NOW(), "
                "'s', '', '', '192.0.2.1')");
  });
  std::size_t seen = 0;
  const auto table = fresh.open();
  table->each([&](const RawBan &) {
    begun = true;
    ++seen;
  });
  const auto drained = std::chrono::steady_clock::now();
  writer.join();
  CHECK(seen >= many - 1);
  CHECK(seconds_since(drained) < 30);
}

TEST_CASE("a silent server is an error in time") {
  const FreshTable fresh(Kind::InnoDb);
  const TableTimeouts short_ones{std::chrono::seconds{1}, std::chrono::seconds{1}};
  const auto table = open_table(fresh.source(), fresh.password(), short_ones);
  REQUIRE(rows(*table).empty());
  server().send_signal(SIGSTOP);
  const auto start = std::chrono::steady_clock::now();
  CHECK_THROWS_WITH(rows(*table), Contains("no answer within 1 s"));
  CHECK(seconds_since(start) < 30);
  CHECK_THROWS_WITH(open_table(fresh.source(), fresh.password(), short_ones), Contains("connecting:"));
  CHECK(seconds_since(start) < 60);
  server().send_signal(SIGCONT);
  CHECK(rows(*table).empty()); // connects anew
}

TEST_CASE("a lost connection is made anew, once, and the call repeated") {
  const FreshTable fresh(Kind::InnoDb);
  const auto table = fresh.open();
  const auto cut = [&] { fresh.other("KILL " + connection_of(fresh)); };
  REQUIRE(table->ban(new_ban("203.0.113.7")) == Recorded::Added);
  cut();
  CHECK(rows(*table).size() == 1);
  cut();
  CHECK(table->ban(new_ban("203.0.113.8")) == Recorded::Added);
  cut();
  CHECK(table->unban(Prefix::require("203.0.113.8"), "", "", Revoker::Operator, "") == 1);
  cut();
  CHECK(table->allowed().empty());
  CHECK(rows(*table).size() == 2);
}

TEST_CASE("TLS is verified") {
  const FreshTable fresh(Kind::InnoDb);
  TableSource source = fresh.source();
  CHECK(reason(source) == "it connects");
  source.ca = server()["other_ca"];
  CHECK_THAT(reason(source), Contains("connecting:") && Contains("certificate"));
  source.ca.clear(); // the system's authorities do not know ours
  CHECK_THAT(reason(source), Contains("certificate"));
  source.ca = "/no/such/ca.pem";
  CHECK_THAT(reason(source), Contains("connecting:"));
  source.tls = TableSource::Tls::Required;
  source.ca.clear();
  CHECK(reason(source) == "it connects");
}

TEST_CASE("a certificate for another address is refused") {
  const FreshTable fresh(Kind::InnoDb);
  TableSource source = fresh.source();
  source.host = server()["second_address"];
  CHECK_THAT(reason(source), Contains("certificate"));
  source.tls = TableSource::Tls::Required;
  CHECK(reason(source) == "it connects");
}

TEST_CASE("TLS that is asked for is never left out") {
  const FreshTable fresh(Kind::InnoDb);
  TableSource source = fresh.source();
  source.user = "tlsonly";
  CHECK(reason(source) == "it connects");
  source.tls = TableSource::Tls::Off;
  CHECK_THAT(reason(source), Contains("Access denied") && Contains("must use TLS"));

  MariaDbServer plain({"--address=127.0.0.24"});
  source = plain.source(plain.new_database());
  for (const auto tls : {TableSource::Tls::Verify, TableSource::Tls::Required}) {
    source.tls = tls;
    CHECK_THAT(reason(source), Contains("connecting:") && Contains("have the server offer TLS") && !Contains("tls: verify"));
  }
  source.tls = TableSource::Tls::Off;
  CHECK(reason(source) == "it connects");
  source = plain.over_socket("t1"); // nothing to verify on a Unix socket
  CHECK(reason(source) == "it connects");
}

TEST_CASE("what is wrong with the connection is said, without the password") {
  const FreshTable fresh(Kind::InnoDb);
  TableSource source = fresh.source();
  CHECK_THAT(reason(source, "wr0ng"), Contains("mysql://fail2ban@127.0.0.21:") && Contains("Access denied") && !Contains("wr0ng"));
  source.database = "nowhere";
  CHECK_THAT(reason(source), Contains("Unknown database 'nowhere'") && Contains("create the database, then"));
  source = fresh.source();
  source.port = 1;
  CHECK_THAT(reason(source), Contains("mysql://fail2ban@127.0.0.21:1/") && Contains("connecting:"));
  source = server().over_socket("t1");
  source.socket = "/no/such.sock";
  CHECK_THAT(reason(source), Contains("/no/such.sock"));
}

TEST_CASE("a right that is missing, and a table that a trigger misses, are named") {
  const FreshTable fresh(Kind::InnoDb);
  fresh.other("CREATE USER inserts IDENTIFIED BY 's3cret'; GRANT INSERT ON " + fresh.source().database + ".* TO inserts");
  TableSource source = fresh.source();
  source.user = "inserts";
  CHECK_THROWS_WITH(open_table(source, fresh.password())->ban(new_ban("203.0.113.7")),
                    Contains("SELECT command denied") && Contains("banpush_ban") && Contains("lists the rights"));
  fresh.other("DROP USER inserts; CREATE TRIGGER counts BEFORE INSERT ON fail2ban FOR EACH ROW INSERT INTO tally VALUES (NEW.ip)");
  CHECK_THROWS_WITH(fresh.open()->ban(new_ban("203.0.113.7")),
                    Contains("tally' doesn't exist") && Contains("a trigger or a view does") && !Contains("banpush init"));
}

TEST_CASE("writers are known by the address the server sees") {
  const FreshTable fresh(Kind::InnoDb);
  const auto table = fresh.open();
  CHECK(table->reporters().empty());
  REQUIRE(table->ban(new_ban("203.0.113.7")) == Recorded::Added);
  REQUIRE(table->ban(new_ban("203.0.113.8", "sshd", "web2")) == Recorded::Added);
  const auto reporters = table->reporters();
  REQUIRE(reporters.size() == 2);
  CHECK(reporters[0].first == "web1.example.net");
  CHECK_THAT(reporters[0].second, Catch::StartsWith("127.0.0."));
  CHECK(reporters[1].first == "web2");

  TableSource local = server().over_socket(fresh.source().database);
  CHECK(open_table(local, fresh.password())->ban(new_ban("203.0.113.9", "sshd", "db")) == Recorded::Added);
  CHECK(table->reporters().size() == 2); // a Unix socket has no address
}

TEST_CASE("the privileges that the documentation names are enough") {
  const FreshTable fresh(Kind::InnoDb);
  std::ifstream file(BANPUSH_SOURCE_DIR "/docs/ban-table.md");
  std::string grants;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("GRANT "))
      grants += line + "\n";
  for (std::size_t at = 0; (at = grants.find("ON fail2ban.", at)) != std::string::npos; ++at)
    grants.replace(at, 12, "ON " + fresh.source().database + ".");
  fresh.other(
      "CREATE USER web1 IDENTIFIED BY 's3cret'; CREATE USER pusher IDENTIFIED BY 's3cret'; CREATE USER operator IDENTIFIED BY 's3cret';\n" +
      grants);
  const auto as = [&](const char *user) {
    TableSource source = fresh.source();
    source.user = user;
    return open_table(source, fresh.password());
  };

  NewBan ban = new_ban("203.0.113.7");
  ban.until = 600;
  const auto web1 = as("web1");
  CHECK(web1->ban(ban) == Recorded::Added);
  CHECK(web1->ban(ban) == Recorded::Repeated);
  CHECK(web1->unban(ban.ip, ban.jail, ban.hostname, Revoker::Fail2ban, "") == 1);
  CHECK(web1->allowed().empty());
  CHECK_THROWS_WITH(web1->allow(ban.ip, "", ""), Contains("denied"));
  const auto pusher = as("pusher");
  CHECK(rows(*pusher).size() == 1);
  CHECK(pusher->reporters().size() == 1);
  CHECK_THROWS_WITH(pusher->ban(ban), Contains("denied"));
  const auto desk = as("operator");
  desk->allow(ban.ip, "", "ann");
  CHECK(desk->unban(ban.ip, "", "", Revoker::Operator, "ann") == 1);
  CHECK(desk->prune(
            0, [](const std::string &) { return Seconds{0}; }, keeps_none) == 0);
  fresh.other("REVOKE ALL, GRANT OPTION FROM web1; DROP USER web1, pusher, operator");
}

TEST_CASE("clocks that change make no ban of ours older or younger") {
  const FreshTable fresh(Kind::InnoDb);
  NewBan ban = new_ban("203.0.113.7");
  ban.until = 600;
  Row row;
  {
    const Global summer("time_zone", "'+02:00'");
    REQUIRE(fresh.open()->ban(ban) == Recorded::Added);
    fresh.other_row({"web2", "sshd", "203.0.113.8", 60});
    const auto all = rows(*fresh.open());
    CHECK(near(all[0].age, 0));
    CHECK(near(all[1].age, 60));
  }
  const Global winter("time_zone", "'+01:00'");
  const auto all = rows(*fresh.open());
  CHECK(near(all[0].age, 0));
  CHECK(near(all[0].until, 600));
  CHECK(near(all[1].age, 60 - 3600)); // in the future for an hour: core counts that as age 0
  CHECK(fresh.open()->ban(ban) != Recorded::Added);
}

TEST_CASE("what a site sets for all sessions does not change ours") {
  const FreshTable fresh(Kind::InnoDb);
  fresh.other_rows({{"web1", "sshd", "203.0.113.1", 60}, {"web1", "sshd", "203.0.113.2", 60}, {"web1", "sshd", "203.0.113.3", 60}});
  const Global limit("sql_select_limit", "2");
  const Global mode("sql_mode", "'ANSI_QUOTES,PIPES_AS_CONCAT,NO_ZERO_DATE'");
  const Global safe("sql_safe_updates", "1");
  const auto table = fresh.open();
  CHECK(rows(*table).size() == 3);
  CHECK(table->ban(new_ban("203.0.113.4")) == Recorded::Added);
  CHECK(table->unban(Prefix::require("203.0.113.4"), "", "", Revoker::Operator, "") == 1);
  NewBan ban = new_ban("203.0.113.5");
  ban.port = std::string(33, '1'); // strict whatever the site has: nothing is cut silently
  CHECK_THROWS_WITH(table->ban(ban), Contains("Data too long for column 'port'"));
  CHECK(rows(*table).size() == 4);
}

TEST_CASE("columns in another character set are joined all the same") {
  const FreshTable fresh(Kind::HowToMyIsam);
  fresh.other(
      "ALTER TABLE fail2ban CONVERT TO CHARACTER SET latin1 COLLATE latin1_swedish_ci, MODIFY created DATETIME(6) NOT NULL, ENGINE=Aria");
  const auto table = fresh.open();
  NewBan ban = new_ban("203.0.113.7", "sshd", "wéb");
  ban.until = 600;
  CHECK(table->ban(ban) == Recorded::Added);
  CHECK(table->ban(ban) == Recorded::Repeated);
  const auto all = rows(*table);
  REQUIRE(all.size() == 1);
  CHECK(all[0].hostname == "wéb");
  CHECK(near(all[0].until, 600));
  CHECK(table->unban(ban.ip, "", "wéb", Revoker::Operator, "") == 1);
  CHECK(rows(*table).front().revoked);
}

TEST_CASE("the example file makes what init makes, and the how-to's table word for word") {
  std::ifstream file(BANPUSH_SOURCE_DIR "/config/ban_table.sql");
  const std::string example{std::istreambuf_iterator<char>(file), {}};
  auto &shared = MariaDbServer::shared();
  const std::string by_hand = shared.new_database(example), by_statement = shared.new_database(how_to_table("MyISAM")),
                    by_init = shared.new_database();
  CHECK(open_table(shared.source(by_init), shared["password"])->init(CreatedIndex::No).size() == 6);
  const auto shown = [&](const std::string &database, const std::string &table) {
    return shared.sql("SHOW CREATE TABLE " + table, database);
  };
  for (const char *table : {"banpush_ban", "banpush_allow", "banpush_reporter", "banpush_lease", "banpush_schema"})
    CHECK(shown(by_hand, table) == shown(by_init, table));
  const std::string how_to = shown(by_statement, "fail2ban");
  CHECK(shown(by_hand, "fail2ban") == how_to);
  std::string with_innodb = how_to;
  with_innodb.replace(with_innodb.find("MyISAM"), 6, "InnoDB");
  CHECK(shown(by_init, "fail2ban") == with_innodb);
  CHECK(open_table(shared.source(by_hand), shared["password"])->init(CreatedIndex::No).empty());
}
