// What is said of a word where a verb is due and that is none.
#pragma once

#include <string>
#include <vector>

namespace banpush {

// `called`: the command that it came after, such as `banpush spool`. `words`: what was said there, options left out; at least one.
std::string unknown_verb(const std::string &called, const std::vector<std::string> &words, const std::vector<std::string> &verbs);

} // namespace banpush
