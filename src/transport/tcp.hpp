// A TCP connection with an end to every wait.
#pragma once

#include "core/address/prefix.hpp"
#include "transport/wait.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace banpush {

// `198.51.100.1 port 22`, for messages.
std::string place(const std::string &host, std::uint16_t port);

// Connects to a host name or address; of a name's addresses each is tried in turn for as long as
// `timeout`. Nagle's delay is off, keep-alive on as below. Throws Error (Connect) with what each of them said.
Descriptor connect_tcp(const std::string &host, std::uint16_t port, std::chrono::milliseconds timeout, const Cancellation &cancellation);

// A peer that has gone without a word is found after some 19 seconds of idleness, and 10 seconds after it was sent anything
// (tcp(7), TCP_USER_TIMEOUT): far below what routers and firewalls remember an idle connection for.
void set_keep_alive(int fd);
// Whether the peer's TCP has acknowledged all that was sent; true, too, where there is no TCP.
bool is_acknowledged(int fd);

// The address this end of the connection has: what the other end sees, where nothing translates between.
std::optional<Prefix> own_address(int fd);
// The address of the other end.
std::optional<Prefix> peer_address(int fd);

} // namespace banpush
