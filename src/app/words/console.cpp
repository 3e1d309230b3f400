#include "app/words/console.hpp"

#include "app/words/layout.hpp"

#include <atomic>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

std::atomic<bool> gave_result = false; // by any console of this process: standard output is one

} // namespace

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

void Console::out(std::string_view text) const {
  gave_result = true;
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void Console::tell(std::string_view text) const { out(folded(text, columns)); }

void Console::note(std::string_view text) const {
  if (volume != Volume::Quiet)
    warn(text);
}

void Console::fail(std::string_view text, int status) const {
  warn(paint(Colour::Red, "banpush: ") + std::string(text));
  give_error(text, status);
}

void Console::give_error(std::string_view text, int status) const {
  if (json() && !gave_result)
    out(nlohmann::json{{"schema", 1}, {"error", text}, {"status", status}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
        "\n");
}

void Console::warn(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fputc('\n', stderr);
}

} // namespace banpush
