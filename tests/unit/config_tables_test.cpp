#include "config_folder.hpp"

using namespace banpush;

namespace {

struct Case {
  std::string text, said;
};

} // namespace

TEST_CASE("one ban table, by its url") {
  const ConfigFolder folder;
  folder.write("pass", "x\n");
  const auto table = [&](const std::string &keys) { return folder.load("bans: {" + keys + "}\n").tables.front(); };

  const TableSource remote =
      table("url: \"mysql://fail2ban@devserv3:3307/bans\", password: {file: pass}, table: f2b, trust: 0.5, only_jails: [sshd, \"a*\"]");
  CHECK(remote.kind == TableSource::Kind::Mysql);
  CHECK(remote.user == "fail2ban");
  CHECK(remote.host == "devserv3");
  CHECK(remote.port == 3307);
  CHECK(remote.database == "bans");
  CHECK(remote.table == "f2b");
  CHECK(remote.tls == TableSource::Tls::Verify);
  CHECK(remote.password.from == Secret::From::File);
  CHECK(remote.password.name == folder.path() + "/pass");
  CHECK(remote.trust == 0.5);
  CHECK(remote.only_jails == std::vector<std::string>{"sshd", "a*"});

  CHECK(table("url: \"mysql://u@h/d\"").port == 3306);
  CHECK(table("url: \"mysql://u@[2001:db8::5]:3307/d\"").host == "2001:db8::5");
  CHECK(table("url: \"mysql://u%40x@h/d%2Fe\"").user == "u@x");
  CHECK(table("url: \"mysql://u%40x@h/d%2Fe\"").database == "d/e");
  CHECK(table("url: \"mysql://u@localhost/d?socket=/run/mysqld/mysqld.sock\"").socket == "/run/mysqld/mysqld.sock");
  CHECK(table("url: \"sqlite:/var/lib/bans.db\"").path == "/var/lib/bans.db");
  CHECK(table("url: \"sqlite:///var/lib/bans.db\"").path == "/var/lib/bans.db");
  CHECK(table("url: \"sqlite:bans.db\"").path == folder.path() + "/bans.db");
  CHECK(table("").kind == TableSource::Kind::Sqlite);
}

TEST_CASE("several tables have names of their own") {
  const ConfigFolder folder;
  const Config config =
      folder.load("bans:\n  - {name: own, url: \"sqlite:/a.db\"}\n  - {name: partner, url: \"sqlite:/b.db\", trust: 0.2}\n");
  REQUIRE(config.tables.size() == 2);
  CHECK(config.tables[1].name == "partner");
  CHECK(folder.complaint("bans:\n  - {url: \"sqlite:/a.db\"}\n") == "banpush.yaml:2:5: bans: a table of a list needs a name");
  CHECK(folder.complaint("bans:\n  - {name: a, url: \"sqlite:/a.db\"}\n  - {name: a, url: \"sqlite:/b.db\"}\n") ==
        "banpush.yaml:3:12: name: \"a\" is taken by another table");
  CHECK(folder.complaint("bans: []\n") == "banpush.yaml:1:7: bans: expected at least one table, found a list");
}

TEST_CASE("a url that is wrong says how, and never repeats a password") {
  const ConfigFolder folder;
  const std::string forms = "mysql://USER@HOST:PORT/DATABASE, mysql://USER@localhost/DATABASE?socket=PATH or sqlite:PATH";
  const std::string in_url = "a password is not written here; take it out of the url and write password: {file: PATH}";
  const std::vector<Case> cases{
      {"postgres://u@h/d", "expected " + forms},
      {"bans.db", "expected " + forms},
      {"mysql://u:hunter2@h/d", in_url},
      {"mysql://u:hunt@er2@h/d", in_url},
      {"mysql://h/d", "names no user; write mysql://USER@HOST/DATABASE"},
      {"mysql://@h/d", "names no user; write mysql://USER@HOST/DATABASE"},
      {"mysql://u@/d", "names no host; write mysql://USER@HOST/DATABASE"},
      {"mysql://u@h x/d", "names no host; write mysql://USER@HOST/DATABASE"},
      {"mysql://u@h", "names no database; write mysql://USER@HOST/DATABASE"},
      {"mysql://u@h/", "names no database; write mysql://USER@HOST/DATABASE"},
      {"mysql://u@h:0/d", "\"0\" is no port"},
      {"mysql://u@h:99999/d", "\"99999\" is no port"},
      {"mysql://u@h:03306/d", "\"03306\" is no port"},
      {"mysql://u@[2001:db8::1/d", "the address in [ ] is not closed"},
      {"mysql://u@h/d?sock=/x", "\"?sock=/x\" is not understood; the one parameter is ?socket=/PATH"},
      {"mysql://u@h/d?socket=x", "\"?socket=x\" is not understood; the one parameter is ?socket=/PATH"},
      {"mysql://u@h/d%0a", "a % in it is not followed by two hexadecimal digits of a printable character"},
      {"mysql://u@h/d%zz", "a % in it is not followed by two hexadecimal digits of a printable character"},
      {"sqlite:", "names no file; write sqlite:PATH"},
      {"sqlite:/var/lib/", "names no file; write sqlite:PATH"},
  };
  for (const Case &one : cases) {
    INFO(one.text);
    const std::string said = folder.complaint("bans: {url: \"" + one.text + "\"}\n");
    CHECK(said == "banpush.yaml:1:13: url: " + one.said);
    CHECK(said.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("an unencrypted connection leaves this host only when said twice") {
  const ConfigFolder folder;
  const auto said = [&](const std::string &url, const std::string &keys) {
    return folder.complaint("bans: {url: \"" + url + "\", " + keys + "}\n");
  };
  CHECK(said("mysql://u@db/d", "tls: off") ==
        "banpush.yaml:1:36: tls: off is refused for db, which is not this host; say tls: verify, or add insecure: yes");
  CHECK(said("mysql://u@192.0.2.5/d", "tls: off, insecure: no").find("tls: off is refused") != std::string::npos);
  CHECK(said("mysql://u@127.example.net/d", "tls: off").find("tls: off is refused") != std::string::npos);
  CHECK(said("mysql://u@db/d", "tls: off, insecure: yes") == "nothing");
  CHECK(said("mysql://u@localhost/d", "tls: off") == "nothing");
  CHECK(said("mysql://u@127.0.0.1/d", "tls: off") == "nothing");
  CHECK(said("mysql://u@[::1]/d", "tls: off") == "nothing");
  CHECK(said("mysql://u@db/d?socket=/run/s", "tls: off") == "nothing");
  CHECK(said("mysql://u@db/d", "tls: on") == "banpush.yaml:1:36: tls: expected verify, required or off, found \"on\"");
  CHECK(said("mysql://u@db/d", "ca: nowhere.pem") == "banpush.yaml:1:35: ca: cannot read nowhere.pem: No such file or directory");
}

TEST_CASE("other settings of a table") {
  const ConfigFolder folder;
  const auto said = [&](const std::string &keys) { return folder.complaint("bans: {" + keys + "}\n"); };
  CHECK(said("table: \"a; DROP TABLE b\"") ==
        "banpush.yaml:1:15: table: expected the name of a table (letters, digits, _ $ -, at most 64), found \"a; DROP TABLE b\"");
  CHECK(said("trust: lots") == "banpush.yaml:1:15: trust: expected a number from 0 to 1000, found \"lots\"");
  CHECK(said("pasword: x") == "banpush.yaml:1:8: unknown key \"pasword\"; did you mean \"password\"?");
  const Config config = folder.load("bans: {url: \"sqlite:/a.db\", tls: verify}\n");
  REQUIRE(config.notes.size() == 1);
  CHECK(folder.without_path(config.notes.front()) == "banpush.yaml:1:34: tls has no effect on a SQLite file");
}
