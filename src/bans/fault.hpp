// From a database's error to what is wrong: one table for each kind.
#pragma once

#include "bans/table_error.hpp"

#include <string_view>

namespace banpush {

// The code of a MariaDB or MySQL server (below 2000, and from 3000 on), of its storage engine (below 1000), or of the
// client library (2000 to 2999, 5000 to 5999); SQLSTATE decides where the code is not known. The words: an engine's own
// code stands in them, and why TLS failed.
Fault mysql_fault(unsigned code, std::string_view sqlstate, std::string_view words) noexcept;

// An extended result code of SQLite.
Fault sqlite_fault(int code, std::string_view words) noexcept;

} // namespace banpush
