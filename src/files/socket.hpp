// Unix sockets (unix(7)) in folders that another user may write.
#pragma once

#include "files/open.hpp"

#include <string>

namespace banpush {

// Connects a socket to the one that stands at the path, and to no other one by a link. The kernel's answers stay as
// they are: ENOENT and ENOTDIR (nothing stands there), ECONNREFUSED, EAGAIN.
FileResult<void> connect_to(int socket, const std::string &path);

// Gives the socket its place, with mode 0660, in the name of whoever owns the folder. A socket that stands there is
// taken away, anything else is a problem (EADDRINUSE). The folder is made where it is missing.
FileResult<void> bind_to(int socket, const std::string &path);

// The longest path that a socket can have.
std::size_t longest_socket_path() noexcept;

} // namespace banpush
