#include "files/folder.hpp"

#include "files/as_owner.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace banpush {

namespace {

constexpr int most_links = 40;   // as the kernel's own
constexpr gid_t nogroup = 65534; // Debian's

std::deque<std::string> parts_of(const std::string &path) {
  std::deque<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    if (slash > at && path.compare(at, slash - at, ".") != 0)
      parts.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  return parts;
}

tl::unexpected<FileProblem> failed(int code, const std::string &where) {
  return tl::unexpected(FileProblem{code, fmt::format("{}: {}", where, std::strerror(code))});
}

FileResult<std::string> absolute(const std::string &path) {
  if (path.empty() || path.find('\0') != std::string::npos)
    return tl::unexpected(FileProblem{EINVAL, "it is no path"});
  if (path.front() == '/')
    return path;
  std::array<char, PATH_MAX> here{};
  if (::getcwd(here.data(), here.size()) == nullptr)
    return failed(errno, "the current folder");
  return fmt::format("{}/{}", here.data(), path);
}

bool is_in_proc(int folder) {
  struct statfs about {};
  return ::fstatfs(folder, &about) == 0 && about.f_type == PROC_SUPER_MAGIC;
}

std::string target_of(int folder, const std::string &link) {
  std::array<char, PATH_MAX> text{};
  const ssize_t size = ::readlinkat(folder, link.c_str(), text.data(), text.size());
  return size < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(size));
}

} // namespace

Folder::Folder() : here_(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

FileResult<Folder> Folder::around(const std::string &path, Missing missing) {
  const auto whole = absolute(path);
  if (!whole)
    return tl::unexpected(whole.error());
  Folder folder;
  struct stat root {};
  if (!folder.here_ || ::fstat(folder.here_.get(), &root) != 0)
    return failed(errno, "/");
  folder.root_owner_ = root.st_uid;
  folder.judge(root);
  if (const auto walked = folder.walk(parts_of(*whole), missing); !walked)
    return tl::unexpected(walked.error());
  return folder;
}

bool Folder::is_proc() const noexcept { return is_in_proc(here_.get()); }

std::string Folder::file() const { return path_ + "/" + name_; }

bool Folder::is_trusted(uid_t user) const noexcept { return user == 0 || user == ::geteuid() || user == root_owner_; }

FileResult<void> Folder::walk(std::deque<std::string> parts, Missing missing) {
  if (parts.empty())
    return tl::unexpected(FileProblem{EISDIR, "it is a directory"});
  while (!parts.empty()) {
    const std::string part = std::move(parts.front());
    parts.pop_front();
    const auto followed = follow(part, parts.empty(), parts);
    if (!followed)
      return tl::unexpected(followed.error());
    if (*followed)
      continue;
    if (parts.empty() && part == "..")
      return tl::unexpected(FileProblem{EISDIR, "it is a directory"});
    if (parts.empty())
      name_ = part;
    else if (const auto entered = enter(part, missing); !entered)
      return entered;
  }
  return {};
}

// Whether the part was a link; what it leads to then stands in its place.
FileResult<bool> Folder::follow(const std::string &part, bool is_last, std::deque<std::string> &parts) {
  struct stat about {};
  if (part == ".." || ::fstatat(here_.get(), part.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(about.st_mode))
    return false;
  if (shared_ || (sticky_ && !is_trusted(about.st_uid)))
    return tl::unexpected(
        FileProblem{ELOOP, fmt::format("{}/{} is a symbolic link in a folder that others may write; it is not followed", path_, part)});
  if (is_in_proc(here_.get())) // what stands there leads to no path: the standard output, a pipe
    return is_last ? FileResult<bool>(false) : failed(ELOOP, path_ + "/" + part);
  const std::string target = target_of(here_.get(), part);
  if (target.empty() || ++links_ > most_links)
    return failed(ELOOP, path_ + "/" + part);
  if (target.front() == '/') {
    Folder again;
    again.root_owner_ = root_owner_;
    again.links_ = links_;
    struct stat root {};
    ::fstat(again.here_.get(), &root);
    again.judge(root);
    *this = std::move(again);
  }
  const auto more = parts_of(target);
  parts.insert(parts.begin(), more.begin(), more.end());
  if (parts.empty())
    return tl::unexpected(FileProblem{EISDIR, "it is a directory"});
  return true;
}

FileResult<void> Folder::enter(const std::string &part, Missing missing) {
  if (part == ".." && shared_)
    return failed(ELOOP, path_ + "/..");
  constexpr int how = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  OpenFile next(::openat(here_.get(), part.c_str(), how));
  if (!next && errno == ENOENT && missing == Missing::Make) {
    const AsOwner as(acts_as_);
    if (!as.holds() || (::mkdirat(here_.get(), part.c_str(), 0750) != 0 && errno != EEXIST))
      return failed(as.holds() ? errno : EPERM, path_ + "/" + part);
    next = OpenFile(::openat(here_.get(), part.c_str(), how));
  }
  struct stat about {};
  if (!next || ::fstat(next.get(), &about) != 0)
    return failed(errno, path_ + "/" + part);
  if (!S_ISDIR(about.st_mode))
    return failed(S_ISLNK(about.st_mode) ? ELOOP : ENOTDIR, path_ + "/" + part);
  here_ = std::move(next);
  path_ = part == ".." ? path_.substr(0, path_.rfind('/') == std::string::npos ? 0 : path_.rfind('/')) : path_ + "/" + part;
  judge(about);
  return {};
}

void Folder::judge(const struct stat &about) {
  owner_ = {about.st_uid, about.st_gid};
  for_group_ = (about.st_mode & S_IWGRP) != 0;
  for_all_ = (about.st_mode & S_IWOTH) != 0;
  const bool of_another = !is_trusted(about.st_uid);
  const bool written_by_others = for_all_ || (for_group_ && about.st_gid != 0);
  sticky_ = written_by_others && (about.st_mode & S_ISVTX) != 0;
  // Root takes the rights of the first other user whose folder it comes into: below, that user may do as it likes.
  // Root's own group is never lent.
  if (of_another && ::geteuid() == 0 && !acts_as_)
    acts_as_ = Owner{about.st_uid, about.st_gid == 0 ? nogroup : about.st_gid};
  shared_ = shared_ || of_another || (written_by_others && !sticky_);
}

FileProblem problem_with(const Folder &folder, int code) {
  std::string text = std::strerror(code);
  if (code != EACCES && code != EPERM)
    return {code, text};
  const uid_t user = folder.acts_as() ? folder.acts_as()->user : ::geteuid();
  struct stat about {};
  if (::fstatat(folder.descriptor(), folder.name().c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0)
    text += fmt::format(": it belongs to {}, mode {:04o}", name_of({about.st_uid, about.st_gid}), about.st_mode & 07777U);
  else
    text += fmt::format(": its folder belongs to {}", name_of(folder.owner()));
  text += fmt::format(", and {} {}", folder.acts_as() ? "root opens it there with the rights of" : "this is user", user_name(user));
  return {code, text};
}

} // namespace banpush
