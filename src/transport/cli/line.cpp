#include "transport/cli/line.hpp"

#include "core/driver/pattern.hpp"

namespace banpush {

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t") == std::string_view::npos; }

std::string_view trimmed_end(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\n");
  return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

bool looks_like_question(const std::string &line) {
  static const Pattern form(
      R"((?i)(?:[?:]|\[[^\]\n]*[a-z][^\]\n]*\]|\(\s*(?:y|yes|n|no)\b[^()\n]*\)|\bcontinue|\bquit|\bpassword\b.*)[\s.)\]]*\z)");
  return form.found_in(line);
}

} // namespace banpush
