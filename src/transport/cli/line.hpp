// What one line of a device's answer looks like to a person.
#pragma once

#include <string>
#include <string_view>

namespace banpush {

// Nothing but blanks and tabs.
bool is_blank(std::string_view line);

// The text without blanks, tabs and line ends at its end.
std::string_view trimmed_end(std::string_view text);

// An unfinished line that a person would take for a question. A progress bar is none.
bool looks_like_question(const std::string &line);

} // namespace banpush
