// A prefix and the service it is blocked for: the unit from policy to ledger, 24 bytes.
#pragma once

#include "core/address/prefix.hpp"

#include <optional>

namespace banpush {

// An IP protocol number (IANA; 0 means any) and, for TCP, UDP and SCTP, a range of ports (0 to 0
// means any). The default is everything.
struct Service {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  std::uint8_t protocol = 0;

  // `any`, `tcp`, `tcp/22`, `udp/5000-5010`, `icmp`.
  static tl::expected<Service, Problem> parse(std::string_view text);

  bool is_any() const noexcept { return protocol == 0; }
  std::string text() const;

  friend auto operator<=>(const Service &, const Service &) noexcept = default;
};

// The IANA number of a protocol word (`tcp`, `icmpv6`) or of a number from 1 to 254; lower case only.
std::optional<std::uint8_t> protocol_number(std::string_view word) noexcept;

struct Block {
  Prefix prefix;
  Service service;

  // `203.0.113.7/32`, or `203.0.113.7/32 tcp/22`.
  static tl::expected<Block, Problem> parse(std::string_view text);
  std::string text() const;

  friend auto operator<=>(const Block &, const Block &) noexcept = default;
};

static_assert(sizeof(Block) == 24, "a million blocks are 24 MB");

} // namespace banpush
