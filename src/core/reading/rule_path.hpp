// Whether packets come to the rule that drops by our list: the rules of a filter, as a proof's reply shows them, in their order.
#pragma once

#include "core/driver/driver.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace banpush {

struct PathRuling {
  // Nowhere: the device shows no place of that name.
  enum class Says { InForce, Not, Unclear, Nowhere } says = Says::InForce;
  std::string rule;    // Not: the earlier rule that lets everything through, or empty where none drops by our list. Unclear: which one
  std::string unbound; // Unclear: the filter that has the rule, and that nothing shown binds
  std::vector<std::string> places{}; // Nowhere: the names that it shows
};

// `path` with the device's own names in it already; `text` without noise. Rules decide only about those of their own filter (group
// `filter` of `path.each`).
PathRuling walk(const Path &path, std::string_view text);

} // namespace banpush
