#include "bans/sqlite/sqlite.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace banpush;
using Catch::Contains;

namespace {

// A folder of its own that is gone afterwards.
struct Folder {
  Folder() {
    char name[] = "/tmp/banpush-sqlite-XXXXXX";
    path = ::mkdtemp(name);
  }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

unsigned mode(const std::filesystem::path &path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

} // namespace

TEST_CASE("an SQLite file is made unreadable for others, its journals too") {
  const Folder folder;
  const auto path = folder.path / "deep" / "state.db";
  const Database database(path);
  database.script("CREATE TABLE t (a TEXT, b INTEGER)");
  CHECK((mode(path) & 0027U) == 0);
  CHECK((mode(path.string() + "-wal") & 0027U) == 0);
  CHECK((mode(path.parent_path()) & 0027U) == 0);
}

TEST_CASE("a file that should exist is not created") {
  const Folder folder;
  const auto path = folder.path / "no.db";
  REQUIRE_THROWS_WITH(Database(path, Database::Open::Existing), Contains("no.db: opening it: No such file or directory"));
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("what is no SQLite file says so") {
  const Folder folder;
  const auto path = folder.path / "text.db";
  std::ofstream(path) << "this is a text file, and long enough to be read as the header of a database, which needs 100 bytes or more";
  REQUIRE_THROWS_WITH(Database(path), Contains("text.db") && Contains("not a database"));
}

TEST_CASE("values come back as they went in, bytes of all kinds") {
  const Folder folder;
  const Database database(folder.path / "a.db");
  database.script("CREATE TABLE t (a TEXT, b INTEGER)");
  const std::string bytes("a\0b'\"\xff; DROP TABLE t", 20);
  CHECK(database.execute("INSERT INTO t VALUES (?, ?)", {bytes, std::int64_t{-5}}) == 1);
  CHECK(database.execute("INSERT INTO t VALUES (?, ?)", {nullptr, nullptr}) == 1);
  CHECK(database.last_id() == 2);

  Statement rows = database.prepare("SELECT a, b FROM t WHERE rowid >= ? ORDER BY rowid", {std::int64_t{1}});
  REQUIRE(rows.step());
  CHECK(rows.text(0) == bytes);
  CHECK(rows.number(1) == -5);
  CHECK_FALSE(rows.is_null(1));
  REQUIRE(rows.step());
  CHECK(rows.text(0).empty());
  CHECK(rows.is_null(0));
  CHECK(rows.number(1) == 0);
  CHECK_FALSE(rows.step());
  rows.restart({std::int64_t{2}});
  CHECK(rows.step());
  CHECK_FALSE(rows.step());
}

TEST_CASE("a transaction that is not committed leaves nothing") {
  const Folder folder;
  const Database database(folder.path / "a.db");
  database.script("CREATE TABLE t (a TEXT)");
  const auto count = [&] {
    Statement rows = database.prepare("SELECT count(*) FROM t");
    rows.step();
    return rows.number(0);
  };
  {
    const Transaction transaction(database);
    database.execute("INSERT INTO t VALUES ('x')");
  }
  CHECK(count() == 0);
  {
    Transaction transaction(database);
    database.execute("INSERT INTO t VALUES ('x')");
    transaction.commit();
  }
  CHECK(count() == 1);
}

TEST_CASE("a file locked by somebody else is waited for, then reported") {
  const Folder folder;
  const auto path = folder.path / "a.db";
  const Database first(path);
  first.script("CREATE TABLE t (a TEXT)");
  const Database second(path, Database::Open::Existing, ErrorKind::Table, std::chrono::milliseconds{50});
  const Transaction held(first);
  REQUIRE_THROWS_WITH(second.execute("INSERT INTO t VALUES ('x')"), Contains("locked by another process"));
}

TEST_CASE("an error has the kind that was asked for and SQLite's words") {
  const Folder folder;
  const Database database(folder.path / "a.db", Database::Open::Create, ErrorKind::Config);
  try {
    database.execute("SELECT * FROM absent");
    FAIL("no error");
  } catch (const Error &error) {
    CHECK(error.kind() == ErrorKind::Config);
    CHECK_THAT(error.what(), Contains("a.db") && Contains("no such table: absent"));
  }
}
