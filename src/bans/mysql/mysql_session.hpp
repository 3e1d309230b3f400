// The ban table's connection to a MySQL or MariaDB server.
#pragma once

#include "bans/ban_table.hpp"
#include "bans/sql_session.hpp"

#include <memory>

namespace banpush {

// Connects. TLS as the source says, except through a Unix socket, where there is none to verify.
std::unique_ptr<SqlSession> open_mysql_session(const TableSource &source, const std::string &password, const TableTimeouts &timeouts);

} // namespace banpush
