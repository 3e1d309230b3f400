// The tables: the how-to's own, and banpush's beside it.
#pragma once

#include "settings/config.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banpush {

struct TableDefinition {
  std::string name;
  std::vector<std::string> sql; // the statements that make it, with its indexes
};

// The columns that the how-to's table has, and a ban table must have.
inline constexpr const char *ban_columns[] = {"id", "hostname", "created", "name", "protocol", "port", "ip"};

// The side tables of which a database has all or none.
inline constexpr const char *side_tables[] = {"banpush_ban", "banpush_allow", "banpush_reporter"};

// Of the side tables: what init has made or added. An older banpush writes into newer ones as it did, so a column that
// is added has a default.
inline constexpr std::int64_t schema_newest = 2;

// A column that a side table got with a version after the first.
struct LaterColumn {
  const char *table, *name, *type;
};
inline constexpr LaterColumn later_columns[] = {{"banpush_ban", "ports", "text DEFAULT NULL"},
                                                {"banpush_ban", "protocols", "text DEFAULT NULL"},
                                                {"banpush_ban", "note", "text DEFAULT NULL"}};

// What init creates, the ban table first.
std::vector<TableDefinition> schema(TableSource::Kind kind, const std::string &ban_table);

} // namespace banpush
