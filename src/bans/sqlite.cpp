#include "bans/sqlite.hpp"

#include "bans/fault.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banpush {

namespace {

Fault fault_of(int number) noexcept { return number == ENOSPC || number == EDQUOT ? Fault::Full : Fault::Right; }

// SQLite would create the file with the umask's mode; the journals then take the file's own.
void create_file(const Database &database) {
  const std::filesystem::path path{database.path()};
  std::error_code error;
  if (path.has_parent_path() && !std::filesystem::exists(path.parent_path(), error)) {
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
      database.fail("creating its folder", error.message(), fault_of(error.value()));
    std::filesystem::permissions(path.parent_path(), std::filesystem::perms{0750}, error);
  }
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (file >= 0) {
    give_to_folder_owner(file, database.path());
    ::close(file);
  } else if (errno != EEXIST)
    database.fail("creating it", std::strerror(errno), fault_of(errno)); // NOLINT(concurrency-mt-unsafe)
}

} // namespace

void give_to_folder_owner(int descriptor, const std::string &path) noexcept {
  const std::string::size_type slash = path.rfind('/');
  struct stat folder {};
  if (::geteuid() != 0 || ::stat(slash == std::string::npos ? "." : path.substr(0, slash + 1).c_str(), &folder) != 0 || folder.st_uid == 0)
    return;
  if (::fchown(descriptor, folder.st_uid, folder.st_gid) != 0)
    return; // root without that right, in a container: the file stays ours
}

void CloseDatabase::operator()(sqlite3 *handle) const noexcept { sqlite3_close_v2(handle); }
void FinalizeStatement::operator()(sqlite3_stmt *handle) const noexcept { sqlite3_finalize(handle); }

Database::Database(std::string path, Open open, ErrorKind kind, std::chrono::milliseconds busy) : path_(std::move(path)), kind_(kind) {
  if (open == Open::Create)
    create_file(*this);
  sqlite3 *raw = nullptr;
  const int result = sqlite3_open_v2(path_.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
  handle_.reset(raw);
  if (result != SQLITE_OK) { // SQLite says only that it is unable to; the system knows why
    const int why = sqlite3_system_errno(raw);
    fail("opening it", why != 0 ? std::strerror(why) : sqlite3_errmsg(raw), // NOLINT(concurrency-mt-unsafe)
         why == ENOENT ? Fault::NoTable : sqlite_fault(result, ""));
  }
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, static_cast<int>(busy.count()));
  script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF");
}

Statement Database::prepare(std::string_view sql, const SqlValues &values) const { return {*this, sql, values}; }

std::size_t Database::execute(std::string_view sql, const SqlValues &values) const {
  Statement statement = prepare(sql, values);
  while (statement.step()) {
  }
  return sqlite3_stmt_readonly(statement.handle_.get()) != 0 ? 0 : static_cast<std::size_t>(sqlite3_changes64(handle_.get()));
}

void Database::script(const std::string &sql) const {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    fail(sql);
}

std::int64_t Database::last_id() const noexcept { return sqlite3_last_insert_rowid(handle_.get()); }

void Database::fail(std::string_view attempt) const {
  std::string answer = sqlite3_errmsg(handle_.get());
  if ((sqlite3_errcode(handle_.get()) & 0xff) == SQLITE_BUSY)
    answer = "locked by another process all the while";
  const Fault fault = sqlite_fault(sqlite3_extended_errcode(handle_.get()), answer);
  const int code = sqlite3_errcode(handle_.get()) & 0xff, why = sqlite3_system_errno(handle_.get());
  if ((code == SQLITE_CANTOPEN || code == SQLITE_IOERR) && why != 0)
    answer += fmt::format(": {}", std::strerror(why)); // NOLINT(concurrency-mt-unsafe)
  fail(fmt::format("\"{}\"", attempt.substr(0, 80)), answer, fault);
}

void Database::fail(std::string_view attempt, std::string_view answer, Fault fault) const {
  const auto text = fmt::format("{}: {}: {}", path_, attempt, answer);
  if (kind_ == ErrorKind::Table)
    throw TableError(fault, text);
  throw Error(kind_, text);
}

Statement::Statement(const Database &database, std::string_view sql, const SqlValues &values) : database_(&database) {
  sqlite3_stmt *raw = nullptr;
  if (sqlite3_prepare_v2(database.handle_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr) != SQLITE_OK)
    database.fail(sql);
  handle_.reset(raw);
  bind(values);
}

void Statement::bind(const SqlValues &values) {
  struct Binder {
    sqlite3_stmt *handle;
    int index;
    int operator()(std::nullptr_t) const { return sqlite3_bind_null(handle, index); }
    int operator()(std::int64_t number) const { return sqlite3_bind_int64(handle, index, number); }
    int operator()(const std::string &text) const {
      return sqlite3_bind_text64(handle, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
  };
  for (std::size_t i = 0; i < values.size(); ++i)
    if (std::visit(Binder{handle_.get(), static_cast<int>(i) + 1}, values[i]) != SQLITE_OK)
      database_->fail(sqlite3_sql(handle_.get()));
}

bool Statement::step() {
  const int result = sqlite3_step(handle_.get());
  if (result != SQLITE_ROW && result != SQLITE_DONE)
    database_->fail(sqlite3_sql(handle_.get()));
  return result == SQLITE_ROW;
}

void Statement::restart(const SqlValues &values) {
  sqlite3_reset(handle_.get()); // repeats the error of the last step, which has been thrown already
  sqlite3_clear_bindings(handle_.get());
  bind(values);
}

int Statement::columns() const noexcept { return sqlite3_column_count(handle_.get()); }

bool Statement::is_null(int column) const noexcept { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }

std::string_view Statement::text(int column) const {
  const auto *bytes = reinterpret_cast<const char *>(sqlite3_column_text(handle_.get(), column));
  if (bytes == nullptr)
    return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

std::int64_t Statement::number(int column) const noexcept { return sqlite3_column_int64(handle_.get(), column); }

Transaction::Transaction(const Database &database) : database_(&database) { database.execute("BEGIN IMMEDIATE"); }

Transaction::~Transaction() {
  if (database_ == nullptr)
    return;
  try {
    database_->execute("ROLLBACK");
  } catch (const Error &) { // SQLite has rolled back by itself (disk full, I/O error), and what failed has been said
  }
}

void Transaction::commit() {
  database_->execute("COMMIT");
  database_ = nullptr;
}

} // namespace banpush
