// The address a line of a device's language speaks of, in every form in which devices write addresses.
// Deliberately not core/address/prefix.hpp: the emulated device must not share a mistake with what it tests.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace banpush::lab {

// Named pieces of text: what a pattern's groups matched, the fields of an entry, values of a session.
using Fields = std::map<std::string, std::string>;

struct Address {
  bool six = false;
  std::array<std::uint8_t, 16> bytes{}; // IPv4 in the first four
};

// One IPv4 or IPv6 address and nothing else; nothing for any other text.
std::optional<Address> address_of(std::string_view text);

// What becomes of bits behind the mask (`198.51.100.7 0.0.0.255`).
enum class BitsBehind { Masked, Kept, Refused };

// An address and which of its bits count.
struct Net {
  Address address;
  std::array<std::uint8_t, 16> mask{};

  bool covers(const Address &other) const noexcept;
  friend bool operator==(const Net &a, const Net &b) noexcept {
    return a.address.six == b.address.six && a.address.bytes == b.address.bytes && a.mask == b.mask;
  }
};

struct AddressForms {
  Fields fields;
  std::optional<Net> net; // nothing when the line says no address
};

// Reads `host`, or `net` with `wildcard`, `netmask` or `length`, or `prefix` (an address with or without a
// length). Gives `family`, `address`, `prefix`, `length`, `netmask`, `wildcard`, `single`
// (yes for one host), `upper_address`, `upper_prefix`, and `last` (its highest address); no `length` and
// `prefix` for a mask with holes. Empty when nothing of the kind is said; nothing when it is no address.
std::optional<AddressForms> address_forms(const Fields &said, BitsBehind behind);

} // namespace banpush::lab
