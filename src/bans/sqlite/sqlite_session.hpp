// The ban table's connection to an SQLite file.
#pragma once

#include "bans/sql_session.hpp"

#include <memory>

namespace banpush {

// Opens the file, if it is there: see create().
std::unique_ptr<SqlSession> open_sqlite_session(const std::string &path);

} // namespace banpush
