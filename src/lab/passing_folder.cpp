#include "lab/passing_folder.hpp"

#include "core/error.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace banpush::lab {

namespace {

namespace fs = std::filesystem;

constexpr int most_attempts = 100; // what still ends may write meanwhile
constexpr useconds_t between_attempts = 50'000;

// Until nobody holds the other end of the pipe: neither the process that made the folder nor a twin that it forked.
[[noreturn]] void watch(int pipe, const std::string &folder) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
    ::signal(signal, SIG_IGN);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) // whoever reads there waits for its end
    ::dup2(null, fd);
  char byte;
  for (ssize_t got = 1; got > 0 || (got < 0 && errno == EINTR);)
    got = ::read(pipe, &byte, 1);
  std::error_code failure;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    fs::remove_all(folder, failure);
    if (!failure && !fs::exists(folder, failure))
      ::_exit(0);
    ::usleep(between_attempts);
  }
  ::_exit(1);
}

} // namespace

PassingFolder::PassingFolder(const std::string &folder) {
  int ends[2] = {-1, -1};
  const bool piped = ::pipe2(ends, O_CLOEXEC) == 0;
  watcher_ = piped ? ::fork() : -1;
  if (watcher_ < 0) {
    const int why = errno;
    for (const int end : ends)
      ::close(end);
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    throw Error(ErrorKind::Config, fmt::format("nobody can watch over {}: {}", folder, std::strerror(why)));
  }
  if (watcher_ == 0) {
    ::close(ends[1]);
    watch(ends[0], folder);
  }
  ::close(ends[0]);
  end_ = ends[1];
}

PassingFolder::~PassingFolder() {
  ::close(end_);
  while (::waitpid(watcher_, nullptr, 0) < 0 && errno == EINTR)
    ;
}

} // namespace banpush::lab
