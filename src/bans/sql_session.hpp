// One connection to a database that holds a ban table: all that differs between the kinds.
#pragma once

#include "bans/ban_table.hpp"
#include "bans/sql_value.hpp"
#include "core/error.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

// The connection went away, and with it the transaction: safe to connect and repeat from its start.
class ConnectionLost : public Unreachable {
public:
  using Unreachable::Unreachable;
};

// The server rolled back in favour of another writer (a deadlock, or Galera's certification).
class Outrun : public TableError {
public:
  explicit Outrun(const std::string &text) : TableError(Fault::Contention, text) {}
};

// The words in which the databases differ.
struct Dialect {
  std::string_view insert_or_ignore; // INSERT that leaves a row with the same key alone
  std::string_view local_now;        // the session's local time, as `created` has it
  std::string_view utc_now;
  std::string_view utc_exact;                            // with fractions of a second
  std::string (*age_local)(std::string_view expression); // seconds since a local time
  std::string (*age_utc)(std::string_view expression);   // seconds since a UTC time
  std::string (*later)(std::string_view expression);     // that time and `?` seconds, as text
};

using SqlText = std::optional<std::string>; // nothing: NULL
using SqlRows = std::vector<std::vector<SqlText>>;
using SqlRowView = std::span<const std::optional<std::string_view>>; // valid during the call only

// Everything throws TableError with what was attempted, on what, and what came back.
class SqlSession {
public:
  virtual ~SqlSession() = default;

  virtual const Dialect &dialect() const noexcept = 0;
  virtual std::string name() const = 0; // for messages: the URL without secrets

  virtual SqlRows select(const std::string &sql, const SqlValues &values) = 0;
  // Returns how many rows the statement met, changed or not.
  virtual std::size_t change(const std::string &sql, const SqlValues &values) = 0;
  // Every row as it comes. Throws when the rows end for another reason than that they are all.
  virtual void stream(const std::string &sql, const std::function<void(SqlRowView)> &row) = 0;

  virtual void begin() = 0;    // a transaction that will write
  virtual void snapshot() = 0; // one that reads several tables as of one moment, where the engine can
  virtual void commit() = 0;
  virtual void rollback() noexcept = 0;

  // Keeps other banpush writers of the same key out until unlock or the end of the connection.
  virtual void lock(const std::string &key) = 0;
  virtual void unlock(const std::string &key) noexcept = 0;

  virtual void create() = 0;    // what init needs before the first table; the server's business with MySQL
  virtual void reconnect() = 0; // after ConnectionLost

  virtual std::vector<std::string> tables(std::string_view prefix) = 0;          // whose names begin so
  virtual std::vector<std::string> columns(const std::string &table) = 0;        // empty: no such table
  virtual bool has_index(const std::string &table, std::string_view column) = 0; // one that begins with it
  virtual std::string own_address() = 0; // the address the database sees us from; empty where there is none
};

} // namespace banpush
