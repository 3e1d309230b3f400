// The name somebody probably meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

// The candidate nearest in spelling (insertions, deletions, substitutions, neighbours swapped), or of which too much or too
// little was written; nothing when none is near enough to be meant.
std::optional<std::string> nearest(std::string_view name, const std::vector<std::string> &candidates);

// `; did you mean "bantime"?`, or, when nothing is near, `; there are: a, b, c` (at most 30 names, empty without any).
std::string suggestion(std::string_view name, const std::vector<std::string> &candidates);

} // namespace banpush
