#include "core/bans/ban.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace banpush {

namespace {

constexpr unsigned digit_bits = 11;
constexpr std::size_t digits = std::size_t{1} << digit_bits;

std::uint32_t address_of(const Prefix &prefix) noexcept {
  const auto &bytes = prefix.bytes();
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

// Keys by their upper half, the least digit first; the order of equal ones stays.
void radix_sort(std::vector<std::uint64_t> &keys) {
  std::vector<std::uint64_t> other(keys.size());
  for (unsigned shift = 32; shift < 64; shift += digit_bits) {
    std::array<std::size_t, digits + 1> starts{};
    for (const std::uint64_t key : keys)
      ++starts[(key >> shift & (digits - 1)) + 1];
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    for (const std::uint64_t key : keys)
      other[starts[key >> shift & (digits - 1)]++] = key;
    keys.swap(other);
  }
}

} // namespace

std::vector<std::uint32_t> ordered_by_prefix(const std::vector<Ban> &rows) {
  constexpr std::uint64_t is_network = 1U << 31U;
  std::vector<std::uint64_t> keys; // IPv4: the address, a mark on networks, the row's number
  std::vector<std::uint32_t> order, ipv6;
  keys.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Prefix &prefix = rows[i].block.prefix;
    if (prefix.family() == Family::IPv4)
      keys.push_back(static_cast<std::uint64_t>(address_of(prefix)) << 32 | (prefix.is_host() ? 0 : is_network) | i);
    else
      ipv6.push_back(static_cast<std::uint32_t>(i));
  }
  radix_sort(keys);
  order.reserve(rows.size());
  const auto wider = [&](std::uint32_t a, std::uint32_t b) { return rows[a].block.prefix < rows[b].block.prefix; };
  for (std::size_t i = 0; i < keys.size();) {
    const std::size_t first = order.size();
    const std::uint64_t address = keys[i] >> 32;
    std::uint64_t marks = 0;
    for (; i < keys.size() && keys[i] >> 32 == address; ++i) {
      marks |= keys[i];
      order.push_back(static_cast<std::uint32_t>(keys[i] & (is_network - 1)));
    }
    if ((marks & is_network) != 0)
      std::sort(order.begin() + static_cast<std::ptrdiff_t>(first), order.end(), wider);
  }
  std::sort(ipv6.begin(), ipv6.end(), wider);
  order.insert(order.end(), ipv6.begin(), ipv6.end());
  return order;
}

} // namespace banpush
