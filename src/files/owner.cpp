#include "files/owner.hpp"

#include <array>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

namespace banpush {

std::string user_name(uid_t user) {
  std::array<char, 4096> room{};
  passwd entry{}, *found = nullptr;
  return getpwuid_r(user, &entry, room.data(), room.size(), &found) == 0 && found != nullptr ? found->pw_name : std::to_string(user);
}

std::string group_name(gid_t group) {
  std::array<char, 16384> room{};
  struct group entry {
  }, *found = nullptr;
  return getgrgid_r(group, &entry, room.data(), room.size(), &found) == 0 && found != nullptr ? found->gr_name : std::to_string(group);
}

std::string name_of(const Owner &owner) { return fmt::format("{}:{}", user_name(owner.user), group_name(owner.group)); }

} // namespace banpush
