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
  case Verdict::Absent: return 0;
  default: return 1;
  }
}

// 2^bits.
double power(unsigned bits) noexcept { return std::ldexp(1.0, static_cast<int>(bits)); }

// How much of one prefix the prefixes in it make up, which are added in their order: of all of it, and in addresses (IPv6:
// /64s), of which the one that an address lies in counts whole.
class Share {
public:
  explicit Share(const Prefix &whole) noexcept : whole_(whole), unit_(whole.family() == Family::IPv4 ? 32 : 64) {}

  void add(const Prefix &part) noexcept {
    if (last_ && last_->contains(part))
      return;
    last_ = part;
    share_ += 1 / power(part.length() - whole_.length());
    const Prefix unit = part.with_length(std::min(part.length(), unit_));
    if (last_unit_ && last_unit_->contains(unit))
      return;
    last_unit_ = unit;
    units_ += size_of(unit);
  }

  bool is_whole() const noexcept { return share_ >= 1; }
  double units() const noexcept { return std::min(units_, all_units()); }
  double all_units() const noexcept { return size_of(whole_); }

private:
  double size_of(const Prefix &prefix) const noexcept { return power(unit_ - std::min(unit_, prefix.length())); }

  Prefix whole_;
  unsigned unit_;
  std::optional<Prefix> last_, last_unit_;
  double share_ = 0, units_ = 0;
};

// The more telling of two reasons.
Verdict better(Verdict a, Verdict b) noexcept { return telling(b) > telling(a) ? b : a; }

} // namespace

bool explains(Verdict verdict) noexcept { return verdict != Verdict::Absent && verdict != Verdict::Future; }

Verdict Candidates::verdict(const Prefix &prefix) const noexcept {
  auto part = at_or_after(wanted, prefix);
  if (part != wanted.end() && part->block.prefix == prefix)
    return Verdict::Wanted;
  auto known = at_or_after(verdicts, prefix);
  Verdict exact = Verdict::Absent;
  for (; known != verdicts.end() && known->first == prefix; ++known)
    exact = explains(exact) ? better(exact, known->second) : known->second;
  if (explains(exact))
    return exact;
  if (protect.overlap(prefix))
    return Verdict::Protected;
  if (allow.overlap(prefix))
    return Verdict::Allowed;

  // Rows in it, each part of what it was merged from.
  Share share(prefix);
  Verdict best = Verdict::Absent;
  for (;;) {
    const bool has_part = part != wanted.end() && prefix.contains(part->block.prefix);
    const bool has_known = known != verdicts.end() && prefix.contains(known->first);
    if (!has_part && !has_known)
      break;
    if (has_part && (!has_known || part->block.prefix < known->first)) {
      share.add((part++)->block.prefix);
      best = better(best, Verdict::Covered);
    } else {
      if (explains(known->second)) {
        share.add(known->first);
        best = better(best, known->second);
      }
      ++known;
    }
  }
  constexpr double rounding = 1e-9;
  const bool is_enough = share.is_whole() || (least_share && share.units() >= (*least_share - rounding) * share.all_units() &&
                                              share.all_units() - share.units() <= static_cast<double>(most_innocents));
  return is_enough && best != Verdict::Absent ? best : exact;
}

} // namespace banpush
