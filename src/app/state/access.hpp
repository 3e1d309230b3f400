// Whether a file that cannot be used is merely another user's.
#pragma once

#include <string>

namespace banpush {

// Whose the state file is, and that this user may not use it, as a sentence; empty where that is not so.
std::string not_permitted(const std::string &path);

} // namespace banpush
