// The way to a file, walked from the root folder by descriptors: whose folders it leads through, and whether anybody
// else could have put a link into it. docs/opening-files.md says why.
#pragma once

#include "files/open_file.hpp"
#include "files/owner.hpp"

#include <deque>
#include <optional>
#include <string>

#include <tl/expected.hpp>

struct stat;

namespace banpush {

// Why a file cannot be used: an error number (ELOOP for a link, EINVAL for what is no regular file), and words.
struct FileProblem {
  int code = 0;
  std::string text; // without the path that was asked for
};

template <typename T>
using FileResult = tl::expected<T, FileProblem>;

class Folder {
public:
  enum class Missing { Refuse, Make };

  // The folder that holds `path`. Links are followed only where root or this user alone can have put them. With Make,
  // folders that are missing are made (mode 0750), in the name of whoever owns the place.
  static FileResult<Folder> around(const std::string &path, Missing missing = Missing::Refuse);

  // The file's last name, and its whole path without a link in it.
  const std::string &name() const noexcept { return name_; }
  std::string file() const;

  int descriptor() const noexcept { return here_.get(); } // O_PATH
  // Somebody other than root and this user may put files here, or may exchange the folder: no links from here on.
  bool is_shared() const noexcept { return shared_ || sticky_; }
  // In whose name root opens and makes files here; nothing: in its own.
  const std::optional<Owner> &acts_as() const noexcept { return acts_as_; }
  // Members of the folder's group may make files here.
  bool is_for_group() const noexcept { return for_group_; }
  // Everybody may make files here, as in /tmp.
  bool is_for_all() const noexcept { return for_all_; }
  // Of the kernel's (proc(5)): its links lead to what no path leads to, such as a pipe.
  bool is_proc() const noexcept;
  Owner owner() const noexcept { return owner_; }
  bool is_trusted(uid_t user) const noexcept;

private:
  Folder();
  FileResult<void> walk(std::deque<std::string> parts, Missing missing);
  FileResult<bool> follow(const std::string &part, bool is_last, std::deque<std::string> &parts);
  FileResult<void> enter(const std::string &part, Missing missing);
  void judge(const struct stat &about);

  OpenFile here_;
  std::string path_, name_; // path_: of the folder; empty for the root folder
  uid_t root_owner_ = 0;    // who owns the root folder owns everything
  bool shared_ = false;     // for good: everything below may be exchanged
  bool sticky_ = false;     // here: others make files, but exchange only their own
  bool for_group_ = false, for_all_ = false;
  Owner owner_;
  std::optional<Owner> acts_as_;
  int links_ = 0;
};

// An error number in words; a refusal with whose the file is and who is asking.
FileProblem problem_with(const Folder &folder, int code);

} // namespace banpush
