// What a ban table answers when it does not do what it was asked for: what is wrong, whether the same ban may be
// stored later, and what a person has to do. Which code of which database means what is one table in fault.cpp; where it
// comes from is in docs/ban-table.md.
#pragma once

#include "core/error.hpp"

#include <string>
#include <string_view>

namespace banpush {

// Whether a ban that the table did not take may be taken another time.
enum class Retry {
  Now,   // the state of the connection or of the server: it passes by itself
  Later, // a person has to mend the table, its rights or its disk first
  Never, // this row cannot be stored, and no other time changes that
};

// What is wrong.
enum class Fault {
  Connection, // none, or it broke, or it fell silent
  Contention, // another one holds a lock, or went first
  Unready,    // the server answers and does not take part: a cluster's node, a server that is shutting down
  ReadOnly,   // writes are off
  Limit,      // too many connections, statements, threads; memory; time for a statement
  Login,
  Tls, // the certificate, or the name in it
  Right,
  NoDatabase,
  NoTable,
  Definition, // the table is another one than config/ban_table.sql shows
  Damaged,    // files of the table
  Full,       // the disk, or what the table may take of it
  Value,      // the row's
  Unknown,    // a code that is not in the table
  NoTls,      // the server offers none
};

Retry retry_of(Fault fault) noexcept;
// What a person has to do, as part of a sentence; empty where it passes by itself.
std::string_view remedy_of(Fault fault) noexcept;
// Its name in --json and in the documentation.
std::string_view word(Retry retry) noexcept;

// Thrown for everything that a table does not do. Kind Table, but Usage where it never will: other words are needed then.
class TableError : public Error {
public:
  TableError(Fault fault, const std::string &text);
  Fault fault() const noexcept { return fault_; }
  Retry retry() const noexcept { return retry_of(fault_); }
  std::string_view remedy() const noexcept { return remedy_of(fault_); }

private:
  Fault fault_;
};

// There is no connection to the table, or it went silent.
class Unreachable : public TableError {
public:
  explicit Unreachable(const std::string &text, Fault fault = Fault::Connection) : TableError(fault, text) {}
};

} // namespace banpush
