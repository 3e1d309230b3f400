#include "bans/sqlite/file_schema.hpp"

#include <fmt/format.h>

namespace banpush {

namespace {

std::int64_t version_of(const Database &database) {
  auto row = database.prepare("PRAGMA user_version");
  return row.step() ? row.number(0) : 0;
}

} // namespace

void bring_up(const Database &database, std::span<const Upgrade> upgrades) {
  const auto newest = static_cast<std::int64_t>(upgrades.size());
  const auto require_known = [&](std::int64_t version) {
    if (version > newest || version < 0)
      database.fail(
          "reading its schema",
          fmt::format("it is of a newer banpush (schema {}, and this one knows {}): upgrade banpush here, or name another file in "
                      "the configuration; the file is left as it is",
                      version, newest),
          Fault::Definition);
    return version;
  };
  if (require_known(version_of(database)) == newest)
    return;
  Transaction transaction(database);
  const std::int64_t version = require_known(version_of(database)); // another process may have been first
  for (auto at = static_cast<std::size_t>(version); at < upgrades.size(); ++at)
    upgrades[at](database);
  database.script(fmt::format("PRAGMA user_version = {}", newest));
  transaction.commit();
}

bool has_column(const Database &database, std::string_view table, std::string_view column) {
  auto columns = database.prepare(fmt::format("PRAGMA table_info({})", table));
  while (columns.step())
    if (columns.text(1) == column)
      return true;
  return false;
}

} // namespace banpush
