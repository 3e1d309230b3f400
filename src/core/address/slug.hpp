// Names made of prefixes, for platforms that call each entry by a name: read back to the prefix they were made of.
#pragma once

#include "core/address/prefix.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace banpush {

// How many characters a name has at least to be let: the short form below takes so many.
inline constexpr std::size_t least_slug = 28;

// `203-0-113-7-32`, `2001-db8--1-128`. Where that has more than `most` characters: `6`, the address as a number in 25 digits to
// the base of 36, and the length in two more. No two prefixes have the same name.
std::string slug_of(const Prefix &prefix, std::size_t most);

// The prefix that a name was made of, in either form; nothing where it is none of these.
std::optional<Prefix> prefix_of_slug(std::string_view slug);

} // namespace banpush
