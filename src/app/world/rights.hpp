// Whether the files' owners and modes let those use them who have to (docs/operations.md, "Users, groups and modes").
#pragma once

#include "settings/config.hpp"

#include <string>
#include <vector>

namespace banpush {

// What is wrong, a line each, with the command that mends it. The service's user is whoever owns the folder of the state
// file; where that is root, only what is wrong for everybody is told. What cannot be looked at by this user is left out.
std::vector<std::string> wrong_rights(const Config &config);

// Throws Error (Config) where this user may only record bans: `verb` is for root and the service's user.
void require_service_rights(const Config &config, const std::string &verb);

} // namespace banpush
