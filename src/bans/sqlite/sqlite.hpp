// SQLite behind three small types: a Database, its Statements, a Transaction. For the embedded ban
// table here, and for the app's own state.db and spool.db.
#pragma once

#include "bans/sql_value.hpp"
#include "bans/table_error.hpp"
#include "core/error.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace banpush {

struct CloseDatabase {
  void operator()(sqlite3 *handle) const noexcept;
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt *handle) const noexcept;
};

// A compiled statement with its values. It keeps the file open, but a Database must outlive it.
class Statement {
public:
  // To the next row; false after the last. Throws where reading ends for another reason.
  bool step();
  // Back to the beginning, with other values.
  void restart(const SqlValues &values);

  int columns() const noexcept; // in each row
  // Columns of the current row, from 0. Views hold until the next step.
  bool is_null(int column) const noexcept;
  std::string_view text(int column) const;        // NULL is empty; numbers as SQLite writes them
  std::int64_t number(int column) const noexcept; // NULL and text that is no number are 0

private:
  friend class Database;
  Statement(const class Database &database, std::string_view sql, const SqlValues &values);
  void bind(const SqlValues &values);

  const Database *database_;
  std::unique_ptr<sqlite3_stmt, FinalizeStatement> handle_;
};

// One connection, for one thread at a time. Write-ahead log, full durability of each commit. Its files are opened by the
// rules of files/open.hpp, whenever SQLite opens them.
class Database {
public:
  // Create: the file with mode 0640, and its folder, where they are missing; CreateForGroup: 0660 where the folder's group
  // may write. Existing: a missing file is an error.
  enum class Open { Existing, Create, CreateForGroup };

  // Throws Error of the given kind (TableError for Table), as everything here does, naming the file and what SQLite says.
  // A file that another process has locked is waited for, up to `busy`.
  explicit Database(std::string path, Open open = Open::Create, ErrorKind kind = ErrorKind::Table,
                    std::chrono::milliseconds busy = std::chrono::seconds{10});

  Database(const Database &) = delete; // its statements point back to it
  Database &operator=(const Database &) = delete;

  Statement prepare(std::string_view sql, const SqlValues &values = {}) const;
  // Runs one statement to its end. Returns how many rows it inserted, changed or deleted.
  std::size_t execute(std::string_view sql, const SqlValues &values = {}) const;
  // Runs several statements without values: a schema.
  void script(const std::string &sql) const;
  std::int64_t last_id() const noexcept; // of the row inserted last
  std::int64_t changes() const noexcept; // rows that this connection has inserted, changed or deleted in all
  const std::string &path() const noexcept { return path_; }

  [[noreturn]] void fail(std::string_view attempt, std::string_view answer, Fault fault) const;

private:
  friend class Statement;
  [[noreturn]] void fail(std::string_view attempt) const; // with SQLite's own words

  std::string path_;
  ErrorKind kind_;
  std::unique_ptr<sqlite3, CloseDatabase> handle_;
};

// BEGIN IMMEDIATE now; COMMIT when said, else ROLLBACK at the end of the scope.
class Transaction {
public:
  explicit Transaction(const Database &database);
  Transaction(const Transaction &) = delete;
  Transaction &operator=(const Transaction &) = delete;
  ~Transaction();
  void commit();

private:
  const Database *database_; // null once committed
};

} // namespace banpush
