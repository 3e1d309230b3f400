// The one way to open, make and remove files: by the descriptor of their folder, no links, regular files only, never
// waiting for the other end of a pipe, and as root with the rights of whoever the folder belongs to.
#pragma once

#include "files/folder.hpp"

#include <string>
#include <string_view>

#include <sys/types.h>

namespace banpush {

// Who may use a file that is made here, apart from its owner. A file that stands already keeps its mode.
enum class Shared {
  Nobody,      // 0600
  GroupReads,  // 0640
  GroupWrites, // 0660 in a folder whose group may write, else 0640
  AllRead,     // 0644
};

// A regular file, to be read.
FileResult<OpenFile> open_to_read(const std::string &path);
// The bytes of a regular file, at most so many: one that is larger is a problem (EFBIG).
FileResult<std::string> read_whole(const std::string &path, std::size_t most);
// The rest of an open file; of so many bytes at most.
FileResult<std::string> read_open(int file, std::size_t most);
// read_whole() of what is a secret: a problem (EPERM) where others than owner and group may read or change it.
FileResult<std::string> read_private(const std::string &path, std::size_t most);
// read_whole(); where nobody else can have put it there, it may also be a device or a pipe (/dev/stdin).
FileResult<std::string> read_given(const std::string &path, std::size_t most);
// To be read and written: as it stands, or empty. Its folder must stand.
FileResult<OpenFile> open_or_make(const std::string &path, Shared shared);
// To be written from the beginning: what stood there is gone. Where nobody else can have put it there, it may also be a
// device or a pipe (/dev/stdout).
FileResult<OpenFile> open_anew(const std::string &path, Shared shared);
// All of the text, after what is written already.
FileResult<void> write_whole(int file, std::string_view text);
// An empty file where there is none; anything that stands there is left as it is.
FileResult<void> make_mark(const std::string &path, Shared shared);
// False: there is none. A problem: it cannot be told.
FileResult<bool> file_exists(const std::string &path);
// No problem where there is none.
FileResult<void> remove_file(const std::string &path);
// Puts a file with this content into the place of the one there, at once or not at all, and on the disk. Owner and mode
// stay as they were (but whom `shared` names may read it), or are the folder's and `shared` where there was none.
FileResult<void> replace_file(const std::string &path, std::string_view text, Shared shared);

// Held by one process at a time while it puts another file into the place of this one: the lock is its folder's. Waits for a
// few seconds.
FileResult<OpenFile> lock_folder_of(const std::string &path);

// Whose something is, and its type and mode (inode(7)); of a link in a shared folder, its own.
struct FileFacts {
  Owner owner;
  mode_t mode = 0;
};
FileResult<FileFacts> file_facts(const std::string &path);

// Regular, or why not: with the hard links that a shared folder must not have.
FileResult<void> fit_to_use(const Folder &folder, const std::string &name);

// For libraries that open by a path of their own choosing: open(2) and unlink(2), with its flags, under the same rules.
// `mode` is exact, whatever the umask. Folders may be opened to be synced.
FileResult<OpenFile> open_with(const std::string &path, int flags, mode_t mode);

} // namespace banpush
