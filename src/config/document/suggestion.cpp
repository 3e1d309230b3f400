#include "config/document/suggestion.hpp"

#include "core/bans/ban.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace banpush {

namespace {

constexpr std::size_t longest_name = 64; // distances grow with the square; nobody misspells at such length
constexpr std::size_t most_names = 30;

// Optimal string alignment distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

// The longest candidate that is most of the name and more was written behind it, or that the name is most of.
std::optional<std::string> longer_or_shorter(std::string_view name, const std::vector<std::string> &candidates) {
  const auto begins_with = [](std::string_view whole, std::string_view part) {
    return 2 * part.size() > whole.size() && part.size() >= 4 && whole.substr(0, part.size()) == part;
  };
  std::optional<std::string> best;
  for (const std::string &candidate : candidates)
    if ((begins_with(name, candidate) || begins_with(candidate, name)) && (!best || candidate.size() > best->size()))
      best = candidate;
  return best;
}

} // namespace

std::optional<std::string> nearest(std::string_view name, const std::vector<std::string> &candidates) {
  if (name.empty() || name.size() > longest_name)
    return std::nullopt;
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const std::string &candidate : candidates) {
    const std::size_t d = candidate.size() > longest_name ? best_distance : distance(name, candidate);
    if (d < best_distance && d < std::max(name.size(), candidate.size())) {
      best_distance = d;
      best = candidate;
    }
  }
  if (best_distance > 1) // more than one slip of the fingers
    if (auto begun = longer_or_shorter(name, candidates))
      return begun;
  return best;
}

std::string suggestion(std::string_view name, const std::vector<std::string> &candidates) {
  if (const auto meant = nearest(name, candidates))
    return fmt::format("; did you mean \"{}\"?", shown(*meant));
  if (candidates.empty())
    return {};
  std::string list;
  for (std::size_t i = 0; i < candidates.size() && i < most_names; ++i)
    list += (i == 0 ? "" : ", ") + shown(candidates[i]);
  return fmt::format("; there {} {}{}", candidates.size() == 1 ? "is" : "are", list, candidates.size() > most_names ? ", …" : "");
}

} // namespace banpush
