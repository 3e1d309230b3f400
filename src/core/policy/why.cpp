// Why an entry that stands on a device is not wanted there any more, by what the table says now of what made it.
#include "core/policy/policy.hpp"

#include <algorithm>
#include <cmath>

namespace banpush {

namespace {

const Prefix &prefix_of(const Candidate &candidate) noexcept { return candidate.block.prefix; }
template <typename Of>
const Prefix &prefix_of(const std::pair<Prefix, Of> &entry) noexcept {
  return entry.first;
}

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

// Whether a wanted block holds nothing but what is banned. One that was merged may hold innocents, and how many depends on what
// else there is to merge: whoever inserts rows elsewhere decides over that.
bool is_all_banned(const Candidates &all, const Prefix &block) noexcept {
  if (!all.least_share)
    return true;
  auto one = at_or_after(all.origins, block);
  if (one == all.origins.end() || one->first != block)
    return true;
  for (; one != all.origins.end() && one->first == block; ++one)
    if (one->second.prefix.contains(block))
      return true;
  return false;
}

} // namespace

bool explains(Verdict verdict) noexcept { return verdict != Verdict::Absent && verdict != Verdict::Future; }

Verdict Candidates::verdict(const Prefix &prefix) const noexcept {
  auto part = at_or_after(wanted, prefix);
  if (part != wanted.end() && part->block.prefix == prefix)
    return Verdict::Wanted;
  Verdict exact = Verdict::Absent;
  for (const auto *some : {&verdicts, &parts})
    for (auto one = at_or_after(*some, prefix); one != some->end() && one->first == prefix; ++one)
      exact = explains(exact) ? better(exact, one->second) : one->second;
  if (explains(exact))
    return exact;
  if (protect.overlap(prefix))
    return Verdict::Protected;
  if (allow.overlap(prefix))
    return Verdict::Allowed;

  // Rows in it, each part of what it was merged from.
  const auto is_other = [&](const auto &one) { return one.first != prefix; };
  auto known = std::find_if(at_or_after(verdicts, prefix), verdicts.end(), is_other);
  auto made = least_share ? std::find_if(at_or_after(parts, prefix), parts.end(), is_other) : parts.end();
  const auto next_in = [&](const auto &items, auto at) {
    return at != items.end() && prefix.contains(prefix_of(*at)) ? &prefix_of(*at) : nullptr;
  };
  Share share(prefix);
  Verdict best = Verdict::Absent;
  for (;;) {
    const Prefix *const of_part = next_in(wanted, part), *const of_known = next_in(verdicts, known), *const of_made = next_in(parts, made);
    const auto is_first = [&](const Prefix *one) {
      return one != nullptr && (!of_part || !(*of_part < *one)) && (!of_known || !(*of_known < *one)) && (!of_made || !(*of_made < *one));
    };
    if (is_first(of_part)) {
      if (is_all_banned(*this, *of_part))
        share.add(*of_part);
      best = better(best, Verdict::Covered);
      ++part;
    } else if (is_first(of_known)) {
      if (explains(known->second)) {
        share.add(*of_known);
        best = better(best, known->second);
      }
      ++known;
    } else if (is_first(of_made)) {
      if (made->second == Verdict::Covered)
        share.add(*of_made);
      ++made;
    } else {
      break;
    }
  }
  constexpr double rounding = 1e-9;
  const bool is_enough = share.is_whole() || (least_share && share.units() >= (*least_share - rounding) * share.all_units() &&
                                              share.all_units() - share.units() <= static_cast<double>(most_innocents));
  return is_enough && best != Verdict::Absent ? best : exact;
}

namespace {

// What became of the bans that an entry was made of, by what the table says of each now.
class Fate {
public:
  Fate(const Candidates &all, const Prefix &entry) : all_(all), entry_(entry) {}

  Why of(const Making &made_of) const {
    std::vector<Verdict> found;
    for (const Origin &one : made_of)
      found.push_back(of(one));
    const auto gone = std::find_if(found.begin(), found.end(), [](Verdict one) { return !explains(one); });
    if (gone != found.end())
      return exception().value_or(Why{*gone, place(made_of, found, *gone)});
    Verdict told = Verdict::Absent;
    for (const Verdict one : found)
      if (one != Verdict::Wanted)
        told = better(told, one);
    if (told != Verdict::Absent)
      return {told, place(made_of, found, told)};
    return in_force();
  }

  // All that it was made of is in force: it is blocked in another shape.
  Why in_force() const {
    if (const auto excepted = exception())
      return *excepted;
    for (unsigned length = 0; length < entry_.length(); ++length)
      if (is_wanted(entry_.with_length(length)))
        return {Verdict::Covered, Why::Of::Entry};
    return {Verdict::Split, Why::Of::Entry};
  }

  std::optional<Why> exception() const {
    for (const auto &[set, verdict] : {std::pair{&all_.protect, Verdict::Protected}, std::pair{&all_.allow, Verdict::Allowed}})
      if (set->overlap(entry_))
        return Why{verdict, set->covers(entry_) ? Why::Of::Entry : Why::Of::Part};
    return std::nullopt;
  }

private:
  bool is_wanted(const Prefix &prefix) const noexcept {
    const auto one = at_or_after(all_.wanted, prefix);
    return one != all_.wanted.end() && one->block.prefix == prefix;
  }

  // Whether a wanted prefix is so for a ban of just that, and not only merged of others or cut out of one.
  bool is_ban(const Prefix &prefix) const noexcept {
    auto one = at_or_after(all_.origins, prefix);
    if (one == all_.origins.end() || one->first != prefix)
      return true;
    return std::any_of(one, all_.origins.end(), [&](const auto &other) { return other.first == prefix && other.second.prefix == prefix; });
  }

  // Wanted: it is in force, as itself or in another shape.
  Verdict of(const Origin &origin) const {
    if (is_wanted(origin.prefix) && is_ban(origin.prefix))
      return Verdict::Wanted;
    Verdict known = Verdict::Absent;
    for (auto one = at_or_after(all_.verdicts, origin.prefix); one != all_.verdicts.end() && one->first == origin.prefix; ++one)
      known = explains(known) ? better(known, one->second) : one->second;
    const bool is_cut = (known == Verdict::Allowed && !all_.allow.covers(origin.prefix)) ||
                        (known == Verdict::Protected && !all_.protect.covers(origin.prefix));
    if (known == Verdict::Covered || is_cut)
      return Verdict::Wanted;
    if (!explains(known) && origin.until != permanent && origin.until <= 0)
      return Verdict::Expired;
    return known;
  }

  Why::Of place(const Making &made_of, const std::vector<Verdict> &found, Verdict told) const {
    const auto first = static_cast<std::size_t>(std::find(found.begin(), found.end(), told) - found.begin());
    if (const Prefix &origin = made_of[first].prefix; origin != entry_ && origin.contains(entry_))
      return Why::Of::Wider;
    return std::all_of(found.begin(), found.end(), [&](Verdict one) { return one == told; }) ? Why::Of::Entry : Why::Of::Part;
  }

  const Candidates &all_;
  const Prefix &entry_;
};

} // namespace

Why Candidates::why(const Prefix &entry, const std::optional<Making> &made_of) const {
  const Fate fate(*this, entry);
  if (made_of) {
    const auto one = at_or_after(wanted, entry);
    if (one != wanted.end() && one->block.prefix == entry)
      return {Verdict::Wanted, Why::Of::Entry};
    return fate.of(made_of->empty() ? Making{{entry, permanent}} : *made_of);
  }
  const Verdict found = verdict(entry);
  if (found == Verdict::Covered)
    return fate.in_force();
  if (found == Verdict::Allowed || found == Verdict::Protected)
    return fate.exception().value_or(Why{found, Why::Of::Entry});
  return {found, Why::Of::Entry};
}

} // namespace banpush
