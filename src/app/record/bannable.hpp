// What must never be banned, as far as a ban that is being recorded can be told so.
#pragma once

#include "app/world/names.hpp"
#include "app/world/world.hpp"

#include <string>
#include <utility>
#include <vector>

namespace banpush {

using Reporters = std::vector<std::pair<std::string, std::string>>; // host name, address

// Throws Error (Guard) where the address may not be banned by what is known without asking anybody: the allowlist, the
// configuration's own lines, this host's addresses, the reporters, those logged in. Says what stays open in a wider ban.
void require_bannable(const Settings &settings, const Config &config, const Prefix &ip, const Reporters &reporters,
                      const std::vector<NamedPrefix> &logins);

// The same by what the names in the configuration stand for: protected hosts, devices, tables. Returns what is wrong with
// those of the protected hosts that cannot be told: the ban is recorded, because no device is pushed to meanwhile.
std::vector<std::string> require_bannable_by_names(const Settings &settings, Config config, const Prefix &ip, const NameAnswers &names);

} // namespace banpush
