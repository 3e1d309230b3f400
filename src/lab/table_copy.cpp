#include "lab/table_copy.hpp"

#include "bans/ban_table.hpp"
#include "config/secret.hpp"
#include "core/address/prefix.hpp"
#include "lab/product.hpp"
#include "lab/text_file.hpp"

#include <array>
#include <ctime>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sqlite3.h>

namespace banpush::lab {

namespace {

constexpr std::time_t first_day = 0;
constexpr int most_milliseconds_locked = 10'000;
constexpr const char *no_end = "9999-12-31 23:59:59"; // as the side tables hold what is permanent

class File {
public:
  File(const std::string &path, int flags) : path_(path) {
    if (sqlite3_open_v2(path.c_str(), &db_, flags, nullptr) != SQLITE_OK)
      fail("open");
    sqlite3_busy_timeout(db_, most_milliseconds_locked);
  }
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  ~File() { sqlite3_close(db_); }

  sqlite3 *get() const noexcept { return db_; }
  [[noreturn]] void fail(const char *what) const {
    throw Error(ErrorKind::Config, fmt::format("cannot {} {}: {}", what, path_, sqlite3_errmsg(db_)));
  }
  void run(const std::string &sql, const std::vector<std::string> &values = {}) const {
    sqlite3_stmt *statement = nullptr;
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
      fail("write");
    for (std::size_t i = 0; i < values.size(); ++i)
      sqlite3_bind_text(statement, static_cast<int>(i) + 1, values[i].data(), static_cast<int>(values[i].size()), SQLITE_TRANSIENT);
    const int end = sqlite3_step(statement);
    sqlite3_finalize(statement);
    if (end != SQLITE_DONE)
      fail("write");
  }

private:
  std::string path_;
  sqlite3 *db_ = nullptr;
};

enum class Zone { Local, Utc };
std::string moment(Seconds ago, Zone zone) {
  const std::time_t now = std::time(nullptr);
  const std::time_t then = ago == permanent ? first_day : std::max<std::time_t>(first_day, now - static_cast<std::time_t>(ago));
  std::tm parts{};
  if (zone == Zone::Local)
    ::localtime_r(&then, &parts);
  else
    ::gmtime_r(&then, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

void put(const File &file, const std::string &table, const RawBan &ban) {
  const std::string created = moment(ban.age, Zone::Local), host(ban.hostname), jail(ban.name), ip(ban.ip);
  file.run(fmt::format("INSERT INTO `{}` (hostname, created, name, protocol, port, ip) VALUES (?, ?, ?, ?, ?, ?)", table),
           {host, created, jail, std::string(ban.protocol), std::string(ban.port), ip});
  if (!ban.until && !ban.revoked)
    return;
  const std::string since = moment(ban.age, Zone::Utc), now = moment(0, Zone::Utc);
  const std::string until = !ban.until ? "" : *ban.until == permanent ? no_end : moment(-*ban.until, Zone::Utc);
  const std::string revoked = ban.revoked ? moment(*ban.revoked, Zone::Utc) : "";
  file.run("INSERT OR REPLACE INTO banpush_ban (ban_table, ip, created, hostname, name, since, `until`, revoked, revoker, changed) "
           "VALUES (?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), nullif(?, ''), ?)",
           {table, ip, created, host, jail, since, until, revoked,
            !ban.revoked              ? ""
            : ban.revoked_by_operator ? "operator"
                                      : "fail2ban",
            now});
}

// Of a database whose newest changes may stand in a -wal beside it.
bool keeps_a_wal(const std::string &path) {
  std::array<char, 20> header{};
  std::ifstream file(path, std::ios::binary);
  return file.read(header.data(), header.size()) && header[18] == 2; // "File format write version"
}

// SQLite makes files beside one with a -wal that it reads, which its owner might then not be able to write. Where nobody has it open
// there is nothing to agree upon, and it makes none. Beside one with a rollback journal a reader makes none, but has to lock it.
std::string to_be_left_alone(const std::string &path) {
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(path).string())
    uri += c == '%' || c == '?' || c == '#' ? fmt::format("%{:02X}", static_cast<unsigned>(c)) : std::string(1, c);
  std::error_code ignored;
  const auto beside = [&](const char *end) { return std::filesystem::exists(path + end, ignored); };
  return keeps_a_wal(path) && !beside("-wal") && !beside("-journal") ? uri + "?immutable=1" : uri;
}

// The database `path` is only read.
void copy_database(const std::string &path, const std::string &copy, const char *what) {
  write_file(copy, ""); // for the own user alone
  const File from(to_be_left_alone(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI), to(copy, SQLITE_OPEN_READWRITE);
  sqlite3_backup *backup = sqlite3_backup_init(to.get(), "main", from.get(), "main");
  if (backup == nullptr)
    to.fail(what);
  sqlite3_backup_step(backup, -1);
  if (sqlite3_backup_finish(backup) != SQLITE_OK)
    to.fail(what);
}

std::size_t copy_rows(const TableSource &source, const File &file, const std::string &folder) {
  const auto run = [&](const std::vector<std::string> &argv) {
    const Ran ran = run_program(argv, folder);
    if (ran.status != 0)
      throw Error(ErrorKind::Config, fmt::format("the command of a secret, {}, ended with status {}", argv.front(), ran.status));
    return ran.out;
  };
  const auto table = open_table(source, read_secret(source.password, run));
  std::size_t rows = 0;
  table->each([&](const RawBan &ban) {
    put(file, source.table, ban);
    ++rows;
  });
  for (const AllowRow &row : table->allowed())
    file.run("INSERT INTO banpush_allow (prefix, reason, actor, created) VALUES (?, ?, ?, ?)",
             {row.prefix, row.reason, row.actor, row.created});
  for (const auto &[host, address] : table->reporters())
    file.run("INSERT OR REPLACE INTO banpush_reporter (hostname, address, seen) VALUES (?, ?, ?)", {host, address, moment(0, Zone::Utc)});
  return rows;
}

// banpush would open the operator's file to write, and make it one with a -wal. A file that is not there is told by banpush's own words.
std::size_t copy_rows_of_file(const TableSource &source, const File &file, const std::string &folder, const std::string &copy) {
  std::error_code ignored;
  TableSource read = source;
  if (std::filesystem::exists(source.path, ignored)) {
    read.path = copy;
    try {
      copy_database(source.path, copy, "copy the table to");
    } catch (const Error &error) {
      throw Error(ErrorKind::Table, fmt::format("{}: {}", source.path, error.what()));
    }
  }
  const std::size_t rows = copy_rows(read, file, folder);
  for (const char *end : {"", "-wal", "-shm"})
    std::filesystem::remove(copy + end, ignored);
  return rows;
}

std::size_t rows_of_list(const std::string &list, const std::string &table, const File &file) {
  const std::string text = text_of_file(list);
  std::size_t rows = 0, number = 0;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    std::string line = text.substr(from, to - from);
    from = to + 1;
    ++number;
    line.resize(std::min(line.find('#'), line.size()));
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r'))
      line.pop_back();
    if (line.empty())
      continue;
    if (!Prefix::parse(line))
      throw Error(ErrorKind::Config, fmt::format("{}:{}: \"{}\" is no address or prefix", list, number, line.substr(0, 80)));
    put(file, table, RawBan{"rehearsal", "", "rehearsal", "tcp", "", line, 0, std::nullopt, std::nullopt, false});
    ++rows;
  }
  return rows;
}

std::string place_of(const TableSource &source) {
  return source.kind == TableSource::Kind::Sqlite
             ? "sqlite:" + source.path
             : fmt::format("mysql://{}/{}", source.socket.empty() ? source.host : source.socket, source.database);
}

} // namespace

std::vector<TableCopied> copy_tables(const Config &config, const std::string &bans, const std::string &folder) {
  std::vector<TableCopied> all;
  for (const TableSource &source : config.tables) {
    TableSource copy = source;
    copy.kind = TableSource::Kind::Sqlite;
    copy.path = fmt::format("{}/bans-{}.db", folder, all.size());
    open_table(copy, "")->init(CreatedIndex::No);
    const File file(copy.path, SQLITE_OPEN_READWRITE);
    file.run("BEGIN");
    TableCopied one{source.name, copy.path, bans.empty() ? place_of(source) : bans, 0};
    if (bans.empty())
      one.rows = source.kind == TableSource::Kind::Sqlite
                     ? copy_rows_of_file(source, file, folder, fmt::format("{}/source-{}.db", folder, all.size()))
                     : copy_rows(source, file, folder);
    else if (all.empty()) // the file stands for all tables
      one.rows = rows_of_list(bans, source.table, file);
    file.run("COMMIT");
    all.push_back(std::move(one));
  }
  return all;
}

std::string copy_state(const std::string &state, const std::string &copy) {
  std::error_code ignored;
  if (!std::filesystem::exists(state, ignored))
    return state + " is not there";
  try {
    copy_database(state, copy, "copy the state to");
  } catch (const Error &error) {
    std::filesystem::remove(copy, ignored);
    return error.what();
  }
  return {};
}

} // namespace banpush::lab
