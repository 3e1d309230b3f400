// An empty ban table of each kind for one test, and another client that writes into it.
#pragma once

#include "bans/ban_table.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace banpush::test {

enum class Kind {
  Sqlite,      // as init makes it
  InnoDb,      // as init makes it
  HowToMyIsam, // the how-to's own CREATE TABLE, then init for the side tables
};
std::ostream &operator<<(std::ostream &out, Kind kind);

// Each of them in turn: the test runs once for each.
Kind any_kind();

enum class Sides { Without, With };

// A row as a test compares it.
struct Row {
  std::string hostname, created, name, protocol, port, ip;
  Seconds age = 0;
  std::optional<Seconds> until, revoked;
  bool by_operator = false;
};

class FreshTable {
public:
  explicit FreshTable(Kind kind, Sides sides = Sides::With);
  FreshTable(const FreshTable &) = delete;
  FreshTable &operator=(const FreshTable &) = delete;
  ~FreshTable();

  std::unique_ptr<BanTable> open() const; // a connection of its own
  const TableSource &source() const { return source_; }
  std::string password() const;

  // Another client: the `mariadb` program, or SQLite's own words.
  void other(const std::string &sql) const;
  std::size_t count(const std::string &from) const;   // rows of `SELECT count(*) FROM …`
  std::string value(const std::string &select) const; // of one row and column
  std::string ago(Seconds seconds) const;             // SQL for a local time so long ago
  // Rows as the how-to's script writes them; ages in seconds.
  struct OtherRow {
    std::string hostname, jail, ip;
    Seconds age;
    std::string port = "22";
  };
  void other_rows(const std::vector<OtherRow> &rows) const;
  void other_row(const OtherRow &row) const { other_rows({row}); }

private:
  Kind kind_;
  TableSource source_;
  std::filesystem::path folder_;
};

// For TEST_CASE_METHOD: an empty table with its side tables, of each kind in turn.
struct OnAnyTable {
  const Kind kind = any_kind();
  const Catch::ScopedMessage says_which{Catch::MessageBuilder("CAPTURE", CATCH_INTERNAL_LINEINFO, Catch::ResultWas::Info) << kind};
  const FreshTable fresh{kind};
  const std::unique_ptr<BanTable> table = fresh.open();
};

std::vector<Row> rows(BanTable &table); // all that each() hands over, in its order

// A ban as fail2ban's action would put it.
NewBan new_ban(const std::string &ip, const std::string &jail = "sshd", const std::string &hostname = "web1.example.net");

// For BanTable::prune(): no row is needed by another.
inline bool keeps_none(const RawBan &) { return false; }

// About equal: the clock may go on by some seconds during a test.
bool near(const std::optional<Seconds> &value, Seconds wanted);

// The how-to's statement, word for word, with the engine in place.
std::string how_to_table(const std::string &engine);

} // namespace banpush::test
