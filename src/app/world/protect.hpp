// The protected set that is found by itself: what must never be banned because this host, its devices,
// its table or its neighbours are there.
#pragma once

#include "app/world/names.hpp"
#include "settings/config.hpp"

#include <string>
#include <utility>
#include <vector>

namespace banpush {

// Loopback, link-local, multicast, unspecified and broadcast (RFC 6890, RFC 4291): no packet that a
// router should judge comes from there.
std::vector<NamedPrefix> never_banned();

// This host's own addresses, the next hops of its routes in all tables, and its name servers, also those that a resolver on
// this host asks.
std::vector<NamedPrefix> of_this_host();

// Every device's address and every table's host; names that nothing is known of are left out, since nothing can be
// reached there either.
std::vector<NamedPrefix> of_devices_and_tables(const Config &config, const NameAnswers &names);

// The reporters of bans: (host name, address) as the database saw them; their names, as many as are looked up, and what
// those stand for.
std::vector<NamedPrefix> of_reporters(const std::vector<std::pair<std::string, std::string>> &seen);
std::vector<std::string> reporter_names(const Bans &bans);
std::vector<NamedPrefix> of_reporters(const std::vector<std::string> &reporters, const NameAnswers &names);

} // namespace banpush
