// A ban as a person or fail2ban names it, made into checked values.
#pragma once

#include "bans/ban_table.hpp"

#include <string>

namespace banpush {

// As people and the table write it: a single address without its length.
std::string ip_text(const Prefix &prefix);

// hostname empty: this host's own name. words.note says what is recorded otherwise than it was said. Throws Error (Usage)
// where the address or the time is none.
NewBan new_ban(const std::string &ip, const std::string &jail, const std::string &protocol, const std::string &port,
               const std::string &bantime, const std::string &hostname, const std::string &reason);

} // namespace banpush
