#include "files/as_owner.hpp"

#include <algorithm>
#include <cerrno>

#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace banpush {

namespace {

constexpr auto ask = static_cast<unsigned>(-1); // changes nothing, and says what holds

// Of this thread alone, where the C library's setgroups() is of the whole process.
bool set_groups(const std::vector<gid_t> &groups) { return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0; }

// Whether others may look into this process. Each change of rights sets it to what fs.suid_dumpable says (proc(5)), so that a
// process that had forbidden it could be had as a core again.
class Dumpable {
public:
  Dumpable() noexcept : before_(::prctl(PR_GET_DUMPABLE)) {}
  Dumpable(const Dumpable &) = delete;
  Dumpable &operator=(const Dumpable &) = delete;
  ~Dumpable() { ::prctl(PR_SET_DUMPABLE, before_ == 1 ? 1 : 0); } // 2 is for the kernel to set

private:
  int before_;
};

bool is_user(uid_t user) { return static_cast<uid_t>(::setfsuid(ask)) == user; }
bool is_group(gid_t group) { return static_cast<gid_t>(::setfsgid(ask)) == group; }

} // namespace

AsOwner::AsOwner(const std::optional<Owner> &owner) noexcept {
  if (!owner)
    return;
  holds_ = false;
  // With this bit the kernel would leave root's capabilities in force.
  const int bits = ::prctl(PR_GET_SECUREBITS);
  if (bits < 0 || (static_cast<unsigned>(bits) & SECBIT_NO_SETUID_FIXUP) != 0)
    return;
  user_ = static_cast<uid_t>(::setfsuid(ask));
  group_ = static_cast<gid_t>(::setfsgid(ask));
  groups_.resize(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
  if (!groups_.empty() && ::getgroups(static_cast<int>(groups_.size()), groups_.data()) < 0)
    return;
  const Dumpable dumpable;
  if (!set_groups({}))
    return;
  changed_ = true;
  ::setfsgid(owner->group);
  ::setfsuid(owner->user); // last: the capabilities that the group needs go with it
  holds_ = is_user(owner->user) && is_group(owner->group);
  if (!holds_)
    give_back();
}

AsOwner::~AsOwner() {
  if (changed_)
    give_back();
}

void AsOwner::give_back() noexcept {
  const int error = errno;
  const Dumpable dumpable;
  ::setfsuid(user_);
  ::setfsgid(group_);
  set_groups(groups_);
  changed_ = false;
  errno = error;
}

} // namespace banpush
