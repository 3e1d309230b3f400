#include "lab/control.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace banpush::lab {

std::string converse(const std::string &folder, const std::string &line) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  const std::string path = folder + "/lab.sock";
  if (path.size() >= sizeof where.sun_path)
    throw Error(ErrorKind::Usage, path + ": the path is too long for a socket");
  std::copy(path.begin(), path.end(), where.sun_path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<sockaddr *>(&where), sizeof where) != 0)
    throw Error(ErrorKind::Connect, fmt::format("no lab listens at {}: {}", path, std::strerror(errno)));
  const std::string bytes = line + "\n";
  std::string answer;
  if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size())) {
    char buffer[65536];
    for (ssize_t got; (got = ::read(fd, buffer, sizeof buffer)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return answer;
}

} // namespace banpush::lab
