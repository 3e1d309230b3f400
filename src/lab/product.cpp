#include "lab/product.hpp"

#include "core/error.hpp"
#include "lab/text_file.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace banpush::lab {

namespace {

constexpr int cannot_run = 127;

[[noreturn]] void become(const std::vector<std::string> &argv, const std::string &out, const std::string &err, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL); // or it would write on where a rehearsal that was ended is being removed
  if (::getppid() != parent)
    ::_exit(cannot_run);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int said = ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int complained = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ::dup2(null, STDIN_FILENO);
  ::dup2(said, STDOUT_FILENO);
  ::dup2(complained, STDERR_FILENO);
  std::vector<char *> words;
  words.reserve(argv.size() + 1);
  for (const std::string &word : argv)
    words.push_back(const_cast<char *>(word.c_str()));
  words.push_back(nullptr);
  ::execvp(words.front(), words.data());
  ::_exit(cannot_run);
}

} // namespace

Ran run_program(const std::vector<std::string> &argv, const std::string &folder) {
  const std::string out = folder + "/said.out", err = folder + "/said.err";
  const pid_t self = ::getpid();
  const auto begun = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child < 0)
    throw Error(ErrorKind::Config, fmt::format("cannot start {}: {}", argv.front(), std::strerror(errno)));
  if (child == 0)
    become(argv, out, err, self);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  Ran ran;
  ran.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  const auto forget = [&] { // a secret may be in it
    ::unlink(out.c_str());
    ::unlink(err.c_str());
  };
  if (ran.status == cannot_run) {
    forget();
    throw Error(ErrorKind::Config, fmt::format("{} cannot be run", argv.front()));
  }
  ran.out = text_of_file(out);
  ran.err = text_of_file(err);
  forget();
  return ran;
}

} // namespace banpush::lab
