#include "transport/exec/local.hpp"

#include "core/error.hpp"
#include "transport/judgement.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace banpush {

namespace {

using namespace std::chrono_literals;

// How long a program that was told to end has before it is killed.
constexpr auto grace = 2s;

struct FileActions {
  FileActions() { posix_spawn_file_actions_init(&actions); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions); }
  FileActions(const FileActions &) = delete;
  FileActions &operator=(const FileActions &) = delete;
  posix_spawn_file_actions_t actions;
};

struct SpawnAttributes {
  SpawnAttributes() { posix_spawnattr_init(&attributes); }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes); }
  SpawnAttributes(const SpawnAttributes &) = delete;
  SpawnAttributes &operator=(const SpawnAttributes &) = delete;
  posix_spawnattr_t attributes;
};

std::vector<char *> pointers(const std::vector<std::string> &words) {
  std::vector<char *> out;
  for (const std::string &word : words)
    out.push_back(const_cast<char *>(word.c_str())); // posix_spawn's type is older than const
  out.push_back(nullptr);
  return out;
}

// Nothing else of ours: a secret may have come by the environment.
std::vector<std::string> small_environment() {
  std::vector<std::string> out{"LC_ALL=C"};
  const char *path = std::getenv("PATH");
  out.push_back(fmt::format("PATH={}", path != nullptr ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
  for (const char *name : {"HOME", "USER", "LOGNAME"})
    if (const char *value = std::getenv(name))
      out.push_back(fmt::format("{}={}", name, value));
  return out;
}

// A running child and our ends of its three descriptors. However this scope is left, the child is reaped.
class Child {
public:
  Child(pid_t pid, Descriptor to_input, Descriptor from_output, Descriptor from_errors)
      : input(std::move(to_input)), output(std::move(from_output)), errors(std::move(from_errors)), pid_(pid),
        ended_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  Child(const Child &) = delete;
  Child &operator=(const Child &) = delete;
  ~Child() {
    if (!status_)
      end();
  }

  // Readable once the child has ended; -1 where the kernel has no such thing.
  int ended_fd() const noexcept { return ended_.get(); }

  // The wait status, once it has ended.
  std::optional<int> status() {
    if (!status_) {
      int status = 0;
      pid_t reaped;
      while ((reaped = ::waitpid(pid_, &status, WNOHANG)) < 0 && errno == EINTR)
        ;
      if (reaped == pid_)
        status_ = status;
    }
    return status_;
  }

  // TERM to its process group, then KILL; does not wait for what has left the group.
  void end() noexcept {
    input.reset();
    ::kill(-pid_, SIGTERM);
    const auto deadline = Clock::now() + grace;
    while (!status() && Clock::now() < deadline) {
      pollfd ended{ended_.get(), POLLIN, 0};
      ::poll(&ended, 1, 50);
    }
    ::kill(-pid_, SIGKILL);
    if (!status_) {
      int status = 0;
      while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR)
        ;
      status_ = status;
    }
  }

  Descriptor input, output, errors;

private:
  pid_t pid_;
  Descriptor ended_;
  std::optional<int> status_;
};

// Either a child or the reason why there is none, as an errno.
struct Start {
  std::unique_ptr<Child> child;
  int error = 0;
};

Start start(const std::vector<std::string> &argv) {
  Pipe input = make_pipe(), output = make_pipe(), errors = make_pipe();
  FileActions files;
  posix_spawn_file_actions_adddup2(&files.actions, input.read.get(), 0);
  posix_spawn_file_actions_adddup2(&files.actions, output.write.get(), 1);
  posix_spawn_file_actions_adddup2(&files.actions, errors.write.get(), 2);
  posix_spawn_file_actions_addclosefrom_np(&files.actions, 3);

  SpawnAttributes spawn;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&spawn.attributes, &none);
  posix_spawnattr_setsigdefault(&spawn.attributes, &all);
  posix_spawnattr_setpgroup(&spawn.attributes, 0);
  posix_spawnattr_setflags(&spawn.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  const std::vector<std::string> environment = small_environment();
  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, argv.front().c_str(), &files.actions, &spawn.attributes, pointers(argv).data(), pointers(environment).data());
  if (error != 0)
    return {nullptr, error};
  for (const int fd : {input.write.get(), output.read.get(), errors.read.get()})
    set_nonblocking(fd);
  return {std::make_unique<Child>(pid, std::move(input.write), std::move(output.read), std::move(errors.read)), 0};
}

// One program from its start to its end.
class Run {
public:
  Run(const Program &program, Child &child, const Cancellation &cancellation)
      : program_(program), child_(child), cancellation_(cancellation), allowance_(allowance_for(program)), rest_(program.input) {}

  Finished finish() {
    auto deadline = Clock::now() + program_.silence;
    while (true) {
      const std::size_t before = moved_;
      write_some();
      wait_for_room();
      drain();
      check_time();
      if (child_.status())
        break;
      if (moved_ != before)
        deadline = Clock::now() + program_.silence;
      std::vector<pollfd> fds{{child_.ended_fd(), POLLIN, 0},
                              {child_.input.get(), POLLOUT, 0},
                              {child_.output.get(), POLLIN, 0},
                              {child_.errors.get(), POLLIN, 0}};
      const auto end = std::min(deadline, allowance_.end());
      const auto look_again = child_.ended_fd() >= 0 ? end : std::min(end, Clock::now() + 20ms);
      if (!wait_for(fds, look_again, cancellation_) && Clock::now() >= deadline)
        throw Error(ErrorKind::Connect, fmt::format("{}: silent for {} s, ended by us", command_line(program_.argv),
                                                    std::chrono::duration<double>(program_.silence).count()));
    }
    drain(); // what it said last; a grandchild that still holds the pipe is not waited for
    set_status(*child_.status());
    return std::move(finished_);
  }

private:
  [[noreturn]] void fail_talking(const Error &why) const {
    constexpr std::size_t most = 60;
    const std::string &said = finished_.output.empty() ? finished_.errors : finished_.output;
    const auto last = std::string_view(said).substr(said.size() - std::min(said.size(), most));
    throw Error(why.kind(), fmt::format("{}: {}, ended by us; the last it said was \"{}\"", command_line(program_.argv), why.what(),
                                        in_one_line(last, most)));
  }

  void wait_for_room() {
    while (!allowance_.has_room()) {
      std::vector<pollfd> none;
      wait_for(none, Clock::now() + Allowance::pause, cancellation_);
      allowance_.prolong(Allowance::pause);
      ++moved_; // that it is not heard is not its silence
    }
  }

  void check_time() const {
    try {
      allowance_.check_time();
    } catch (const Error &error) {
      fail_talking(error);
    }
  }

  void write_some() {
    while (child_.input && !rest_.empty()) {
      const ssize_t n = ::write(child_.input.get(), rest_.data(), rest_.size());
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno == EAGAIN)
        return;
      if (n < 0) { // it reads no further: its status and words say why
        rest_ = {};
        break;
      }
      rest_.remove_prefix(static_cast<std::size_t>(n));
      moved_ += static_cast<std::size_t>(n);
    }
    child_.input.reset();
  }

  void drain() {
    drain(child_.output, finished_.output);
    drain(child_.errors, finished_.errors);
  }

  void drain(Descriptor &from, std::string &to) {
    std::array<char, 65536> buffer;
    while (from) {
      const ssize_t n = ::read(from.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno == EAGAIN)
        return;
      if (n <= 0) {
        from.reset();
        return;
      }
      to.append(buffer.data(), static_cast<std::size_t>(n));
      moved_ += static_cast<std::size_t>(n);
      try {
        allowance_.received(static_cast<std::size_t>(n));
      } catch (const Error &error) {
        fail_talking(error);
      }
    }
  }

  void set_status(int status) {
    if (WIFEXITED(status)) {
      finished_.exit = WEXITSTATUS(status);
      return;
    }
    finished_.exit = 128 + WTERMSIG(status);
    finished_.killed = fmt::format("killed by signal {} ({})", WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
  }

  const Program &program_;
  Child &child_;
  const Cancellation &cancellation_;
  Allowance allowance_;
  std::string_view rest_;
  std::size_t moved_ = 0; // bytes in both directions
  Finished finished_;
};

} // namespace

Finished LocalRunner::run(const Program &program) {
  static_cast<void>(command_line(program.argv)); // refuses what no program can be given
  const NoSigpipe no_sigpipe;
  try {
    if (cancellation_.cancelled())
      throw Error(ErrorKind::Connect, "cancelled");
    const Start started = start(program.argv);
    if (!started.child)
      return {started.error == ENOENT ? 127 : 126,
              {},
              {},
              fmt::format("cannot run {}: {}\n", program.argv.front(), std::strerror(started.error))};
    return Run(program, *started.child, cancellation_).finish();
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("{}{}{}", name_, name_.empty() ? "" : ": ", error.what()));
  }
}

} // namespace banpush
