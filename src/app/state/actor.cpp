#include "app/state/actor.hpp"

#include "app/state/state.hpp"
#include "core/bans/ban.hpp"
#include "files/owner.hpp"

#include <array>
#include <cstdlib>
#include <fstream>

#include <pwd.h>
#include <unistd.h>

namespace banpush {

namespace {

std::optional<uid_t> login_of_this_process() {
  std::ifstream file("/proc/self/loginuid");
  uid_t user = 0;
  constexpr auto unset = static_cast<uid_t>(-1);
  return file >> user && user != unset ? std::optional(user) : std::nullopt;
}

std::string from_environment(const char *name) {
  const char *value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool is_of(const std::string &name, const std::string &number) {
  std::array<char, 16384> room{};
  passwd entry{}, *found = nullptr;
  return getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found) == 0 && found != nullptr &&
         std::to_string(found->pw_uid) == number;
}

std::string at_this_host(const std::string &name) {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return shown(name, 64) + "@" + shown(host.data(), 128);
}

} // namespace

std::string name_of(const Doer &doer) {
  if (doer.user != 0 || doer.sudo_user.empty())
    return user_name(doer.user);
  if (doer.login)
    return user_name(*doer.login);
  return is_of(doer.sudo_user, doer.sudo_uid) ? doer.sudo_user : user_name(doer.user);
}

std::string actor() {
  return at_this_host(name_of({geteuid(), login_of_this_process(), from_environment("SUDO_USER"), from_environment("SUDO_UID")}));
}

std::string actor_of(uid_t user) { return at_this_host(user_name(user)); }

} // namespace banpush
