// Root with the rights of another user, for one thread and the length of one scope (setfsuid(2)).
#pragma once

#include "files/owner.hpp"

#include <optional>
#include <vector>

#include <sys/types.h>

namespace banpush {

// While it lives, this thread opens, makes and removes files as that user: without root's rights, and without root's
// groups. Nothing is changed where no user is given.
class AsOwner {
public:
  explicit AsOwner(const std::optional<Owner> &owner) noexcept;
  AsOwner(const AsOwner &) = delete;
  AsOwner &operator=(const AsOwner &) = delete;
  ~AsOwner();

  // False: this process may not take the rights of another user (root without CAP_SETUID or CAP_SETGID), and has kept
  // its own. Nothing may be opened then.
  bool holds() const noexcept { return holds_; }

private:
  void give_back() noexcept;

  bool holds_ = true, changed_ = false;
  uid_t user_ = 0; // as before
  gid_t group_ = 0;
  std::vector<gid_t> groups_;
};

} // namespace banpush
