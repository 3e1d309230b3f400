#include "bans/sqlite/sqlite.hpp"

#include "bans/fault.hpp"
#include "files/open.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sqlite3.h>
#include <utility>

namespace banpush {

namespace {

Fault fault_of(const FileProblem &problem) noexcept {
  switch (problem.code) {
  case ENOSPC:
  case EDQUOT: return Fault::Full;
  case ENOENT: return Fault::NoTable;
  case EMFILE:
  case ENFILE: return Fault::Limit;
  case EROFS: return Fault::ReadOnly;
  case ELOOP:
  case EISDIR: return Fault::Unknown; // no right mends that
  default: return Fault::Right;
  }
}

// SQLite opens the file's companions (-wal, -shm, -journal) by itself, whenever it needs them, and as root gives them to
// the owner of the file. So it opens through us: what it asks of the kernel can be told to it (sqlite3_vfs in sqlite.h).
thread_local std::string last_refusal; // in words, where SQLite keeps a number

int checked_open(const char *path, int flags, int mode) {
  auto file = open_with(path, flags, mode == 0 ? 0640 : static_cast<mode_t>(mode));
  if (file)
    return file->release();
  // What SQLite may not make it tries to find: that there is none is not why.
  if (file.error().code != ENOENT)
    last_refusal = fmt::format("{}: {}", path, file.error().text);
  else if (!last_refusal.starts_with(fmt::format("{}: ", path)))
    last_refusal.clear();
  errno = file.error().code;
  return -1;
}

int checked_unlink(const char *path) {
  const auto removed = remove_file(path);
  if (!removed)
    errno = removed.error().code;
  return removed ? 0 : -1;
}

// What is made has the right owner and mode from the beginning, and what stands keeps them.
int no_fchown(int /*file*/, uid_t /*user*/, gid_t /*group*/) { return 0; }
int no_fchmod(int /*file*/, mode_t /*mode*/) { return 0; }

bool open_through_us() {
  sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
  if (vfs == nullptr || vfs->iVersion < 3)
    return false;
  const auto replace = [vfs](const char *name, auto *call) {
    return vfs->xSetSystemCall(vfs, name, reinterpret_cast<sqlite3_syscall_ptr>(call)) == SQLITE_OK;
  };
  return replace("open", checked_open) && replace("unlink", checked_unlink) && replace("fchown", no_fchown) && replace("fchmod", no_fchmod);
}

Shared shared_by(Database::Open open) { return open == Database::Open::CreateForGroup ? Shared::GroupWrites : Shared::GroupReads; }

// The file's path without a link in it. Made here, because SQLite would take the umask's mode; companions take the file's.
std::string prepared(const Database &database, Database::Open open) {
  static const bool checked = open_through_us();
  if (!checked)
    database.fail("opening it", "this SQLite does not let its files be checked", Fault::Right);
  const bool create = open != Database::Open::Existing;
  const auto folder = Folder::around(database.path(), create ? Folder::Missing::Make : Folder::Missing::Refuse);
  if (!folder)
    database.fail("opening it", folder.error().text, fault_of(folder.error()));
  for (const char *companion : {"", "-wal", "-shm", "-journal"})
    if (const auto fit = fit_to_use(*folder, folder->name() + companion); !fit)
      database.fail("opening it",
                    *companion == '\0' ? fit.error().text : fmt::format("{}{}: {}", folder->file(), companion, fit.error().text),
                    fault_of(fit.error()));
  if (!create)
    return folder->file();
  const auto made = make_mark(folder->file(), shared_by(open));
  if (!made)
    database.fail("creating it", made.error().text, fault_of(made.error()));
  return folder->file();
}

} // namespace

void CloseDatabase::operator()(sqlite3 *handle) const noexcept { sqlite3_close_v2(handle); }
void FinalizeStatement::operator()(sqlite3_stmt *handle) const noexcept { sqlite3_finalize(handle); }

Database::Database(std::string path, Open open, ErrorKind kind, std::chrono::milliseconds busy) : path_(std::move(path)), kind_(kind) {
  const std::string plain = prepared(*this, open);
  last_refusal.clear();
  sqlite3 *raw = nullptr;
  const int result = sqlite3_open_v2(plain.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_NOFOLLOW, nullptr);
  handle_.reset(raw);
  if (result != SQLITE_OK) { // SQLite says only that it is unable to; the system knows why
    const int why = sqlite3_system_errno(raw);
    const std::string words = why != 0 ? std::strerror(why) : sqlite3_errmsg(raw); // NOLINT(concurrency-mt-unsafe)
    fail("opening it", last_refusal.empty() ? words : last_refusal, why == ENOENT ? Fault::NoTable : sqlite_fault(result, ""));
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

std::int64_t Database::changes() const noexcept { return sqlite3_total_changes64(handle_.get()); }

void Database::fail(std::string_view attempt) const {
  std::string answer = sqlite3_errmsg(handle_.get());
  const int code = sqlite3_errcode(handle_.get()) & 0xff;
  if (code == SQLITE_BUSY)
    answer = "locked by another process all the while";
  else if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && !last_refusal.empty()) // SQLite reads where it may not write
    answer += fmt::format(" ({})", last_refusal);
  else if (const int why = sqlite3_system_errno(handle_.get()); (code == SQLITE_CANTOPEN || code == SQLITE_IOERR) && why != 0)
    answer += fmt::format(": {}", std::strerror(why)); // NOLINT(concurrency-mt-unsafe)
  fail(fmt::format("\"{}\"", attempt.substr(0, 80)), answer, sqlite_fault(sqlite3_extended_errcode(handle_.get()), answer));
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
