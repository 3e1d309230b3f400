#include "bans/sqlite/sqlite_session.hpp"

#include "bans/sqlite/sqlite.hpp"
#include "files/open.hpp"

#include <fmt/format.h>

namespace banpush {

namespace {

// Local time is this process's (TZ), as a database server's is its own. Text of another form has no
// age (NULL).
std::string age_local(std::string_view expression) {
  return fmt::format("CAST(strftime('%s', 'now', 'localtime') AS INTEGER) - CAST(strftime('%s', {}) AS INTEGER)", expression);
}

std::string age_utc(std::string_view expression) {
  return fmt::format("CAST(strftime('%s', 'now') AS INTEGER) - CAST(strftime('%s', {}) AS INTEGER)", expression);
}

std::string later(std::string_view expression) { return fmt::format("datetime({}, ? || ' seconds')", expression); }

constexpr Dialect sqlite_dialect{
    .insert_or_ignore = "INSERT OR IGNORE",
    .local_now = "datetime('now', 'localtime')",
    .utc_now = "datetime('now')",
    .utc_exact = "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    .age_local = age_local,
    .age_utc = age_utc,
    .later = later,
};

class SqliteSession : public SqlSession {
public:
  explicit SqliteSession(std::string path) : path_(std::move(path)) {
    const auto there = file_exists(path_);
    if (!there)
      throw TableError(Fault::Right, fmt::format("{}: {}", name(), there.error().text));
    if (*there)
      database_ = std::make_unique<Database>(path_, Database::Open::Existing);
  }

  const Dialect &dialect() const noexcept override { return sqlite_dialect; }
  std::string name() const final { return "sqlite:" + path_; }

  SqlRows select(const std::string &sql, const SqlValues &values) override {
    SqlRows rows;
    for (Statement statement = database().prepare(sql, values); statement.step();) {
      auto &row = rows.emplace_back();
      for (int column = 0; column < statement.columns(); ++column)
        row.push_back(statement.is_null(column) ? SqlText{} : SqlText{statement.text(column)});
    }
    return rows;
  }

  std::size_t change(const std::string &sql, const SqlValues &values) override { return database().execute(sql, values); }

  void stream(const std::string &sql, const std::function<void(SqlRowView)> &row) override {
    Statement statement = database().prepare(sql);
    std::vector<std::optional<std::string_view>> columns(static_cast<std::size_t>(statement.columns()));
    while (statement.step()) {
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto column = static_cast<int>(i);
        columns[i] = statement.is_null(column) ? std::nullopt : std::optional{statement.text(column)};
      }
      row(columns);
    }
  }

  void begin() override { database().execute("BEGIN IMMEDIATE"); }
  void snapshot() override { database().execute("BEGIN"); }
  void commit() override { database().execute("COMMIT"); }
  void rollback() noexcept override {
    try {
      database().execute("ROLLBACK");
    } catch (const std::exception &) { // rolled back already by SQLite itself
    }
  }

  void lock(const std::string &) override {} // BEGIN IMMEDIATE keeps everybody out
  void unlock(const std::string &) noexcept override {}

  void create() override {
    if (!database_)
      database_ = std::make_unique<Database>(path_, Database::Open::CreateForGroup);
  }
  void reconnect() override {}

  std::vector<std::string> tables(std::string_view prefix) override {
    return first_column("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND substr(name, 1, length(?1)) = ?1",
                        {std::string(prefix)});
  }

  std::vector<std::string> columns(const std::string &table) override {
    return first_column("SELECT lower(name) FROM pragma_table_info(?)", {table});
  }

  bool has_index(const std::string &table, std::string_view column) override {
    return !select("SELECT 1 FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i WHERE i.seqno = 0 AND i.name = ?",
                   {table, std::string(column)})
                .empty();
  }

  std::string own_address() override { return {}; }

private:
  Database &database() {
    if (!database_)
      throw TableError(Fault::NoTable, fmt::format("{}: no such file", name()));
    return *database_;
  }

  std::vector<std::string> first_column(const std::string &sql, const SqlValues &values) {
    std::vector<std::string> names;
    for (auto &row : select(sql, values))
      names.push_back(row.front().value_or(""));
    return names;
  }

  std::string path_;
  std::unique_ptr<Database> database_; // null while the file is missing
};

} // namespace

std::unique_ptr<SqlSession> open_sqlite_session(const std::string &path) { return std::make_unique<SqliteSession>(path); }

} // namespace banpush
