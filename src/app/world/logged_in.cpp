#include "app/world/logged_in.hpp"

#include "app/state/state.hpp"
#include "files/open.hpp"
#include "transport/descriptor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utmp.h>

namespace banpush {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_sessions = 4096, most_ancestors = 64, most_environment = 1U << 20U;

std::optional<Prefix> host_address(std::string text) {
  text.resize(std::min(text.find('%'), text.size())); // a zone, such as fe80::1%eth0
  const auto prefix = Prefix::parse(text);
  return prefix && prefix->is_host() ? std::optional(*prefix) : std::nullopt;
}

// What is IPv4 within IPv6 as IPv4.
std::optional<Prefix> folded(const Prefix &address) { return host_address(address.address()); }

// A field of utmp, which need not end with a NUL.
template <std::size_t size>
std::string field(const char (&text)[size]) {
  return std::string(text, strnlen(text, size));
}

std::string local_minute(std::int64_t at) {
  const std::time_t time = static_cast<std::time_t>(at);
  std::tm local{};
  localtime_r(&time, &local);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &local);
  return text.data();
}

struct Session {
  LoggedIn login;
  pid_t pid = 0;
};

// Read by ourselves: getutent(3) waits up to ten seconds for a lock that others may hold, by an alarm of the whole process.
std::vector<Session> sessions_of_utmp() {
  std::vector<Session> sessions;
  const Descriptor file(::open("/run/utmp", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat about {};
  if (!file || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode))
    return sessions;
  struct utmp entry {};
  for (std::size_t i = 0; i < most_sessions && ::read(file.get(), &entry, sizeof entry) == sizeof entry; ++i) {
    std::uint32_t words[4];
    std::memcpy(words, entry.ut_addr_v6, sizeof words);
    const auto from = address_of_login(field(entry.ut_host), words);
    if (entry.ut_type != USER_PROCESS || entry.ut_pid <= 0 || !from)
      continue;
    const std::int64_t since = entry.ut_tv.tv_sec;
    sessions.push_back(
        {{*from, fmt::format("{} on {} since {}", shown(field(entry.ut_user), 40), shown(field(entry.ut_line), 40), local_minute(since)),
          since},
         entry.ut_pid});
  }
  return sessions;
}

struct Process {
  std::string name;
  pid_t parent = 0;
  uid_t user = 0;
};

std::optional<Process> process(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  Process found;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string key;
    fields >> key;
    if (key == "Name:")
      fields >> found.name;
    else if (key == "PPid:")
      fields >> found.parent;
    else if (key == "Uid:")
      fields >> found.user;
  }
  return found.name.empty() ? std::nullopt : std::optional(found);
}

bool is_sshd(const Process &process) { return process.name == "sshd" || process.name == "sshd-session"; }

// The sshd of a session that utmp knows by this process: itself, or, where root has logged in, the shell's parent. It is
// one below a process of root's sshd: a user may call a program `sshd`, and write into utmp by way of others, but not have
// it there. A process that is hidden from us (hidepid) but lives is taken for what utmp says it is.
std::optional<pid_t> sshd_of(pid_t pid) {
  constexpr int itself_and_parent = 2;
  for (int i = 0; i < itself_and_parent; ++i) {
    const auto one = process(pid);
    if (!one)
      return i == 0 && ::kill(pid, 0) != 0 && errno == EPERM ? std::optional(pid) : std::nullopt;
    const auto parent = process(one->parent);
    if (is_sshd(*one))
      return parent && is_sshd(*parent) && parent->user == 0 ? std::optional(pid) : std::nullopt;
    pid = one->parent;
  }
  return std::nullopt;
}

// The first ten fields of a line between blanks; empty where there are fewer.
std::array<std::string_view, 10> fields_of(std::string_view line) {
  std::array<std::string_view, 10> fields{};
  for (std::string_view &field : fields) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    field = line.substr(0, line.find(' '));
    line.remove_prefix(field.size());
  }
  return fields;
}

std::optional<std::uint32_t> hexadecimal(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// `0100007F:0016`: the address in words of the host's own order, and the port.
std::optional<std::pair<Prefix, std::uint16_t>> end_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != 8 && colon != 32)
    return std::nullopt;
  Prefix::Bytes bytes{};
  for (std::size_t word = 0; word < colon / 8; ++word) {
    const auto value = hexadecimal(text.substr(8 * word, 8));
    if (!value)
      return std::nullopt;
    std::memcpy(bytes.data() + 4 * word, &*value, 4);
  }
  const auto port = hexadecimal(text.substr(colon + 1));
  const bool is_v4 = colon == 8;
  const auto address = folded(Prefix(is_v4 ? Family::IPv4 : Family::IPv6, bytes, is_v4 ? 32 : 128));
  if (!port || *port > 65535 || !address)
    return std::nullopt;
  return std::pair{*address, static_cast<std::uint16_t>(*port)};
}

std::string content_of(const std::string &path, std::size_t most) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::array<char, 65536> part{};
  while (text.size() < most && (file.read(part.data(), part.size()), file.gcount() > 0))
    text.append(part.data(), static_cast<std::size_t>(file.gcount()));
  return text;
}

// What the kernel knows of connections where a process is; read once for each network namespace.
class SocketTables {
public:
  const std::vector<Connection> &seen_by(pid_t pid) {
    std::error_code none;
    const std::string space = fs::read_symlink(fmt::format("/proc/{}/ns/net", pid), none).string();
    const auto [known, is_new] = tables_.try_emplace(none ? "" : space);
    if (is_new) {
      const std::string folder = none ? "/proc/self/net" : fmt::format("/proc/{}/net", pid);
      constexpr std::size_t most = 256U << 20U;
      for (const char *name : {"/tcp", "/tcp6"}) {
        auto part = connections_in(content_of(folder + name, most));
        known->second.insert(known->second.end(), part.begin(), part.end());
      }
    }
    return known->second;
  }

private:
  std::map<std::string, std::vector<Connection>> tables_;
};

// The sockets that a process holds, by inode; empty where that is not for us to see.
std::set<std::uint64_t> sockets_of(pid_t pid) {
  std::set<std::uint64_t> inodes;
  std::error_code none;
  for (fs::directory_iterator one(fmt::format("/proc/{}/fd", pid), none), end; !none && one != end; one.increment(none)) {
    std::error_code gone;
    const std::string target = fs::read_symlink(one->path(), gone).string();
    std::uint64_t inode = 0;
    constexpr std::string_view prefix = "socket:[";
    if (target.rfind(prefix, 0) == 0 &&
        std::from_chars(target.data() + prefix.size(), target.data() + target.size(), inode).ec == std::errc{})
      inodes.insert(inode);
  }
  return inodes;
}

// The session's sshd holds a connection from there; where its descriptors are not for us to see, somebody does.
bool is_connected(const Prefix &from, pid_t sshd, SocketTables &tables) {
  std::set<std::uint64_t> held = sockets_of(sshd);
  if (const auto self = process(sshd))
    held.merge(sockets_of(self->parent));
  const auto &all = tables.seen_by(sshd);
  if (all.empty()) // no such table here: utmp and the process have to do
    return held.empty();
  return std::any_of(all.begin(), all.end(),
                     [&](const Connection &one) { return one.remote == from && (held.empty() || held.count(one.inode) != 0); });
}

std::optional<std::string> variable_in(const std::string &environment, std::string_view name) {
  for (std::size_t at = 0; at < environment.size();) {
    const std::size_t end = std::min(environment.find('\0', at), environment.size());
    const std::string_view one(environment.data() + at, end - at);
    if (one.size() > name.size() && one.substr(0, name.size()) == name && one[name.size()] == '=')
      return std::string(one.substr(name.size() + 1));
    at = end + 1;
  }
  return std::nullopt;
}

// sshd's `client port server port`, while that connection stands where the process is. What started this one long ago may
// have been somebody's shell: its connection is over then, and protects nobody.
std::optional<LoggedIn> session_of(const std::string &ssh_connection, pid_t pid, SocketTables &tables) {
  std::istringstream fields(ssh_connection);
  std::string client, server;
  std::uint16_t client_port = 0, server_port = 0;
  if (!(fields >> client >> client_port >> server >> server_port))
    return std::nullopt;
  const auto from = host_address(client);
  const auto &all = tables.seen_by(pid);
  const bool stands = from && std::any_of(all.begin(), all.end(), [&](const Connection &one) {
                        return one.remote == *from && one.remote_port == client_port && one.local_port == server_port;
                      });
  if (!stands)
    return std::nullopt;
  return LoggedIn{*from, fmt::format("the session that this was called from (SSH_CONNECTION, port {})", client_port), 0};
}

// Of this process and those above it: sudo leaves the variable out of the environment of what it starts.
std::optional<LoggedIn> session_of_caller(SocketTables &tables) {
  if (const char *own = std::getenv("SSH_CONNECTION"))
    if (auto login = session_of(own, ::getpid(), tables))
      return login;
  pid_t pid = ::getppid();
  for (std::size_t i = 0; i < most_ancestors && pid > 1; ++i) {
    if (const auto connection = variable_in(content_of(fmt::format("/proc/{}/environ", pid), most_environment), "SSH_CONNECTION"))
      if (auto login = session_of(*connection, pid, tables))
        return login;
    const auto above = process(pid);
    pid = above ? above->parent : 0;
  }
  return std::nullopt;
}

} // namespace

std::optional<Prefix> address_of_login(const std::string &host, const std::uint32_t (&words)[4]) {
  if (auto address = host_address(host))
    return address;
  const bool is_v4 = words[1] == 0 && words[2] == 0 && words[3] == 0;
  if (is_v4 && words[0] == 0)
    return std::nullopt;
  Prefix::Bytes bytes{};
  std::memcpy(bytes.data(), words, is_v4 ? 4 : 16);
  const Prefix address(is_v4 ? Family::IPv4 : Family::IPv6, bytes, is_v4 ? 32 : 128);
  return folded(address);
}

std::vector<Connection> connections_in(const std::string &table) {
  constexpr std::string_view established = "01";
  constexpr std::size_t local = 1, remote = 2, state = 3, inode = 9; // fields
  std::vector<Connection> found;
  for (std::size_t at = 0; at < table.size();) {
    const std::size_t end = std::min(table.find('\n', at), table.size());
    const auto fields = fields_of(std::string_view(table).substr(at, end - at));
    at = end + 1;
    if (fields[state] != established)
      continue;
    const auto here = end_of(fields[local]), there = end_of(fields[remote]);
    Connection one;
    if (!here || !there || std::from_chars(fields[inode].data(), fields[inode].data() + fields[inode].size(), one.inode).ec != std::errc{})
      continue;
    one.remote = there->first;
    one.remote_port = there->second;
    one.local_port = here->second;
    found.push_back(one);
  }
  return found;
}

std::vector<LoggedIn> logged_in() {
  SocketTables tables;
  std::vector<LoggedIn> logins;
  const auto add = [&](LoggedIn login) {
    if (std::none_of(logins.begin(), logins.end(), [&](const LoggedIn &known) { return known.from == login.from; }))
      logins.push_back(std::move(login));
  };
  for (const Session &session : sessions_of_utmp())
    if (const auto sshd = sshd_of(session.pid); sshd && is_connected(session.login.from, *sshd, tables))
      add(session.login);
  if (auto login = session_of_caller(tables))
    add(std::move(*login));
  return logins;
}

std::vector<LoggedIn> protected_logins(const std::string &state) {
  std::vector<LoggedIn> logins = logged_in();
  if (logins.empty() || !file_exists(state).value_or(true))
    return logins;
  State known(state);
  std::erase_if(logins, [&](const LoggedIn &login) {
    const auto at = known.banned_despite_login(login.from);
    return at && *at >= login.since;
  });
  return logins;
}

std::vector<NamedPrefix> of_logins(const std::vector<LoggedIn> &logins) {
  std::vector<NamedPrefix> found;
  for (const LoggedIn &login : logins)
    found.push_back({login.from, "logged in here: " + login.who});
  return found;
}

} // namespace banpush
