#include "bans/sql/side_index.hpp"

#include <algorithm>
#include <bit>
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

// FNV-1a, going on from an earlier part.
std::uint64_t fnv1a(std::string_view text, std::uint64_t hash) noexcept {
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash * 1099511628211U; // a NUL after each part
}

// FNV leaves the top bits of short texts alike; this spreads them (the finalizer of MurmurHash3).
std::uint64_t mixed(std::uint64_t hash) noexcept {
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdU;
  hash = (hash ^ (hash >> 33U)) * 0xc4ceb9fe1a85ec53U;
  return hash ^ (hash >> 33U);
}

} // namespace

std::string_view whole_seconds(std::string_view time) noexcept {
  const auto dot = time.find('.');
  if (dot != std::string_view::npos && time.find_first_not_of('0', dot + 1) == std::string_view::npos)
    return time.substr(0, dot);
  return time;
}

SideIndex::Entry SideIndex::hashed(const NaturalKey &key) {
  std::uint64_t hash = 14695981039346656037U, other = 0;
  for (const std::string_view part : {key.ip, whole_seconds(key.created), key.hostname, key.name}) {
    hash = fnv1a(part, hash);
    other = other * 31 + std::hash<std::string_view>{}(part);
  }
  return {mixed(hash), static_cast<std::uint32_t>(mixed(other)) & 0x3fffffffU, 0, 0, nothing, nothing, nothing};
}

void SideIndex::add(const NaturalKey &key, const SideNote &note) {
  Entry entry = hashed(key);
  entry.age = packed(note.age);
  entry.until = packed(note.until);
  entry.revoked = packed(note.revoked);
  entry.by_operator = note.revoked_by_operator ? 1 : 0;
  entries_.push_back(entry);
}

void SideIndex::seal() {
  std::sort(entries_.begin(), entries_.end(), before);
  bits_ = static_cast<unsigned>(std::bit_width(entries_.size()));
  first_.assign((std::size_t{1} << bits_) + 1, static_cast<std::uint32_t>(entries_.size()));
  for (std::size_t i = entries_.size(); i-- > 0;)
    first_[bucket(entries_[i].high)] = static_cast<std::uint32_t>(i);
  for (std::size_t i = first_.size() - 1; i-- > 0;)
    first_[i] = std::min(first_[i], first_[i + 1]); // an empty bucket ends where the next begins
}

const SideIndex::Entry *SideIndex::place(const NaturalKey &key) const {
  if (entries_.empty())
    return nullptr;
  const Entry wanted = hashed(key);
  const std::size_t here = bucket(wanted.high);
  for (std::size_t i = first_[here]; i < first_[here + 1]; ++i)
    if (entries_[i].high == wanted.high && entries_[i].low == wanted.low)
      return &entries_[i];
  return nullptr;
}

std::optional<SideNote> SideIndex::find(const NaturalKey &key) {
  const Entry *entry = place(key);
  if (entry == nullptr)
    return std::nullopt;
  entries_[static_cast<std::size_t>(entry - entries_.data())].found = 1;
  return SideNote{unpacked(entry->age), unpacked(entry->until), unpacked(entry->revoked), entry->by_operator != 0};
}

bool SideIndex::was_found(const NaturalKey &key) const {
  const Entry *entry = place(key);
  return entry != nullptr && entry->found != 0;
}

} // namespace banpush
