#include "core/policy.hpp"

#include <algorithm>
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

namespace {

const Prefix &prefix_of(const Candidate &candidate) noexcept { return candidate.block.prefix; }
const Prefix &prefix_of(const std::pair<Prefix, Verdict> &entry) noexcept { return entry.first; }

// The first item of the sorted vector whose prefix is not below the given one.
template <typename Item>
auto at_or_after(const std::vector<Item> &items, const Prefix &prefix) noexcept {
  return std::lower_bound(items.begin(), items.end(), prefix, [](const Item &item, const Prefix &p) { return prefix_of(item) < p; });
}

// The widest item around the prefix or at it.
template <typename Item>
const Item *around(const std::vector<Item> &items, const Prefix &prefix) noexcept {
  for (unsigned length = 0; length <= prefix.length(); ++length) {
    const Prefix wider = prefix.with_length(length);
    const auto found = at_or_after(items, wider);
    if (found == items.end() || prefix < prefix_of(*found))
      return nullptr;
    if (prefix_of(*found) == wider)
      return &*found;
  }
  return nullptr;
}

// How well a verdict on a part explains that the whole went: the safety rules first.
int telling(Verdict verdict) noexcept {
  switch (verdict) {
  case Verdict::Protected: return 9;
  case Verdict::Allowed: return 8;
  case Verdict::Unbanned: return 7;
  case Verdict::Expired: return 6;
  case Verdict::Ignored: return 5;
  case Verdict::NoQuorum: return 4;
  case Verdict::Reserved: return 3;
  case Verdict::TooShort: return 2;
  default: return 1;
  }
}

// Whether the wanted blocks in the prefix leave nothing of it open: their sizes add up, because
// no wanted block lies in another.
bool filled(const std::vector<Candidate> &wanted, const Prefix &prefix) noexcept {
  double share = 0;
  const Prefix *last = nullptr;
  for (auto item = at_or_after(wanted, prefix); item != wanted.end() && prefix.contains(item->block.prefix); ++item) {
    if (last == nullptr || !last->contains(item->block.prefix))
      share += 1.0 / static_cast<double>(1ULL << std::min(62U, item->block.prefix.length() - prefix.length()));
    last = &item->block.prefix;
  }
  return share >= 1.0;
}

} // namespace

Verdict Candidates::verdict(const Prefix &prefix) const noexcept {
  if (const Candidate *wider = around(wanted, prefix))
    return wider->block.prefix == prefix ? Verdict::Wanted : Verdict::Covered;
  const auto exact = at_or_after(verdicts, prefix);
  if (exact != verdicts.end() && exact->first == prefix)
    return exact->second;
  Verdict best = Verdict::Absent;
  for (auto inside = exact; inside != verdicts.end() && prefix.contains(inside->first); ++inside)
    if (best == Verdict::Absent || telling(inside->second) > telling(best))
      best = inside->second;
  if (best != Verdict::Absent)
    return best;
  const auto part = at_or_after(wanted, prefix);
  if (part != wanted.end() && prefix.contains(part->block.prefix) && (merges || filled(wanted, prefix)))
    return Verdict::Covered;
  if (const auto *wider = around(verdicts, prefix))
    return wider->second;
  return Verdict::Absent;
}

} // namespace banpush
