#include "transport/runner.hpp"

#include "core/error.hpp"

namespace banpush {

namespace {

bool needs_quotes(std::string_view word) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+:,./-";
  return word.empty() || word.find_first_not_of(plain) != std::string_view::npos;
}

std::string quoted(std::string_view word) {
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

} // namespace

std::string command_line(const std::vector<std::string> &argv) {
  if (argv.empty() || argv.front().empty())
    throw Error(ErrorKind::Device, "asked to run a program without a name");
  std::string out;
  for (const std::string &word : argv) {
    if (word.find('\0') != std::string::npos)
      throw Error(ErrorKind::Device, "asked to run " + argv.front() + " with a NUL in an argument");
    if (!out.empty())
      out += ' ';
    out += needs_quotes(word) ? quoted(word) : word;
  }
  return out;
}

} // namespace banpush
