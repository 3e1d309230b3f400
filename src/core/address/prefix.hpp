// One canonical IPv4 or IPv6 network: no host bits, IPv4-mapped IPv6 folded to IPv4, one spelling
// (RFC 5952).
#pragma once

#include "core/error.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace banpush {

enum class Family : std::uint8_t { IPv4 = 4, IPv6 = 6 };

// What to do with bits set behind the prefix length (198.51.100.7/24).
enum class HostBits { Refuse, Clear };

class Prefix {
public:
  using Bytes = std::array<std::uint8_t, 16>;

  // 0.0.0.0/0; only there so that containers can be sized.
  Prefix() noexcept = default;

  // From address bytes in network order (IPv4 in the first four) and a length in bits; bits behind
  // the length are cleared. ::ffff:0:0/96 and what lies in it becomes IPv4. The length is at most
  // 32 or 128.
  Prefix(Family family, const Bytes &address, unsigned length) noexcept;

  // `203.0.113.7`, `203.0.113.0/24`, `2001:db8::1`, `2001:db8::/32`. Strict: decimal octets without
  // leading zeros, no zone id, no blanks, no other notation of IPv4, length in plain decimal.
  static tl::expected<Prefix, Problem> parse(std::string_view text, HostBits host_bits = HostBits::Refuse);

  // The same; throws Error of the given kind naming the text.
  static Prefix require(std::string_view text, ErrorKind kind = ErrorKind::Usage);

  Family family() const noexcept { return family_; }
  unsigned length() const noexcept { return length_; }
  const Bytes &bytes() const noexcept { return bytes_; }
  unsigned width() const noexcept { return family_ == Family::IPv4 ? 32 : 128; }
  bool is_host() const noexcept { return length_ == width(); }

  bool contains(const Prefix &other) const noexcept;
  bool overlaps(const Prefix &other) const noexcept { return contains(other) || other.contains(*this); }
  bool bit(unsigned index) const noexcept { return (bytes_[index / 8] >> (7 - index % 8) & 1U) != 0; }

  Prefix with_length(unsigned length) const noexcept; // shorter: the network around; longer: its first part
  Prefix sibling() const noexcept;                    // the other half of the parent; itself for length 0
  Prefix last_host() const noexcept;                  // the highest address in it

  std::string address() const;  // `203.0.113.7`, without the length
  std::string text() const;     // `203.0.113.7/32`, always with the length
  std::string netmask() const;  // `255.255.255.0`; IPv6 in the same manner
  std::string wildcard() const; // `0.0.0.255`

  // IPv4 before IPv6, then by address, then the shorter (wider) first.
  friend std::strong_ordering operator<=>(const Prefix &a, const Prefix &b) noexcept;
  friend bool operator==(const Prefix &a, const Prefix &b) noexcept = default;

private:
  Bytes bytes_{};
  std::uint8_t length_ = 0;
  Family family_ = Family::IPv4;
};

// A netmask (255.255.255.0, ffff:ffff:ffff::) or wildcard (0.0.0.255) as a length; a mask with a hole in it is
// a Problem, never guessed at.
tl::expected<unsigned, Problem> length_of_netmask(std::string_view netmask);
tl::expected<unsigned, Problem> length_of_wildcard(std::string_view wildcard);

} // namespace banpush
