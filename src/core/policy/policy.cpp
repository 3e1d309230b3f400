#include "core/policy/policy.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include <fmt/format.h>

namespace banpush {

const char *word(Verdict verdict) noexcept {
  switch (verdict) {
  case Verdict::Wanted: return "wanted";
  case Verdict::Expired: return "expired";
  case Verdict::Unbanned: return "unbanned";
  case Verdict::Ignored: return "ignored";
  case Verdict::NoQuorum: return "no_quorum";
  case Verdict::Future: return "future";
  case Verdict::Allowed: return "allowed";
  case Verdict::Protected: return "protected";
  case Verdict::Reserved: return "reserved";
  case Verdict::TooShort: return "too_short";
  case Verdict::Covered: return "covered";
  case Verdict::Split: return "split";
  case Verdict::OverBudget: return "over_budget";
  case Verdict::Foreign: return "foreign";
  case Verdict::NotHeld: return "not_held";
  case Verdict::Held: return "held";
  case Verdict::Absent: return "absent";
  }
  return "?";
}

std::string duration(Seconds seconds) {
  if (seconds == permanent)
    return "permanent";
  for (const auto &[unit, letter] : std::initializer_list<std::pair<Seconds, char>>{{week, 'w'}, {day, 'd'}, {hour, 'h'}, {minute, 'm'}})
    if (seconds != 0 && seconds % unit == 0)
      return fmt::format("{}{}", seconds / unit, letter);
  return fmt::format("{}s", seconds);
}

// Greedy with one way back: each `*` takes as little as it can, and more when what follows fails.
bool matches(std::string_view pattern, std::string_view text) noexcept {
  std::size_t p = 0, t = 0, star = std::string_view::npos, taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || (pattern[p] != '*' && pattern[p] == text[t]))) {
      ++p;
      ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

std::optional<NamedPrefix> overlap(const std::vector<NamedPrefix> &set, const Prefix &prefix) {
  const auto found = std::find_if(set.begin(), set.end(), [&](const NamedPrefix &named) { return named.prefix.overlaps(prefix); });
  return found == set.end() ? std::nullopt : std::optional(*found);
}

} // namespace banpush
