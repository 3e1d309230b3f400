#include "bans/mysql/mysql_session.hpp"

#include "bans/fault.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <errmsg.h>
#include <fmt/format.h>
#include <iterator>
#include <mutex>
#include <mysql.h>
#include <mysqld_error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace banpush {

namespace {

std::string age_local(std::string_view expression) { return fmt::format("TIMESTAMPDIFF(SECOND, {}, NOW())", expression); }
std::string age_utc(std::string_view expression) { return fmt::format("TIMESTAMPDIFF(SECOND, {}, UTC_TIMESTAMP())", expression); }
std::string later(std::string_view expression) { return fmt::format("DATE_ADD({}, INTERVAL ? SECOND)", expression); }

constexpr Dialect mysql_dialect{
    .insert_or_ignore = "INSERT IGNORE",
    .local_now = "NOW()",
    .utc_now = "UTC_TIMESTAMP()",
    .utc_exact = "UTC_TIMESTAMP(6)",
    .age_local = age_local,
    .age_utc = age_utc,
    .later = later,
};

// What a site's defaults must not change: a select limit would cut the table short without a word,
// a loose mode would cut values, "safe updates" would refuse ours.
constexpr const char *session_settings = "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', "
                                         "sql_select_limit = 18446744073709551615, sql_safe_updates = 0, autocommit = 1";

constexpr int lock_seconds = 10;

struct Close {
  void operator()(MYSQL *handle) const noexcept { mysql_close(handle); }
  void operator()(MYSQL_RES *result) const noexcept { mysql_free_result(result); }
  void operator()(MYSQL_STMT *statement) const noexcept { mysql_stmt_close(statement); }
};
using Connection = std::unique_ptr<MYSQL, Close>;
using Result = std::unique_ptr<MYSQL_RES, Close>;
using Prepared = std::unique_ptr<MYSQL_STMT, Close>;

// After connecting. What happens to the socket under TLS has one code for all of it.
bool is_lost(unsigned code) noexcept {
  return code == CR_SSL_CONNECTION_ERROR || code == CR_SERVER_GONE_ERROR || code == CR_SERVER_LOST || code == CR_SERVER_LOST_EXTENDED ||
         code == ER_SERVER_SHUTDOWN || code == ER_CONNECTION_KILLED;
}

// A server that has gone without a word is found while the connection is idle, and within seconds once it is asked
// something; a silent one (MYSQL_OPT_READ_TIMEOUT) has more time. A socket file is no TCP and takes none of these.
void keep_alive(int fd) {
  const auto set = [fd](int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 3);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 5'000);
}

// What a person may do about it, where the server's words do not say.
std::string advice(unsigned code, const TableSource &source) {
  using Tls = TableSource::Tls;
  if (code == ER_ACCESS_DENIED_ERROR && source.tls == Tls::Off && source.socket.empty())
    return "; a user that must use TLS is refused in the same words: see `tls`";
  return {};
}

// The table of "Table 'database.name' doesn't exist" where the statement itself does not name it; else empty.
std::string missing_elsewhere(std::string_view sql, std::string_view words) {
  const auto begin = words.find('\''), end = words.rfind("' ");
  if (begin == std::string_view::npos || end == std::string_view::npos || end <= begin)
    return {};
  const std::string_view name = words.substr(begin + 1, end - begin - 1);
  const std::string_view table = name.substr(name.rfind('.') + 1); // all of it where there is no dot
  if (table.empty())
    return {};
  // A server that keeps names in lower case says them so, whatever the statement has.
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  const auto same = [&](char a, char b) { return lower(a) == lower(b); };
  const auto in_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (auto at = sql.begin();; ++at) {
    at = std::search(at, sql.end(), table.begin(), table.end(), same);
    if (at == sql.end())
      return std::string(name);
    const auto behind = at + static_cast<std::ptrdiff_t>(table.size());
    if ((at == sql.begin() || !in_word(*std::prev(at))) && (behind == sql.end() || !in_word(*behind)))
      return {};
  }
}

// One execution of a prepared statement: values in, text out.
class Execution {
public:
  Execution(MYSQL_STMT *statement, const SqlValues &values) : statement_(statement), values_(values), in_(values.size()) {
    for (std::size_t i = 0; i < values_.size(); ++i)
      bind(in_[i], values_[i]);
  }

  // Prepared and executed in one round trip where the server can (MariaDB 10.2), else in two.
  bool run(const std::string &sql) {
    const auto count = static_cast<unsigned>(in_.size());
    mysql_stmt_attr_set(statement_, STMT_ATTR_PREBIND_PARAMS, &count);
    return (in_.empty() || mysql_stmt_bind_param(statement_, in_.data()) == 0) &&
           mariadb_stmt_execute_direct(statement_, sql.data(), sql.size()) == 0;
  }

  // False, like run(), where the statement's error says why.
  bool read(SqlRows &rows) {
    const Result fields(mysql_stmt_result_metadata(statement_));
    if (!fields)
      return mysql_stmt_errno(statement_) == 0; // a statement without rows
    const my_bool yes = 1;
    mysql_stmt_attr_set(statement_, STMT_ATTR_UPDATE_MAX_LENGTH, &yes);
    if (mysql_stmt_store_result(statement_) != 0)
      return false;
    prepare_columns(fields.get());
    if (mysql_stmt_bind_result(statement_, out_.data()) != 0)
      return false;
    int state = 0;
    while ((state = mysql_stmt_fetch(statement_)) == 0)
      rows.push_back(row());
    return state == MYSQL_NO_DATA;
  }

private:
  struct Column {
    std::vector<char> buffer;
    unsigned long length = 0;
    my_bool null = 0;
  };

  static void bind(MYSQL_BIND &in, const SqlValue &value) {
    if (const auto *number = std::get_if<std::int64_t>(&value)) {
      in.buffer_type = MYSQL_TYPE_LONGLONG;
      in.buffer = const_cast<std::int64_t *>(number); // the C interface has one struct for both directions
    } else if (const auto *text = std::get_if<std::string>(&value)) {
      in.buffer_type = MYSQL_TYPE_STRING;
      in.buffer = const_cast<char *>(text->data());
      in.buffer_length = text->size();
    } else {
      in.buffer_type = MYSQL_TYPE_NULL;
    }
  }

  void prepare_columns(MYSQL_RES *fields) {
    constexpr unsigned long longest_number_or_time = 64;
    columns_.resize(mysql_num_fields(fields));
    out_.resize(columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      columns_[i].buffer.resize(std::max(mysql_fetch_field_direct(fields, static_cast<unsigned>(i))->max_length, longest_number_or_time) +
                                1);
      out_[i].buffer_type = MYSQL_TYPE_STRING;
      out_[i].buffer = columns_[i].buffer.data();
      out_[i].buffer_length = columns_[i].buffer.size();
      out_[i].length = &columns_[i].length;
      out_[i].is_null = &columns_[i].null;
    }
  }

  std::vector<SqlText> row() const {
    std::vector<SqlText> texts;
    for (const Column &column : columns_)
      texts.push_back(column.null != 0 ? SqlText{} : SqlText{std::string(column.buffer.data(), column.length)});
    return texts;
  }

  MYSQL_STMT *statement_;
  const SqlValues &values_;
  std::vector<MYSQL_BIND> in_, out_;
  std::vector<Column> columns_;
};

class MysqlSession : public SqlSession {
public:
  MysqlSession(const TableSource &source, std::string password, const TableTimeouts &timeouts)
      : source_(source), password_(std::move(password)), timeouts_(timeouts) {
    reconnect();
  }

  const Dialect &dialect() const noexcept override { return mysql_dialect; }

  std::string name() const override {
    const auto place = source_.socket.empty() ? fmt::format("{}:{}", source_.host, source_.port) : source_.host;
    const auto socket = source_.socket.empty() ? "" : "?socket=" + source_.socket;
    return fmt::format("mysql://{}@{}/{}{}", source_.user, place.empty() ? "localhost" : place, source_.database, socket);
  }

  void reconnect() override {
    static std::once_flag library;
    std::call_once(library, [] { mysql_library_init(0, nullptr, nullptr); });
    connection_.reset(mysql_init(nullptr));
    if (!connection_)
      throw TableError(Fault::Limit, name() + ": out of memory");
    set_options();
    asked_ = Clock::now();
    if (mysql_real_connect(connection_.get(), source_.socket.empty() ? source_.host.c_str() : nullptr, source_.user.c_str(),
                           password_.c_str(), source_.database.c_str(), source_.port,
                           source_.socket.empty() ? nullptr : source_.socket.c_str(), CLIENT_FOUND_ROWS) == nullptr)
      fail_to_connect();
    // Only with `verify` does the library itself refuse a server that offers no TLS.
    if (wants_tls(source_) && mysql_get_ssl_cipher(connection_.get()) == nullptr)
      throw Unreachable(name() + ": connecting: the server offers no TLS", Fault::NoTls);
    keep_alive(static_cast<int>(mysql_get_socket(connection_.get())));
  }

  SqlRows select(const std::string &sql, const SqlValues &values) override {
    SqlRows rows;
    execute(sql, values, &rows);
    return rows;
  }

  std::size_t change(const std::string &sql, const SqlValues &values) override { return execute(sql, values, nullptr); }

  void stream(const std::string &sql, const std::function<void(SqlRowView)> &row) override {
    query(sql);
    const Result result(mysql_use_result(connection_.get()));
    if (!result)
      fail(sql);
    std::vector<std::optional<std::string_view>> columns(mysql_num_fields(result.get()));
    while (MYSQL_ROW values = mysql_fetch_row(result.get())) {
      const unsigned long *lengths = mysql_fetch_lengths(result.get());
      for (std::size_t i = 0; i < columns.size(); ++i)
        columns[i] = values[i] == nullptr ? std::nullopt : std::optional{std::string_view(values[i], lengths[i])};
      row(columns);
      asked_ = Clock::now();
    }
    // A connection cut here ends the loop in the same way as the last row does.
    if (mysql_errno(connection_.get()) != 0)
      fail(sql);
  }

  void begin() override { query("START TRANSACTION"); }
  void snapshot() override { query("START TRANSACTION WITH CONSISTENT SNAPSHOT"); }
  void commit() override { query("COMMIT"); }
  void rollback() noexcept override { mysql_rollback(connection_.get()); }

  void lock(const std::string &key) override {
    const std::int64_t wait = std::min<std::int64_t>(lock_seconds, timeouts_.silence.count() / 2);
    const auto rows = select("SELECT GET_LOCK(?, ?)", {lock_name(key), wait});
    if (rows.front().front() != "1")
      throw TableError(Fault::Contention, fmt::format("{}: another writer of the same ban does not finish ({} s)", name(), wait));
  }

  void unlock(const std::string &key) noexcept override {
    try {
      select("SELECT RELEASE_LOCK(?)", {lock_name(key)});
    } catch (const std::exception &) { // the lock ends with the connection anyway
    }
  }

  void create() override {}

  std::vector<std::string> tables(std::string_view prefix) override {
    return first_column("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND LEFT(TABLE_NAME, ?) = ?",
                        {static_cast<std::int64_t>(prefix.size()), std::string(prefix)});
  }

  std::vector<std::string> columns(const std::string &table) override {
    return first_column("SELECT LOWER(COLUMN_NAME) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
                        {table});
  }

  bool has_index(const std::string &table, std::string_view column) override {
    return !select("SELECT 1 FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME = ? "
                   "AND SEQ_IN_INDEX = 1",
                   {table, std::string(column)})
                .empty();
  }

  std::string own_address() override {
    if (!source_.socket.empty())
      return {};
    const auto seen = select("SELECT SUBSTRING_INDEX(USER(), '@', -1)", {}).front().front().value_or("");
    if (const auto address = Prefix::parse(seen))
      return address->address();
    return local_address(); // a server that resolves names shows ours; the address is then what we see ourselves
  }

private:
  using Clock = std::chrono::steady_clock;

  // A server's locks know no databases, and only 64 characters. FNV-1a: two keys of one name would only wait
  // for each other, and a first cryptographic digest costs a process more than the lock itself.
  std::string lock_name(const std::string &key) const {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : source_.database + '\n' + key)
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return fmt::format("banpush.{:016x}", hash);
  }

  void set_options() {
    const auto set = [&](mysql_option option, const void *value) { mysql_options(connection_.get(), option, value); };
    const auto connect = static_cast<unsigned>(timeouts_.connect.count());
    const auto silence = static_cast<unsigned>(timeouts_.silence.count());
    set(MYSQL_OPT_CONNECT_TIMEOUT, &connect);
    set(MYSQL_OPT_READ_TIMEOUT, &silence);
    set(MYSQL_OPT_WRITE_TIMEOUT, &silence);
    const unsigned local_infile = 0; // else a server may ask for any file of ours
    set(MYSQL_OPT_LOCAL_INFILE, &local_infile);
    const unsigned protocol = source_.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET; // `localhost` is no secret socket
    set(MYSQL_OPT_PROTOCOL, &protocol);
    set(MYSQL_SET_CHARSET_NAME, "utf8mb4");
    set(MYSQL_INIT_COMMAND, session_settings);
    const my_bool encrypt = wants_tls(source_) ? 1 : 0;
    const my_bool verify = wants_tls(source_) && source_.tls == TableSource::Tls::Verify ? 1 : 0;
    if (verify != 0)
      mysql_ssl_set(connection_.get(), nullptr, nullptr, source_.ca.empty() ? nullptr : source_.ca.c_str(), nullptr, nullptr);
    set(MYSQL_OPT_SSL_ENFORCE, &encrypt);
    set(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
  }

  void query(const std::string &sql) {
    asked_ = Clock::now();
    if (mysql_real_query(connection_.get(), sql.data(), sql.size()) != 0)
      fail(sql);
  }

  std::size_t execute(const std::string &sql, const SqlValues &values, SqlRows *rows) {
    asked_ = Clock::now();
    const Prepared statement(mysql_stmt_init(connection_.get()));
    if (!statement)
      fail(sql);
    const auto failed = [&] {
      fail(sql, {mysql_stmt_errno(statement.get()), mysql_stmt_sqlstate(statement.get()), mysql_stmt_error(statement.get())});
    };
    Execution execution(statement.get(), values);
    SqlRows unread;
    if (!execution.run(sql) || !execution.read(rows != nullptr ? *rows : unread))
      failed();
    return static_cast<std::size_t>(mysql_stmt_affected_rows(statement.get()));
  }

  struct Answer {
    unsigned code;
    const char *sqlstate, *words;
  };

  [[noreturn]] void fail(const std::string &sql) const {
    fail(sql, {mysql_errno(connection_.get()), mysql_sqlstate(connection_.get()), mysql_error(connection_.get())});
  }

  [[noreturn]] void fail(const std::string &sql, const Answer &answer) const {
    const auto [code, sqlstate, words] = answer;
    const bool lost = is_lost(code);
    const bool silent = lost && Clock::now() - asked_ >= timeouts_.silence;
    const auto hint = silent ? fmt::format("; no answer within {} s", timeouts_.silence.count()) : lost ? "" : advice(code, source_);
    const auto text = fmt::format("{}: \"{}\": {} ({}){}", name(), sql.substr(0, 80), words, code, hint);
    if (lost && !silent)
      throw ConnectionLost(text);
    if (code == ER_LOCK_DEADLOCK || code == ER_LOCK_WAIT_TIMEOUT || code == ER_CHECKREAD)
      throw Outrun(text);
    if (silent)
      throw Unreachable(text);
    if (const std::string other = code == ER_NO_SUCH_TABLE ? missing_elsewhere(sql, words) : ""; !other.empty())
      throw TableError(Fault::Definition, fmt::format("{}; no statement of banpush names `{}`: a trigger or a view does", text, other));
    throw TableError(mysql_fault(code, sqlstate, words), text);
  }

  [[noreturn]] void fail_to_connect() const {
    const unsigned code = mysql_errno(connection_.get());
    const char *words = mysql_error(connection_.get());
    throw Unreachable(fmt::format("{}: connecting: {} ({}){}", name(), words, code, advice(code, source_)),
                      mysql_fault(code, mysql_sqlstate(connection_.get()), words));
  }

  std::vector<std::string> first_column(const std::string &sql, const SqlValues &values) {
    std::vector<std::string> names;
    for (auto &row : select(sql, values))
      names.push_back(row.front().value_or(""));
    return names;
  }

  std::string local_address() const {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(mysql_get_socket(connection_.get()), reinterpret_cast<sockaddr *>(&storage), &size) != 0)
      return {};
    Prefix::Bytes bytes{};
    if (storage.ss_family == AF_INET) {
      const auto &address = reinterpret_cast<const sockaddr_in &>(storage).sin_addr;
      std::copy_n(reinterpret_cast<const std::uint8_t *>(&address), 4, bytes.begin());
      return Prefix(Family::IPv4, bytes, 32).address();
    }
    if (storage.ss_family != AF_INET6)
      return {};
    const auto &address = reinterpret_cast<const sockaddr_in6 &>(storage).sin6_addr;
    std::copy_n(reinterpret_cast<const std::uint8_t *>(&address), 16, bytes.begin());
    return Prefix(Family::IPv6, bytes, 128).address();
  }

  TableSource source_;
  std::string password_;
  TableTimeouts timeouts_;
  Connection connection_;
  Clock::time_point asked_; // when the server was last asked, or last answered
};

} // namespace

std::unique_ptr<SqlSession> open_mysql_session(const TableSource &source, const std::string &password, const TableTimeouts &timeouts) {
  return std::make_unique<MysqlSession>(source, password, timeouts);
}

} // namespace banpush
