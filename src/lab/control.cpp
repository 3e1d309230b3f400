#include "lab/control.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace banpush::lab {

namespace {

constexpr int most_seconds_silent = 60;

}

std::string converse(const std::string &folder, const std::string &line) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  const std::string path = folder + "/lab.sock";
  if (path.size() >= sizeof where.sun_path)
    throw Error(ErrorKind::Usage, path + ": the path is too long for a socket");
  std::copy(path.begin(), path.end(), where.sun_path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{most_seconds_silent, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd, reinterpret_cast<sockaddr *>(&where), sizeof where) != 0) {
    const int why = errno;
    ::close(fd);
    throw Error(ErrorKind::Connect, fmt::format("no lab listens at {}: {}", path, std::strerror(why)));
  }
  const std::string bytes = line + "\n";
  std::string answer;
  bool silent = false;
  if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size())) {
    char buffer[65536];
    ssize_t got = 0;
    while ((got = ::read(fd, buffer, sizeof buffer)) > 0)
      answer.append(buffer, static_cast<std::size_t>(got));
    silent = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }
  ::close(fd);
  if (silent)
    throw Error(ErrorKind::Connect, fmt::format("the lab at {} has not answered within {} s", path, most_seconds_silent));
  return answer;
}

} // namespace banpush::lab
