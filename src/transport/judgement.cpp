#include "transport/judgement.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush {

namespace {

bool any_found(const std::vector<Pattern> &patterns, std::string_view line) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const Pattern &pattern) { return pattern.found_in(line); });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t from = text.find_first_not_of(blanks);
  if (from == std::string_view::npos)
    return {};
  return text.substr(from, text.find_last_not_of(blanks) - from + 1);
}

} // namespace

std::string in_one_line(std::string_view text, std::size_t most) {
  std::string out;
  text = trimmed(text);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (out.size() >= most)
      return out.substr(0, most) + "…";
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == '\n') {
      while (!out.empty() && out.back() == ' ')
        out.pop_back();
      out += " / ";
      at = text.find_first_not_of(" \t\r\n", at) - 1;
    } else if (c == '\t') {
      out += ' ';
    } else if (c == '\r') {
      continue;
    } else if (c < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out += static_cast<char>(c);
    }
  }
  return out;
}

std::string Judgement::text() const { return in_one_line(fmt::format("{}", fmt::join(complaints, "\n"))); }

bool is_noise(const Driver &driver, std::string_view line) { return any_found(driver.noise, line); }

Judgement judge(const Driver &driver, std::string_view words) {
  Judgement judgement;
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find('\n', at), words.size());
    std::string_view line = words.substr(at, end - at);
    at = end + 1;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
      line.remove_suffix(1);
    if (trimmed(line).empty() || is_noise(driver, line) || any_found(driver.harmless, line))
      continue;
    judgement.busy = judgement.busy || any_found(driver.busy, line);
    judgement.fatal = judgement.fatal || any_found(driver.fatal, line);
    judgement.complaints.emplace_back(line);
  }
  return judgement;
}

} // namespace banpush
