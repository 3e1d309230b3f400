// Who is logged in to this host over SSH: where they come from must not be banned here.
#pragma once

#include "settings/config.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace banpush {

struct LoggedIn {
  Prefix from;
  std::string who;        // for people: `ann on pts/0 since 2026-11-28 09:15`
  std::int64_t since = 0; // seconds since the epoch; 0: not known
};

// The sessions of utmp whose sshd lives and still has the connection, and the session that this process was started in
// (SSH_CONNECTION, here or in a process that it descends from), while its connection stands. Somebody who is connected
// and not logged in is none. What cannot be read says nothing: no session is made up.
std::vector<LoggedIn> logged_in();

// Without those that a person has banned all the same (`ban --even-if-logged-in`) since they began; `state` is the path of
// the state file.
std::vector<LoggedIn> protected_logins(const std::string &state);

// As lines of the protected set.
std::vector<NamedPrefix> of_logins(const std::vector<LoggedIn> &logins);

// Parts, for tests.
struct Connection {
  Prefix remote;
  std::uint16_t remote_port = 0, local_port = 0;
  std::uint64_t inode = 0;
};
// The established connections of /proc/net/tcp and tcp6 (proc(5)); lines that are none are left out.
std::vector<Connection> connections_in(const std::string &table);
// Of a utmp entry: the host, where it is an address; else ut_addr_v6, which is IPv4 where only the first word is set.
std::optional<Prefix> address_of_login(const std::string &host, const std::uint32_t (&words)[4]);

} // namespace banpush
