#include "app/record/bounded_work.hpp"

#include "bans/table_error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace banpush {

namespace {

using Json = nlohmann::json;

std::string line_of(const Json &json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n"; }

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count > 0)
      text.remove_prefix(static_cast<std::size_t>(count));
    else if (errno != EINTR)
      return; // nobody listens any more
  }
}

// What the work comes to when it does not end by itself: its Error, for next() to throw.
void do_work(const std::function<void(const BoundedWork::Tell &)> &work, const BoundedWork::Tell &tell) {
  try {
    work(tell);
  } catch (const TableError &error) {
    const bool unreachable = dynamic_cast<const Unreachable *>(&error) != nullptr;
    tell({{"error", error.what()}, {"fault", static_cast<int>(error.fault())}, {"unreachable", unreachable}});
  } catch (const Error &error) {
    tell({{"error", error.what()}, {"kind", static_cast<int>(error.kind())}});
  } catch (const std::exception &error) {
    tell({{"error", error.what()}, {"kind", static_cast<int>(ErrorKind::Config)}});
  }
}

// The caller's own pipes are not held: he may wait for their end, while this process can end no more.
void become_child(pid_t parent, int words) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent)
    ::_exit(1);
  std::signal(SIGPIPE, SIG_DFL);
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(nowhere, STDIN_FILENO);
  ::dup2(nowhere, STDOUT_FILENO);
  ::dup2(words, STDERR_FILENO);
}

[[noreturn]] void throw_error_in(const Json &told) {
  const auto text = told.at("error").get<std::string>();
  if (told.contains("fault")) {
    const auto fault = static_cast<Fault>(told["fault"].get<int>());
    if (told.value("unreachable", false))
      throw Unreachable(text, fault);
    throw TableError(fault, text);
  }
  throw Error(static_cast<ErrorKind>(told.value("kind", 0)), text);
}

} // namespace

BoundedWork::BoundedWork(const std::function<void(const Tell &)> &work) {
  const pid_t parent = ::getpid();
  std::fflush(nullptr); // what is in a buffer here would be written twice
  try {
    Pipe told = make_pipe(), words = make_pipe();
    child_ = ::fork();
    if (child_ == 0) {
      become_child(parent, words.write.get());
      const int out = told.write.get();
      do_work(work, [out](const Json &json) { write_all(out, line_of(json)); });
      std::fflush(nullptr);
      ::_exit(0);
    }
    told_ = std::move(told.read);
    words_ = std::move(words.read);
  } catch (const Error &) { // no descriptor left
  }
  if (child_ < 0)
    do_work(work, [this](const Json &json) { lines_.push_back(line_of(json)); });
  else
    for (const Descriptor *one : {&told_, &words_})
      set_nonblocking(one->get());
}

BoundedWork::~BoundedWork() {
  if (child_ <= 0)
    return;
  read_words();
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, WNOHANG); // it may be in a wait that no signal ends; then init has it
}

void BoundedWork::read_words() {
  std::array<char, 4096> part{};
  while (words_) {
    const ssize_t count = ::read(words_.get(), part.data(), part.size());
    if (count > 0)
      write_all(STDERR_FILENO, {part.data(), static_cast<std::size_t>(count)});
    else if (count == 0)
      words_.reset();
    else if (errno != EINTR)
      return;
  }
}

std::optional<Json> BoundedWork::next(Clock::time_point end) {
  while (lines_.empty() && told_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    std::array<pollfd, 2> both{{{told_.get(), POLLIN, 0}, {words_.get(), POLLIN, 0}}};
    const int ready = ::poll(both.data(), both.size(), static_cast<int>(std::max<long long>(0, left)));
    read_words();
    if (ready == 0)
      return std::nullopt;
    std::array<char, 4096> part{};
    const ssize_t count = ::read(told_.get(), part.data(), part.size());
    if (count == 0)
      told_.reset();
    else if (count > 0)
      rest_.append(part.data(), static_cast<std::size_t>(count));
    for (std::size_t at = rest_.find('\n'); at != std::string::npos; at = rest_.find('\n')) {
      lines_.push_back(rest_.substr(0, at));
      rest_.erase(0, at + 1);
    }
  }
  if (lines_.empty())
    return std::nullopt;
  const Json told = Json::parse(lines_.front(), nullptr, false);
  lines_.pop_front();
  if (!told.is_object())
    return std::nullopt;
  if (told.contains("error"))
    throw_error_in(told);
  return told;
}

} // namespace banpush
