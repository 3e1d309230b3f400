#include "app/state/access.hpp"

#include "files/open.hpp"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace banpush {

std::string not_permitted(const std::string &path) {
  const uid_t self = ::geteuid();
  const auto facts = file_facts(path);
  if (self == 0 || (facts && facts->owner.user == self) || (!facts && facts.error().code != EACCES))
    return {};
  if (const auto file = open_with(path, O_RDWR | O_CLOEXEC, 0); file || (file.error().code != EACCES && file.error().code != EPERM))
    return {};
  return fmt::format(
      "the state file {} {}, and {} cannot use it: what it knows is not told here, and what is done here is not written down there", path,
      facts ? "belongs to " + user_name(facts->owner.user) : "is in a folder of others", user_name(self));
}

} // namespace banpush
