#include "app/commands/commands.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

namespace banpush {

int lab(const Settings &, const Names &words) {
  std::error_code ignored;
  // Installed or built, the two programs stand side by side.
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "banpush-lab";
  const std::string program = std::filesystem::exists(beside, ignored) ? beside.string() : "banpush-lab";
  std::vector<char *> argv{const_cast<char *>(program.c_str())};
  for (const std::string &word : words)
    argv.push_back(const_cast<char *>(word.c_str()));
  argv.push_back(nullptr);
  execvp(program.c_str(), argv.data());
  throw Error(ErrorKind::Usage, fmt::format("{} cannot be run: {}", program, std::strerror(errno)));
}

} // namespace banpush
