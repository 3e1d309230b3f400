// Who is written down for what is done: in the audit, with bans and pauses. state.hpp has actor(), for this process.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

namespace banpush {

// What is known of the user of a process.
struct Doer {
  uid_t user = 0;             // effective
  std::optional<uid_t> login; // who logged in, which no su or sudo changes (/proc/PID/loginuid); absence: nobody did, or it is unknown
  std::string sudo_user, sudo_uid;
};

// A user's name or number. For root it is whom sudo worked for: SUDO_USER where SUDO_UID is of the same user, and where
// somebody is known to have logged in, that one. For all others the environment proves nothing.
std::string name_of(const Doer &doer);

// NAME@HOST of a user who is at the other end of a socket.
std::string actor_of(uid_t user);

} // namespace banpush
