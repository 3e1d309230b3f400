#include "config/document/text_file.hpp"

#include "files/open.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>

namespace banpush {

namespace {

Error refusal(const std::string &path, const std::string &why) {
  return Error(ErrorKind::Config, fmt::format("{}: cannot be read: {}", path, why));
}

struct Character {
  char32_t code = 0;
  std::size_t size = 0; // bytes; 0: not UTF-8
};

// RFC 3629: no overlong forms, no surrogates, at most U+10FFFF.
Character character_at(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80)
    return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at < size)
    return {};
  char32_t code = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80)
      return {};
    code = code << 6 | (byte(i) & 0x3FU);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
    return {};
  return {code, size};
}

// Invisible characters and those that change the direction of writing make a file read otherwise than it is.
bool is_misleading(char32_t code) noexcept {
  return (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
         (code & 0xFFFEU) == 0xFFFE;
}

std::optional<std::string> objection(char32_t code) {
  if (code == '\t' || code == '\n')
    return std::nullopt;
  if (code < 0x20 || (code >= 0x7F && code < 0xA0))
    return fmt::format("a control character (U+{:04X})", static_cast<std::uint32_t>(code));
  if (is_misleading(code))
    return fmt::format("an invisible character (U+{:04X})", static_cast<std::uint32_t>(code));
  return std::nullopt;
}

std::string with_plain_line_ends(std::string_view text) {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  if (text.substr(0, mark.size()) == mark)
    text.remove_prefix(mark.size());
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n')
      plain += text[i];
  return plain;
}

} // namespace

std::string read_file(const std::string &path, std::size_t most) {
  auto text = read_whole(path, most);
  if (!text)
    throw refusal(path, text.error().text);
  return std::move(*text);
}

std::optional<std::string> unreadable(const std::string &path) {
  const auto file = open_to_read(path);
  if (file)
    return std::nullopt;
  if (file.error().code == EISDIR || file.error().code == EINVAL)
    return fmt::format("{} is no regular file", path);
  return fmt::format("cannot read {}: {}", path, file.error().text);
}

std::string screened(const std::string &file, std::string text) {
  std::string plain = with_plain_line_ends(text);
  std::size_t line = 1, column = 1;
  const auto refuse = [&](const std::string &what) {
    throw Error(ErrorKind::Config, fmt::format("{}:{}:{}: {} does not belong in this file", file, line, column, what));
  };
  for (std::size_t at = 0; at < plain.size();) {
    const Character character = character_at(plain, at);
    if (character.size == 0)
      refuse(fmt::format("the byte 0x{:02X}, which is no UTF-8,", static_cast<std::uint8_t>(plain[at])));
    if (const auto what = objection(character.code))
      refuse(*what);
    at += character.size;
    if (character.code == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
  }
  return plain;
}

std::string read_text_file(const std::string &path, std::size_t most) { return screened(path, read_file(path, most)); }

std::size_t column_of(std::string_view line, std::size_t byte) noexcept {
  std::size_t column = 1;
  for (std::size_t i = 0; i < byte && i < line.size(); ++i)
    if ((static_cast<std::uint8_t>(line[i]) & 0xC0U) != 0x80)
      ++column;
  return column;
}

} // namespace banpush
