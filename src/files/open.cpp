#include "files/open.hpp"

#include "files/as_owner.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banpush {

namespace {

constexpr std::chrono::seconds patience{10};
constexpr int always = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

mode_t mode_of(Shared shared, const Folder &folder) {
  switch (shared) {
  case Shared::Nobody: return 0600;
  case Shared::GroupReads: return 0640;
  case Shared::GroupWrites: return folder.is_for_group() ? 0660 : 0640;
  case Shared::AllRead: return 0644;
  }
  return 0600;
}

tl::unexpected<FileProblem> problem(const Folder &folder, int code) { return tl::unexpected(problem_with(folder, code)); }

tl::unexpected<FileProblem> no_rights(const Folder &folder) {
  return tl::unexpected(FileProblem{EPERM, fmt::format("it is in a folder of {}, whose rights this process may not take, though it is root "
                                                       "(CAP_SETUID, CAP_SETGID); run it as {}",
                                                       user_name(folder.acts_as()->user), user_name(folder.acts_as()->user))});
}

FileResult<void> judged(const Folder &folder, const struct stat &about) {
  if (S_ISDIR(about.st_mode))
    return tl::unexpected(FileProblem{EISDIR, "it is a directory"});
  if (S_ISLNK(about.st_mode))
    return tl::unexpected(FileProblem{ELOOP, "it is a symbolic link, which is not followed here"});
  if (!S_ISREG(about.st_mode))
    return tl::unexpected(FileProblem{EINVAL, "it is no regular file"});
  if (folder.is_shared() && about.st_nlink > 1)
    return tl::unexpected(
        FileProblem{EMLINK, fmt::format("it has {} names (hard links), in a folder that others may write", about.st_nlink)});
  return {};
}

// In a folder such as /tmp anybody may have made it beforehand.
FileResult<void> judged_to_write(const Folder &folder, const struct stat &about) {
  if (folder.is_for_all() && !folder.is_trusted(about.st_uid))
    return tl::unexpected(
        FileProblem{EPERM, fmt::format("it belongs to {}, in a folder where everybody may make files", user_name(about.st_uid))});
  return judged(folder, about);
}

// What stands there is looked at before it is opened, which may do something by itself, and again behind it.
FileResult<OpenFile> open_existing(const Folder &folder, int flags) {
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  const auto fits = writes ? judged_to_write : judged;
  struct stat about {};
  if (::fstatat(folder.descriptor(), folder.name().c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
    return problem(folder, errno);
  if (const auto fit = fits(folder, about); !fit)
    return tl::unexpected(fit.error());
  const AsOwner as(writes ? folder.acts_as() : std::nullopt);
  if (!as.holds())
    return no_rights(folder);
  OpenFile file(::openat(folder.descriptor(), folder.name().c_str(), (flags & (O_ACCMODE | O_APPEND)) | always));
  if (!file || ::fstat(file.get(), &about) != 0)
    return problem(folder, errno);
  if (const auto fit = fits(folder, about); !fit)
    return tl::unexpected(fit.error());
  return file;
}

// In the folder of a service that its group may write: what only the service uses, only the service or root makes.
bool is_made_by_owner_only(const Folder &folder, mode_t mode) {
  return ::geteuid() != 0 && folder.is_for_group() && !folder.is_for_all() && !folder.is_trusted(folder.owner().user) && (mode & 020U) == 0;
}

// Owner, group and mode are given to what has just been made here, by nobody else.
FileResult<OpenFile> make(const Folder &folder, const std::string &name, int flags, mode_t mode) {
  struct stat about {};
  if (is_made_by_owner_only(folder, mode) && ::fstatat(folder.descriptor(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
    return tl::unexpected(
        FileProblem{EPERM, fmt::format("{}, whose folder it is in, or root must make it", user_name(folder.owner().user))});
  const AsOwner as(folder.acts_as());
  if (!as.holds())
    return no_rights(folder);
  OpenFile file(::openat(folder.descriptor(), name.c_str(), (flags & O_ACCMODE) | O_CREAT | O_EXCL | always, mode));
  if (!file || ::fstat(file.get(), &about) != 0)
    return problem(folder, errno);
  const gid_t group = folder.owner().group;
  if (folder.is_for_group() && !folder.is_for_all() && about.st_gid != group && ::fchown(file.get(), static_cast<uid_t>(-1), group) != 0)
    mode &= 0700U; // not a member: the group it has by now is another one
  if ((about.st_mode & 07777U) != mode && ::fchmod(file.get(), mode) != 0)
    return problem(folder, errno);
  return file;
}

FileResult<OpenFile> open_or_make(const Folder &folder, int flags, mode_t mode) {
  for (int tries = 0; tries < 10; ++tries) {
    auto file = open_existing(folder, flags);
    if (file || file.error().code != ENOENT)
      return file;
    file = make(folder, folder.name(), flags, mode);
    if (file || file.error().code != EEXIST)
      return file;
  }
  return tl::unexpected(FileProblem{EBUSY, "somebody makes it and takes it away again all the while"});
}

std::string random_name() {
  std::uint64_t bits = 0;
  return ::getrandom(&bits, sizeof bits, 0) == sizeof bits ? fmt::format(".{:016x}", bits) : fmt::format(".{}", ::getpid());
}

// A pipe or device that a person names on the command line, where nobody else can have put it; empty: it is none.
FileResult<OpenFile> open_given(const Folder &folder, int flags) {
  struct stat about {};
  const bool there = ::fstatat(folder.descriptor(), folder.name().c_str(), &about, 0) == 0;
  if (!there || folder.is_shared() || (S_ISREG(about.st_mode) && !folder.is_proc()) || S_ISDIR(about.st_mode))
    return OpenFile{};
  OpenFile file(::openat(folder.descriptor(), folder.name().c_str(), flags | O_CLOEXEC | O_NOCTTY));
  return file ? FileResult<OpenFile>(std::move(file)) : problem(folder, errno);
}

// Owner and mode of the file that is to be replaced go over to the one just made. Where there is none, a file for a group is for that
// of root's folder: who may enter it is who is meant.
void take_over(const Folder &folder, int file, mode_t at_least) {
  struct stat before {};
  if (::fstatat(folder.descriptor(), folder.name().c_str(), &before, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(before.st_mode)) {
    if (const Owner owner = folder.owner(); owner.user == 0 && owner.group != 0 && (at_least & 0044U) == 0040U) [[maybe_unused]]
      const int given = ::fchown(file, static_cast<uid_t>(-1), owner.group);
    return;
  }
  if (::fchown(file, before.st_uid, before.st_gid) != 0 && ::fchown(file, static_cast<uid_t>(-1), before.st_gid) != 0)
    return; // somebody else's: its mode might open the new one to the wrong group
  ::fchmod(file, (before.st_mode & 0777U) | at_least);
}

} // namespace

FileResult<OpenFile> open_to_read(const std::string &path) {
  const auto folder = Folder::around(path);
  if (!folder)
    return tl::unexpected(folder.error());
  return open_existing(*folder, O_RDONLY);
}

FileResult<std::string> read_open(int file, std::size_t most) {
  std::string text;
  std::array<char, 65536> part{};
  for (;;) {
    const ssize_t got = ::read(file, part.data(), part.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return tl::unexpected(FileProblem{errno, std::strerror(errno)});
    if (got == 0)
      return text;
    text.append(part.data(), static_cast<std::size_t>(got));
    if (text.size() > most)
      return tl::unexpected(FileProblem{EFBIG, fmt::format("it is larger than {} bytes", most)});
  }
}

FileResult<std::string> read_whole(const std::string &path, std::size_t most) {
  const auto file = open_to_read(path);
  return file ? read_open(file->get(), most) : tl::unexpected(file.error());
}

FileResult<std::string> read_private(const std::string &path, std::size_t most) {
  const auto file = open_to_read(path);
  if (!file)
    return tl::unexpected(file.error());
  struct stat about {};
  if (::fstat(file->get(), &about) != 0)
    return tl::unexpected(FileProblem{errno, std::strerror(errno)});
  if ((about.st_mode & S_IRWXO) != 0)
    return tl::unexpected(
        FileProblem{EPERM, fmt::format("it can be read or changed by others (mode {:04o}); it should be 0600", about.st_mode & 07777U)});
  return read_open(file->get(), most);
}

FileResult<std::string> read_given(const std::string &path, std::size_t most) {
  const auto folder = Folder::around(path);
  if (!folder)
    return tl::unexpected(folder.error());
  const auto file = open_given(*folder, O_RDONLY);
  if (!file)
    return tl::unexpected(file.error());
  return *file ? read_open(file->get(), most) : read_whole(path, most);
}

FileResult<OpenFile> lock_folder_of(const std::string &path) {
  const auto folder = Folder::around(path);
  if (!folder)
    return tl::unexpected(folder.error());
  OpenFile lock(::openat(folder->descriptor(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock)
    return problem(*folder, errno);
  const auto end = std::chrono::steady_clock::now() + patience;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR && errno != EWOULDBLOCK)
      return problem(*folder, errno);
    if (std::chrono::steady_clock::now() >= end)
      return tl::unexpected(FileProblem{EWOULDBLOCK, "another process holds the lock of its folder all the while"});
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return lock;
}

FileResult<OpenFile> open_or_make(const std::string &path, Shared shared) {
  const auto folder = Folder::around(path);
  if (!folder)
    return tl::unexpected(folder.error());
  return open_or_make(*folder, O_RDWR, mode_of(shared, *folder));
}

FileResult<OpenFile> open_anew(const std::string &path, Shared shared) {
  const auto folder = Folder::around(path);
  if (!folder)
    return tl::unexpected(folder.error());
  auto given = open_given(*folder, O_WRONLY | O_APPEND); // a file behind /dev/stdout: what stands in it is not ours to remove
  if (!given || *given)
    return given;
  auto file = open_or_make(*folder, O_WRONLY, mode_of(shared, *folder));
  if (file && ::ftruncate(file->get(), 0) != 0)
    return problem(*folder, errno);
  return file;
}

FileResult<void> write_whole(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(file, text.data(), text.size());
    if (count < 0 && errno != EINTR)
      return tl::unexpected(FileProblem{errno, std::strerror(errno)});
    if (count > 0)
      text.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

FileResult<void> make_mark(const std::string &path, Shared shared) {
  const auto folder = Folder::around(path);
  if (!folder)
    return tl::unexpected(folder.error());
  const auto made = make(*folder, folder->name(), O_WRONLY, mode_of(shared, *folder));
  if (!made && made.error().code != EEXIST)
    return tl::unexpected(made.error());
  return {};
}

FileResult<bool> file_exists(const std::string &path) {
  const auto folder = Folder::around(path);
  if (!folder)
    return folder.error().code == ENOENT || folder.error().code == ENOTDIR ? FileResult<bool>(false) : tl::unexpected(folder.error());
  struct stat about {};
  if (::fstatat(folder->descriptor(), folder->name().c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0)
    return true;
  return errno == ENOENT ? FileResult<bool>(false) : problem(*folder, errno);
}

FileResult<void> remove_file(const std::string &path) {
  const auto folder = Folder::around(path);
  if (!folder)
    return folder.error().code == ENOENT ? FileResult<void>() : tl::unexpected(folder.error());
  const AsOwner as(folder->acts_as());
  if (!as.holds())
    return no_rights(*folder);
  if (::unlinkat(folder->descriptor(), folder->name().c_str(), 0) != 0 && errno != ENOENT)
    return problem(*folder, errno);
  return {};
}

FileResult<void> replace_file(const std::string &path, std::string_view text, Shared shared) {
  const auto folder = Folder::around(path);
  if (!folder)
    return tl::unexpected(folder.error());
  const std::string beside = folder->name() + random_name();
  auto file = make(*folder, beside, O_WRONLY, mode_of(shared, *folder));
  if (!file)
    return tl::unexpected(problem_with(*folder, file.error().code));
  const AsOwner as(folder->acts_as());
  take_over(*folder, file->get(), mode_of(shared, *folder));
  if (write_whole(file->get(), text) && ::fsync(file->get()) == 0 &&
      ::renameat(folder->descriptor(), beside.c_str(), folder->descriptor(), folder->name().c_str()) == 0)
    return {};
  const int code = errno;
  ::unlinkat(folder->descriptor(), beside.c_str(), 0);
  return problem(*folder, code);
}

FileResult<FileFacts> file_facts(const std::string &path) {
  const auto folder = Folder::around(path);
  if (!folder)
    return tl::unexpected(folder.error());
  struct stat about {};
  if (::fstatat(folder->descriptor(), folder->name().c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
    return problem(*folder, errno);
  return FileFacts{{about.st_uid, about.st_gid}, about.st_mode};
}

FileResult<void> fit_to_use(const Folder &folder, const std::string &name) {
  struct stat about {};
  if (::fstatat(folder.descriptor(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0)
    return judged_to_write(folder, about);
  return errno == ENOENT ? FileResult<void>() : problem(folder, errno);
}

FileResult<OpenFile> open_with(const std::string &path, int flags, mode_t mode) {
  const auto folder = Folder::around(path);
  if (!folder)
    return tl::unexpected(folder.error());
  struct stat about {};
  const bool there = ::fstatat(folder->descriptor(), folder->name().c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0;
  if (there && (flags & O_ACCMODE) == O_RDONLY && (S_ISDIR(about.st_mode) || (!folder->is_shared() && S_ISCHR(about.st_mode)))) {
    OpenFile file(::openat(folder->descriptor(), folder->name().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY));
    return file ? FileResult<OpenFile>(std::move(file)) : problem(*folder, errno);
  }
  if ((flags & O_EXCL) != 0)
    return make(*folder, folder->name(), flags, mode);
  if ((flags & O_CREAT) != 0)
    return open_or_make(*folder, flags, mode);
  return open_existing(*folder, flags);
}

} // namespace banpush
