#include "bans/sql/schema.hpp"
#include "bans/sql/sql_table.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush {

std::int64_t newest_schema() noexcept { return schema_newest; }

std::vector<std::string> SqlTable::init(CreatedIndex index) {
  session_->create();
  return repeated([&] {
    std::vector<std::string> created;
    for (const TableDefinition &table : schema(kind_, table_)) {
      if (stands(table.name))
        continue;
      for (const std::string &statement : table.sql)
        session_->change(statement, {});
      created.push_back(table.name);
    }
    for (std::string &column : add_columns())
      created.push_back(std::move(column));
    write_version();
    columns_seen_ = false;
    require_columns();
    if (index == CreatedIndex::Yes && !session_->has_index(table_, "created")) {
      session_->change(fmt::format("CREATE INDEX `{0}_created` ON `{0}` (created)", table_), {});
      created.push_back(fmt::format("index {}_created", table_));
    }
    return created;
  });
}

// Two may be at it at once: what stands then is there, whoever made it.
std::vector<std::string> SqlTable::add_columns() {
  std::vector<std::string> added;
  const auto has = [&](const LaterColumn &column) {
    const auto columns = session_->columns(column.table);
    return std::find(columns.begin(), columns.end(), column.name) != columns.end();
  };
  for (const LaterColumn &column : later_columns) {
    if (has(column))
      continue;
    try {
      session_->change(fmt::format("ALTER TABLE {} ADD COLUMN {} {}", column.table, column.name, column.type), {});
    } catch (const Error &) {
      if (!has(column))
        throw;
      continue;
    }
    added.push_back(fmt::format("column {} of {}", column.name, column.table));
  }
  return added;
}

void SqlTable::write_version() {
  session_->change(fmt::format("{} INTO banpush_schema (version, since) VALUES (?, {})", session_->dialect().insert_or_ignore,
                               session_->dialect().utc_now),
                   {schema_newest});
}

std::int64_t SqlTable::schema_version() {
  return repeated([&]() -> std::int64_t {
    if (!has_side_tables() || session_->columns("banpush_schema").empty())
      return 1;
    return sql_number(session_->select("SELECT MAX(version) FROM banpush_schema", {}).front().front()).value_or(1);
  });
}

std::vector<std::string> SqlTable::missing_columns() {
  return repeated([&] {
    std::vector<std::string> missing;
    if (!has_side_tables())
      return missing;
    for (const LaterColumn &column : later_columns) {
      const auto columns = session_->columns(column.table);
      if (std::find(columns.begin(), columns.end(), column.name) == columns.end())
        missing.push_back(fmt::format("{}.{}", column.table, column.name));
    }
    return missing;
  });
}

bool SqlTable::keeps_words() { return keeps_words_ = keeps_words_ || (has_side_tables() && missing_columns().empty()); }

std::vector<WordedBan> SqlTable::worded() {
  return repeated([&] {
    std::vector<WordedBan> all;
    if (!keeps_words())
      return all;
    for (const auto &row :
         session_->select("SELECT hostname, name, ip, created, ports, protocols, note FROM banpush_ban WHERE ban_table = ? AND "
                          "(ports IS NOT NULL OR protocols IS NOT NULL OR note IS NOT NULL)",
                          {table_}))
      all.push_back({row[0].value_or(""),
                     row[1].value_or(""),
                     row[2].value_or(""),
                     std::string(whole_seconds(row[3].value_or(""))),
                     {row[4].value_or(""), row[5].value_or(""), row[6].value_or("")}});
    return all;
  });
}

std::vector<AuthoredBan> SqlTable::authored() {
  return repeated([&] {
    std::vector<AuthoredBan> all;
    if (!has_side_tables())
      return all;
    for (const auto &row : session_->select("SELECT hostname, name, ip, created, reason, actor FROM banpush_ban WHERE ban_table = ? AND "
                                            "(COALESCE(reason, '') <> '' OR actor <> '')",
                                            {table_}))
      all.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or(""), std::string(whole_seconds(row[3].value_or(""))),
                     row[4].value_or(""), row[5].value_or("")});
    return all;
  });
}

} // namespace banpush
