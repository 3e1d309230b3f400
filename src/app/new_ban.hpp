// A ban as a person or fail2ban names it, made into checked values.
#pragma once

#include "bans/ban_table.hpp"

#include <string>

namespace banpush {

// Each throws Error (Usage) naming the value and what is wrong with it.
void require_jail(const std::string &jail);
void require_hostname(const std::string &hostname);
// `22`, `ssh`, `http,https`, `8000:8100`, `all` or empty → as the table holds it: names resolved to
// numbers (services(5)), empty for all, joined by commas.
std::string port_of(const std::string &text, const std::string &protocol);
// `15m`, `1d`, `permanent`, seconds as fail2ban passes them (-1: permanent); nothing for empty.
std::optional<Seconds> bantime_of(const std::string &text);

// As people and the table write it: a single address without its length.
std::string ip_text(const Prefix &prefix);

// hostname empty: this host's own name.
NewBan new_ban(const std::string &ip, const std::string &jail, const std::string &protocol, const std::string &port,
               const std::string &bantime, const std::string &hostname, const std::string &reason);

} // namespace banpush
