// A user and a group that files belong to.
#pragma once

#include <string>

#include <sys/types.h>

namespace banpush {

struct Owner {
  uid_t user = 0;
  gid_t group = 0;
};

// `banpush`, or the number of a user that has no name.
std::string user_name(uid_t user);
// `banpush`, or the number of a group that has no name.
std::string group_name(gid_t group);
// `root:banpush`.
std::string name_of(const Owner &owner);

} // namespace banpush
