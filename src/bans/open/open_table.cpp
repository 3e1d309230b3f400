#include "bans/mysql/mysql_session.hpp"
#include "bans/sql/sql_table.hpp"
#include "bans/sqlite/sqlite_session.hpp"

namespace banpush {

std::unique_ptr<BanTable> open_table(const TableSource &source, const std::string &password, const TableTimeouts &timeouts) {
  auto session =
      source.kind == TableSource::Kind::Mysql ? open_mysql_session(source, password, timeouts) : open_sqlite_session(source.path);
  return std::make_unique<SqlTable>(source, std::move(session));
}

} // namespace banpush
