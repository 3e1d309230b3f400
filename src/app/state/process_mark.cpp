#include "app/state/process_mark.hpp"

#include "app/state/instant.hpp"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

namespace banpush {

std::optional<unsigned long long> process_began(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string line;
  if (!std::getline(file, line) || line.rfind(')') == std::string::npos)
    return std::nullopt;
  std::istringstream rest(line.substr(line.rfind(')') + 1)); // a program's name may be anything
  std::string word;
  for (int field = 3; field < 22; ++field)
    rest >> word;
  unsigned long long ticks = 0;
  return rest >> ticks ? std::optional(ticks) : std::nullopt;
}

std::string mark_of_this_process() {
  static const std::string boot = instant_now().boot;
  const auto began = process_began(::getpid());
  return began ? fmt::format("{} {} {}", ::getpid(), *began, boot) : std::string();
}

bool lives(const std::string &mark) {
  std::istringstream words(mark);
  pid_t process = 0;
  unsigned long long began = 0;
  std::string boot;
  if (!(words >> process >> began >> boot) || boot != instant_now().boot)
    return false;
  if (const auto now = process_began(process))
    return *now == began;
  return ::kill(process, 0) == 0 || errno == EPERM; // other users' processes may be hidden in /proc
}

} // namespace banpush
