#include "lab/text_file.hpp"

#include "core/error.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

namespace banpush::lab {

std::string text_of_file(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file)
    throw Error(ErrorKind::Config, fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  return text;
}

void write_file(const std::string &path, const std::string &text) {
  const mode_t before = ::umask(077);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  ::umask(before);
  file << text;
  if (!file.flush())
    throw Error(ErrorKind::Config, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
}

} // namespace banpush::lab
