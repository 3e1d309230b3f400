#include "bans/fault.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

namespace banpush {

namespace {

struct Known {
  unsigned code;
  Fault fault;
};

// MariaDB: https://mariadb.com/kb/en/mariadb-error-code-reference/; names as in mysqld_error.h. Where MySQL has given a
// number another meaning than MariaDB, the number is left out.
constexpr Known server_codes[] = {
    {1005, Fault::Definition}, // CANT_CREATE_TABLE
    {1015, Fault::Damaged},    // CANT_LOCK
    {1016, Fault::Damaged},    // CANT_OPEN_FILE
    {1017, Fault::Damaged},    // FILE_NOT_FOUND
    {1018, Fault::Damaged},    // CANT_READ_DIR
    {1020, Fault::Contention}, // CHECKREAD: changed since it was read
    {1021, Fault::Full},       // DISK_FULL
    {1023, Fault::Damaged},    // ERROR_ON_CLOSE
    {1024, Fault::Damaged},    // ERROR_ON_READ
    {1026, Fault::Damaged},    // ERROR_ON_WRITE
    {1032, Fault::Damaged},    // KEY_NOT_FOUND
    {1033, Fault::Damaged},    // NOT_FORM_FILE
    {1034, Fault::Damaged},    // NOT_KEYFILE
    {1035, Fault::Damaged},    // OLD_KEYFILE
    {1036, Fault::Damaged},    // OPEN_AS_READONLY: the server may not write its files
    {1037, Fault::Limit},      // OUTOFMEMORY
    {1038, Fault::Limit},      // OUT_OF_SORTMEMORY
    {1039, Fault::Damaged},    // UNEXPECTED_EOF
    {1040, Fault::Limit},      // CON_COUNT_ERROR: too many connections
    {1041, Fault::Limit},      // OUT_OF_RESOURCES
    {1042, Fault::Connection}, // BAD_HOST_ERROR
    {1043, Fault::Connection}, // HANDSHAKE_ERROR
    {1044, Fault::Right},      // DBACCESS_DENIED_ERROR
    {1045, Fault::Login},      // ACCESS_DENIED_ERROR
    {1046, Fault::NoDatabase}, // NO_DB_ERROR
    {1047, Fault::Unready},    // UNKNOWN_COM_ERROR: a Galera node that is not ready answers so
    {1048, Fault::Value},      // BAD_NULL_ERROR
    {1049, Fault::NoDatabase}, // BAD_DB_ERROR
    {1051, Fault::NoTable},    // BAD_TABLE_ERROR
    {1053, Fault::Unready},    // SERVER_SHUTDOWN
    {1054, Fault::Definition}, // BAD_FIELD_ERROR
    {1062, Fault::Definition}, // DUP_ENTRY: banpush writes no key twice, so it is one that somebody has added
    {1077, Fault::Unready},    // NORMAL_SHUTDOWN
    {1078, Fault::Unready},    // GOT_SIGNAL
    {1079, Fault::Unready},    // SHUTDOWN_COMPLETE
    {1080, Fault::Unready},    // FORCING_CLOSE
    {1114, Fault::Full},       // RECORD_FILE_FULL
    {1129, Fault::Login},      // HOST_IS_BLOCKED
    {1130, Fault::Login},      // HOST_NOT_PRIVILEGED
    {1135, Fault::Limit},      // CANT_CREATE_THREAD
    {1142, Fault::Right},      // TABLEACCESS_DENIED_ERROR
    {1143, Fault::Right},      // COLUMNACCESS_DENIED_ERROR
    {1146, Fault::NoTable},    // NO_SUCH_TABLE
    {1152, Fault::Connection}, // ABORTING_CONNECTION
    {1153, Fault::Limit},      // NET_PACKET_TOO_LARGE: of max_allowed_packet
    {1154, Fault::Connection}, // NET_READ_ERROR_FROM_PIPE
    {1155, Fault::Connection}, // NET_FCNTL_ERROR
    {1156, Fault::Connection}, // NET_PACKETS_OUT_OF_ORDER
    {1157, Fault::Connection}, // NET_UNCOMPRESS_ERROR
    {1158, Fault::Connection}, // NET_READ_ERROR
    {1159, Fault::Connection}, // NET_READ_INTERRUPTED
    {1160, Fault::Connection}, // NET_ERROR_ON_WRITE
    {1161, Fault::Connection}, // NET_WRITE_INTERRUPTED
    {1180, Fault::Contention}, // ERROR_DURING_COMMIT
    {1184, Fault::Connection}, // NEW_ABORTING_CONNECTION
    {1192, Fault::Contention}, // LOCK_OR_ACTIVE_TRANSACTION
    {1194, Fault::Damaged},    // CRASHED_ON_USAGE
    {1195, Fault::Damaged},    // CRASHED_ON_REPAIR
    {1197, Fault::Limit},      // TRANS_CACHE_FULL
    {1203, Fault::Limit},      // TOO_MANY_USER_CONNECTIONS
    {1205, Fault::Contention}, // LOCK_WAIT_TIMEOUT
    {1206, Fault::Contention}, // LOCK_TABLE_FULL
    {1207, Fault::ReadOnly},   // READ_ONLY_TRANSACTION
    {1213, Fault::Contention}, // LOCK_DEADLOCK, and Galera's certification
    {1216, Fault::Definition}, // NO_REFERENCED_ROW
    {1223, Fault::ReadOnly},   // CANT_UPDATE_WITH_READLOCK
    {1226, Fault::Limit},      // USER_LIMIT_REACHED: MAX_QUERIES_PER_HOUR and its like
    {1227, Fault::Right},      // SPECIFIC_ACCESS_DENIED_ERROR
    {1251, Fault::Login},      // NOT_SUPPORTED_AUTH_MODE
    {1264, Fault::Value},      // WARN_DATA_OUT_OF_RANGE
    {1265, Fault::Value},      // DATA_TRUNCATED
    {1275, Fault::Login},      // SERVER_IS_IN_SECURE_AUTH_MODE
    {1286, Fault::Damaged},    // UNKNOWN_STORAGE_ENGINE
    {1288, Fault::Definition}, // NON_UPDATABLE_TABLE: a view
    {1290, Fault::ReadOnly},   // OPTION_PREVENTS_STATEMENT: --read-only
    {1292, Fault::Value},      // TRUNCATED_WRONG_VALUE
    {1297, Fault::Contention}, // GET_TEMPORARY_ERRMSG
    {1317, Fault::Limit},      // QUERY_INTERRUPTED
    {1356, Fault::Definition}, // VIEW_INVALID
    {1364, Fault::Definition}, // NO_DEFAULT_FOR_FIELD: a column of somebody else's
    {1366, Fault::Value},      // TRUNCATED_WRONG_VALUE_FOR_FIELD
    {1367, Fault::Value},      // ILLEGAL_VALUE_FOR_TYPE
    {1369, Fault::Value},      // VIEW_CHECK_FAILED
    {1370, Fault::Right},      // PROCACCESS_DENIED_ERROR
    {1406, Fault::Value},      // DATA_TOO_LONG
    {1411, Fault::Value},      // WRONG_VALUE_FOR_TYPE
    {1412, Fault::Contention}, // TABLE_DEF_CHANGED: altered at this moment
    {1429, Fault::Unready},    // CONNECT_TO_FOREIGN_DATA_SOURCE: the table is another server's
    {1430, Fault::Unready},    // QUERY_ON_FOREIGN_DATA_SOURCE
    {1449, Fault::Definition}, // NO_SUCH_USER: the definer of a view or trigger
    {1452, Fault::Definition}, // NO_REFERENCED_ROW_2
    {1457, Fault::Damaged},    // SP_PROC_TABLE_CORRUPT
    {1459, Fault::Damaged},    // TABLE_NEEDS_UPGRADE
    {1461, Fault::Limit},      // MAX_PREPARED_STMT_COUNT_REACHED
    {1467, Fault::Full},       // AUTOINC_READ_FAILED
    {1471, Fault::Definition}, // NON_INSERTABLE_TABLE
    {1526, Fault::Definition}, // NO_PARTITION_FOR_GIVEN_VALUE
    {1615, Fault::Contention}, // NEED_REPREPARE
    {1637, Fault::Limit},      // TOO_MANY_CONCURRENT_TRXS
    {1689, Fault::Contention}, // LOCK_ABORTED
    {1698, Fault::Login},      // ACCESS_DENIED_NO_PASSWORD_ERROR
    {1712, Fault::Damaged},    // INDEX_CORRUPT
    {1792, Fault::ReadOnly},   // CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
    {1812, Fault::Damaged},    // TABLESPACE_MISSING
    {1814, Fault::Damaged},    // TABLESPACE_DISCARDED
    {1820, Fault::Login},      // MUST_CHANGE_PASSWORD
    {1836, Fault::ReadOnly},   // READ_ONLY_MODE
    {1862, Fault::Login},      // MUST_CHANGE_PASSWORD_LOGIN
    {1877, Fault::Damaged},    // TABLE_CORRUPT
    {1878, Fault::Full},       // TEMP_FILE_WRITE_FAILURE
    {1927, Fault::Connection}, // CONNECTION_KILLED
    {1932, Fault::Damaged},    // NO_SUCH_TABLE_IN_ENGINE
    {1964, Fault::Contention}, // PRIOR_COMMIT_FAILED
    {1969, Fault::Limit},      // STATEMENT_TIMEOUT: max_statement_time
    {2001, Fault::Connection}, // CR_SOCKET_CREATE_ERROR
    {2002, Fault::Connection}, // CR_CONNECTION_ERROR
    {2003, Fault::Connection}, // CR_CONN_HOST_ERROR
    {2004, Fault::Connection}, // CR_IPSOCK_ERROR
    {2005, Fault::Connection}, // CR_UNKNOWN_HOST
    {2006, Fault::Connection}, // CR_SERVER_GONE_ERROR
    {2008, Fault::Limit},      // CR_OUT_OF_MEMORY
    {2012, Fault::Connection}, // CR_SERVER_HANDSHAKE_ERR
    {2013, Fault::Connection}, // CR_SERVER_LOST
    {2014, Fault::Connection}, // CR_COMMANDS_OUT_OF_SYNC
    {2027, Fault::Connection}, // CR_MALFORMED_PACKET
    {2049, Fault::Login},      // CR_SECURE_AUTH
    {2055, Fault::Connection}, // CR_SERVER_LOST_EXTENDED
    {2059, Fault::Login},      // CR_AUTH_PLUGIN_CANNOT_LOAD
    {2061, Fault::Login},      // CR_AUTH_PLUGIN_ERR
    {3118, Fault::Login},      // MySQL's ACCOUNT_HAS_BEEN_LOCKED
    {3572, Fault::Contention}, // MySQL's LOCK_NOWAIT
    {3819, Fault::Value},      // MySQL's CHECK_CONSTRAINT_VIOLATED
    {4025, Fault::Value},      // CONSTRAINT_FAILED
    {4151, Fault::Login},      // ACCOUNT_HAS_BEEN_LOCKED
    {5013, Fault::Connection}, // CR_ERR_NET_READ
    {5014, Fault::Connection}, // CR_ERR_NET_WRITE
};

// What a storage engine says: alone, or within 1030 GET_ERRNO and others as `error N`. Below 120 errno(3) of the server's
// system, from there on my_base.h, both as perror(1) shows them.
constexpr Known engine_codes[] = {
    {2, Fault::Damaged},      // no such file
    {5, Fault::Damaged},      // input/output error
    {11, Fault::Contention},  // try again
    {12, Fault::Limit},       // memory
    {13, Fault::Damaged},     // permission denied: to the server
    {23, Fault::Limit},       // files in the system
    {24, Fault::Limit},       // open files
    {27, Fault::Full},        // file too large
    {28, Fault::Full},        // no space left
    {30, Fault::Damaged},     // read-only file system
    {120, Fault::Damaged},    // key not found
    {121, Fault::Definition}, // duplicate key
    {123, Fault::Contention}, // somebody has changed the row
    {124, Fault::Damaged},    // wrong index
    {126, Fault::Damaged},    // index corrupted
    {127, Fault::Damaged},    // file corrupted
    {128, Fault::Limit},      // memory
    {130, Fault::Damaged},    // file format
    {131, Fault::Definition}, // the engine cannot do this
    {132, Fault::Damaged},    // old file
    {133, Fault::Damaged},    // no record read
    {134, Fault::Damaged},    // record deleted, or file crashed
    {135, Fault::Full},       // record file
    {136, Fault::Full},       // index file
    {138, Fault::Damaged},    // unsupported extension
    {139, Fault::Value},      // row too big
    {140, Fault::Damaged},    // create options
    {141, Fault::Definition}, // duplicate unique key
    {142, Fault::Damaged},    // character set
    {143, Fault::Damaged},    // tables of a MERGE
    {144, Fault::Damaged},    // crashed, last repair failed
    {145, Fault::Damaged},    // marked as crashed
    {146, Fault::Contention}, // lock timed out
    {147, Fault::Contention}, // lock table full
    {148, Fault::ReadOnly},   // transaction
    {149, Fault::Contention}, // deadlock
    {151, Fault::Definition}, // foreign key
    {155, Fault::Damaged},    // not there in the engine
    {157, Fault::Unready},    // the engine has no connection
    {159, Fault::Contention}, // changed in the engine
    {160, Fault::Definition}, // no partition for it
    {164, Fault::Damaged},    // needs an upgrade
    {165, Fault::Damaged},    // table is read only
    {166, Fault::Full},       // auto increment
    {167, Fault::Full},       // auto increment
    {172, Fault::Damaged},    // a newer format
    {175, Fault::Damaged},    // file too short
    {176, Fault::Damaged},    // checksum of a page
    {177, Fault::Limit},      // transactions
    {180, Fault::Damaged},    // index corrupted
    {188, Fault::Limit},      // interrupted
    {189, Fault::Full},       // disk
    {190, Fault::Damaged},    // definition in the engine
    {192, Fault::Damaged},    // decryption
    {194, Fault::Damaged},    // tablespace missing
    {199, Fault::Damaged},    // encryption
};

// How GnuTLS, OpenSSL and the client libraries say that the other end is not who it should be; and that it speaks no TLS.
constexpr std::string_view tls_words[] = {"ertificate", "not match", "erification"};
constexpr std::string_view no_tls_words[] = {"required", "not support"};

struct KnownState {
  std::string_view begins;
  Fault fault;
};

// SQLSTATE as ISO/IEC 9075-2 has its classes; asked where the code is not in the table.
constexpr KnownState states[] = {
    {"25006", Fault::ReadOnly}, {"42S02", Fault::NoTable}, {"42S22", Fault::Definition}, {"42000", Fault::Unknown},
    {"70100", Fault::Limit},    {"08", Fault::Connection}, {"22", Fault::Value},         {"23", Fault::Definition},
    {"25", Fault::Contention},  {"28", Fault::Login},      {"3D", Fault::NoDatabase},    {"40", Fault::Contention},
    {"42", Fault::Definition},  {"44", Fault::Value},      {"53", Fault::Limit},         {"57", Fault::Unready},
};

// https://www.sqlite.org/rescode.html; extended codes first, then the primary ones that are their last byte.
constexpr Known sqlite_codes[] = {
    {275, Fault::Value},       // CONSTRAINT_CHECK
    {1299, Fault::Value},      // CONSTRAINT_NOTNULL
    {3091, Fault::Value},      // CONSTRAINT_DATATYPE
    {3082, Fault::Limit},      // IOERR_NOMEM
    {2826, Fault::Contention}, // IOERR_BLOCKED
    {3850, Fault::Contention}, // IOERR_LOCK
    {3, Fault::Right},         // PERM
    {4, Fault::Contention},    // ABORT
    {5, Fault::Contention},    // BUSY
    {6, Fault::Contention},    // LOCKED
    {7, Fault::Limit},         // NOMEM
    {8, Fault::Right},         // READONLY
    {9, Fault::Limit},         // INTERRUPT
    {10, Fault::Damaged},      // IOERR
    {11, Fault::Damaged},      // CORRUPT
    {13, Fault::Full},         // FULL
    {14, Fault::Right},        // CANTOPEN
    {15, Fault::Contention},   // PROTOCOL
    {17, Fault::Contention},   // SCHEMA: altered at this moment
    {18, Fault::Value},        // TOOBIG
    {19, Fault::Definition},   // CONSTRAINT
    {20, Fault::Value},        // MISMATCH
    {23, Fault::Right},        // AUTH
    {26, Fault::Damaged},      // NOTADB
};

template <std::size_t Size>
std::optional<Fault> in(const Known (&codes)[Size], unsigned code) noexcept {
  const auto found = std::find_if(std::begin(codes), std::end(codes), [&](const Known &known) { return known.code == code; });
  return found == std::end(codes) ? std::nullopt : std::optional{found->fault};
}

bool says(std::string_view words, std::string_view part) noexcept { return words.find(part) != std::string_view::npos; }

// The number behind `error ` (1030), `errno: ` (1005, 1016 …) or `Got error ` (1180).
std::optional<Fault> engine_fault_in(std::string_view words) noexcept {
  for (const std::string_view mark : {"errno: ", "error "})
    if (const auto at = words.find(mark); at != std::string_view::npos) {
      unsigned code = 0;
      const char *first = words.data() + at + mark.size();
      if (std::from_chars(first, words.data() + words.size(), code).ec == std::errc{})
        return in(engine_codes, code);
    }
  return std::nullopt;
}

// The engine's code says more than that one was got.
bool is_got_from_engine(unsigned code) noexcept {
  constexpr unsigned codes[] = {1005, 1015, 1016, 1017, 1023, 1024, 1026, 1030, 1180, 1296, 1297};
  return std::find(std::begin(codes), std::end(codes), code) != std::end(codes);
}

} // namespace

Fault mysql_fault(unsigned code, std::string_view sqlstate, std::string_view words) noexcept {
  constexpr unsigned first_of_server = 1000, tls = 2026;
  if (code < first_of_server)
    return in(engine_codes, code).value_or(Fault::Unknown);
  if (code == tls) { // one code for what somebody has to mend and for a connection that broke
    const auto is_said = [&](std::string_view part) { return says(words, part); };
    if (std::any_of(std::begin(tls_words), std::end(tls_words), is_said))
      return Fault::Tls;
    return std::any_of(std::begin(no_tls_words), std::end(no_tls_words), is_said) ? Fault::NoTls : Fault::Connection;
  }
  if (is_got_from_engine(code))
    if (const auto fault = engine_fault_in(words))
      return *fault;
  if (const auto fault = in(server_codes, code))
    return *fault;
  for (const KnownState &state : states)
    if (sqlstate.substr(0, state.begins.size()) == state.begins)
      return state.fault;
  return Fault::Unknown;
}

Fault sqlite_fault(int code, std::string_view words) noexcept {
  constexpr unsigned error = 1; // ERROR: of the statement; only its words say more
  const auto number = static_cast<unsigned>(code);
  if ((number & 0xffU) == error) {
    if (says(words, "no such table"))
      return Fault::NoTable;
    return says(words, "no such column") || says(words, "has no column") ? Fault::Definition : Fault::Unknown;
  }
  if (const auto fault = in(sqlite_codes, number))
    return *fault;
  return in(sqlite_codes, number & 0xffU).value_or(Fault::Unknown);
}

Retry retry_of(Fault fault) noexcept {
  switch (fault) {
  case Fault::Connection:
  case Fault::Contention:
  case Fault::Unready:
  case Fault::ReadOnly:
  case Fault::Limit: return Retry::Now;
  case Fault::Login:
  case Fault::Tls:
  case Fault::NoTls:
  case Fault::Right:
  case Fault::NoDatabase:
  case Fault::NoTable:
  case Fault::Definition:
  case Fault::Damaged:
  case Fault::Full:
  case Fault::Unknown: return Retry::Later;
  case Fault::Value: return Retry::Never;
  }
  return Retry::Later;
}

std::string_view remedy_of(Fault fault) noexcept {
  switch (fault) {
  case Fault::Connection:
  case Fault::Contention:
  case Fault::Unready:
  case Fault::ReadOnly:
  case Fault::Limit:
  case Fault::Value: return "";
  case Fault::Login: return "see that user and password in `bans` are those of the server, and that it lets this host in";
  case Fault::Tls: return "`tls: verify` wants a certificate for this name from a known authority (`ca`); `tls: off` is for loopback";
  case Fault::NoTls: return "have the server offer TLS (a certificate and key: `ssl_cert`, `ssl_key`); `tls: off` is for loopback";
  case Fault::Right: return "see that this user may read and write it: docs/ban-table.md lists the rights (SQLite: file and folder)";
  case Fault::NoDatabase: return "create the database, then `banpush init`";
  case Fault::NoTable: return "`banpush init` creates what is missing; see that `table` and the database in `bans` are the ones meant";
  case Fault::Definition: return "compare the table with config/ban_table.sql: a column, key, view or trigger is another one";
  case Fault::Damaged: return "repair the table or restore it, and see to the disk it lies on";
  case Fault::Full: return "make room on the disk of the table, or raise what the table may take";
  case Fault::Unknown: return "see to the table: this error is not known to pass by itself";
  }
  return "";
}

std::string_view word(Retry retry) noexcept {
  switch (retry) {
  case Retry::Now: return "now";
  case Retry::Later: return "later";
  case Retry::Never: return "never";
  }
  return "later";
}

namespace {

std::string with_remedy(Fault fault, const std::string &text) {
  const std::string_view remedy = remedy_of(fault);
  return remedy.empty() || text.ends_with(remedy) ? text : text + "; " + std::string(remedy);
}

} // namespace

TableError::TableError(Fault fault, const std::string &text)
    : Error(retry_of(fault) == Retry::Never ? ErrorKind::Usage : ErrorKind::Table, with_remedy(fault, text)), fault_(fault) {}

} // namespace banpush
