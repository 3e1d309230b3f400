// The protected set that is found by itself: what must never be banned because this host, its devices,
// its table or its neighbours are there.
#pragma once

#include "core/config.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace banpush {

// Loopback, link-local, multicast, unspecified and broadcast (RFC 6890, RFC 4291): no packet that a
// router should judge comes from there.
std::vector<NamedPrefix> never_banned();

// This host's own addresses, the next hops of its default and other routes, and its name servers.
std::vector<NamedPrefix> of_this_host();

// The addresses of host names, all asked for at once, as far as they come in time. Names that are
// addresses need no asking.
std::map<std::string, std::vector<Prefix>> resolve(const std::vector<std::string> &names, std::chrono::milliseconds patience);

// Every device's address and every table's host; names that do not resolve are left out, since nothing
// can be reached there either.
std::vector<NamedPrefix> of_devices_and_tables(const Config &config);

// The reporters of bans: (host name, address) as the database saw them, and what their names resolve to.
std::vector<NamedPrefix> of_reporters(const Bans &bans, const std::vector<std::pair<std::string, std::string>> &seen);

// Puts the prefixes of policy.protect's host names into each policy. Throws Error (Config) naming the
// first that does not resolve: what must be protected and cannot be found stops everything.
void resolve_protected_hosts(Config &config);

} // namespace banpush
