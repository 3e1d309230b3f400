#include "files/socket.hpp"

#include "files/as_owner.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace banpush {

namespace {

sockaddr_un address_of(const std::string &path) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), longest_socket_path()));
  return address;
}

tl::unexpected<FileProblem> problem(const Folder &folder, int code) { return tl::unexpected(problem_with(folder, code)); }

} // namespace

std::size_t longest_socket_path() noexcept { return sizeof sockaddr_un{}.sun_path - 1; }

FileResult<void> connect_to(int socket, const std::string &path) {
  const auto folder = Folder::around(path);
  if (!folder)
    return tl::unexpected(folder.error());
  const OpenFile there(::openat(folder->descriptor(), folder->name().c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat about {};
  if (!there || ::fstat(there.get(), &about) != 0)
    return problem(*folder, errno);
  if (!S_ISSOCK(about.st_mode))
    return tl::unexpected(FileProblem{ECONNREFUSED, "it is no socket"});
  if (folder->is_shared() && about.st_nlink > 1)
    return tl::unexpected(FileProblem{EMLINK, "it has another name (a hard link), in a folder that others may write"});
  const std::string same = fmt::format("/proc/self/fd/{}", there.get()); // the very one that was looked at
  const sockaddr_un address = address_of(::access(same.c_str(), F_OK) == 0 ? same : path);
  return ::connect(socket, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0 ? FileResult<void>()
                                                                                              : problem(*folder, errno);
}

FileResult<void> bind_to(int socket, const std::string &path) {
  const auto folder = Folder::around(path, Folder::Missing::Make);
  if (!folder)
    return tl::unexpected(folder.error());
  const AsOwner as(folder->acts_as());
  if (!as.holds())
    return tl::unexpected(FileProblem{EPERM, "its folder belongs to a user whose rights this process may not take, though it is root"});
  struct stat there {};
  if (::fstatat(folder->descriptor(), folder->name().c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(there.st_mode))
    ::unlinkat(folder->descriptor(), folder->name().c_str(), 0);
  const sockaddr_un address = address_of(path);
  const mode_t before = ::umask(0117);
  const int bound = ::bind(socket, reinterpret_cast<const sockaddr *>(&address), sizeof address);
  const int code = errno;
  ::umask(before);
  return bound == 0 ? FileResult<void>() : problem(*folder, code);
}

} // namespace banpush
