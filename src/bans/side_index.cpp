#include "bans/side_index.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace banpush {

namespace {

constexpr std::int32_t nothing = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t for_ever = std::numeric_limits<std::int32_t>::max();

std::int32_t packed(const std::optional<Seconds> &seconds) noexcept {
  if (!seconds)
    return nothing;
  if (*seconds == permanent)
    return for_ever;
  return static_cast<std::int32_t>(std::clamp<Seconds>(*seconds, nothing + 1, for_ever - 1));
}

std::optional<Seconds> unpacked(std::int32_t seconds) noexcept {
  if (seconds == nothing)
    return std::nullopt;
  return seconds == for_ever ? permanent : seconds;
}

std::uint64_t fnv1a(std::string_view text) noexcept {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

} // namespace

std::string_view whole_seconds(std::string_view time) noexcept {
  const auto dot = time.find('.');
  if (dot != std::string_view::npos && time.find_first_not_of('0', dot + 1) == std::string_view::npos)
    return time.substr(0, dot);
  return time;
}

SideIndex::Entry SideIndex::hashed(const NaturalKey &key) {
  std::string text;
  text.reserve(160);
  for (const std::string_view part : {key.ip, whole_seconds(key.created), key.hostname, key.name})
    text.append(part).push_back('\0');
  return {std::hash<std::string_view>{}(text), fnv1a(text), nothing, nothing, nothing, false, false};
}

void SideIndex::add(const NaturalKey &key, const SideNote &note) {
  Entry entry = hashed(key);
  entry.age = packed(note.age);
  entry.until = packed(note.until);
  entry.revoked = packed(note.revoked);
  entry.by_operator = note.revoked_by_operator;
  entries_.push_back(entry);
}

void SideIndex::seal() {
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry &a, const Entry &b) { return std::pair(a.high, a.low) < std::pair(b.high, b.low); });
}

std::vector<SideIndex::Entry>::const_iterator SideIndex::place(const NaturalKey &key) const {
  const Entry wanted = hashed(key);
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), wanted,
                                   [](const Entry &a, const Entry &b) { return std::pair(a.high, a.low) < std::pair(b.high, b.low); });
  return at != entries_.end() && at->high == wanted.high && at->low == wanted.low ? at : entries_.end();
}

std::optional<SideNote> SideIndex::find(const NaturalKey &key) {
  if (entries_.empty())
    return std::nullopt;
  const auto at = place(key);
  if (at == entries_.end())
    return std::nullopt;
  entries_[static_cast<std::size_t>(at - entries_.cbegin())].found = true;
  return SideNote{unpacked(at->age), unpacked(at->until), unpacked(at->revoked), at->by_operator};
}

bool SideIndex::was_found(const NaturalKey &key) const {
  const auto at = place(key);
  return at != entries_.end() && at->found;
}

} // namespace banpush
