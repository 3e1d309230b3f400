#include "app/words/console.hpp"

#include <cstdio>

#include <fmt/format.h>

namespace banpush {

std::string Console::paint(Colour wanted, std::string_view text) const {
  if (!colour || wanted == Colour::Plain)
    return std::string(text);
  const char *code = "";
  switch (wanted) {
  case Colour::Plain: break;
  case Colour::Bold: code = "1"; break;
  case Colour::Green: code = "32"; break;
  case Colour::Yellow: code = "33"; break;
  case Colour::Red: code = "31"; break;
  case Colour::Dim: code = "2"; break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void Console::out(std::string_view text) const { std::fwrite(text.data(), 1, text.size(), stdout); }

void Console::note(std::string_view text) const {
  if (volume != Volume::Quiet)
    warn(text);
}

void Console::warn(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fputc('\n', stderr);
}

} // namespace banpush
