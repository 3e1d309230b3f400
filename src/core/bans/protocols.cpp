#include "core/bans/protocols.hpp"

#include "core/address/block.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::uint8_t all_protocols = 0, no_protocol = 255;

// Several at once: this and a bit for each of those below. IANA assigns 147 to 252 to nobody.
constexpr std::uint8_t first_set = 160;
constexpr std::array<std::uint8_t, 5> in_sets{6, 17, 132, 33, 136}; // tcp, udp, sctp, dccp, udplite
constexpr std::uint8_t others_bit = 1U << in_sets.size();
constexpr std::uint8_t last_set = first_set + 2 * others_bit - 1;

constexpr std::size_t longest_word = 16;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// iptables' and nft's names beside those of /etc/protocols; `ip` is what people write for any of them.
struct Named {
  std::string_view word;
  std::uint8_t number;
};
constexpr Named other_words[] = {{"all", 0},  {"any", 0},   {"ip", 0},    {"ip4", 0},   {"ip6", 0},    {"ipv4", 0},   {"ipv6", 0},
                                 {"inet", 0}, {"inet4", 0}, {"inet6", 0}, {"*", 0},     {"0", 0},      {"-1", 0},     {"tcp4", 6},
                                 {"tcp6", 6}, {"udp4", 17}, {"udp6", 17}, {"icmp4", 1}, {"icmp6", 58}, {"icmpv4", 1}, {"udp-lite", 136}};

std::uint8_t one_code(std::string_view word) noexcept {
  std::array<char, longest_word> text{};
  if (word.empty() || word.size() > text.size())
    return no_protocol;
  std::transform(word.begin(), word.end(), text.begin(), lower);
  const std::string_view small(text.data(), word.size());
  if (const auto number = protocol_number(small))
    return *number < first_set || *number > last_set ? *number : no_protocol;
  for (const Named &known : other_words)
    if (known.word == small)
      return known.number;
  return no_protocol;
}

std::uint8_t bit_of(std::uint8_t number) noexcept {
  const auto found = std::find(in_sets.begin(), in_sets.end(), number);
  return found == in_sets.end() ? others_bit : static_cast<std::uint8_t>(1U << (found - in_sets.begin()));
}

bool is_set(std::uint8_t code) noexcept { return code >= first_set && code <= last_set; }

} // namespace

std::uint8_t protocol_code(std::string_view column) noexcept {
  constexpr std::string_view between = ", \t/+";
  std::optional<std::uint8_t> only;
  std::uint8_t set = 0;
  bool several = false;
  while (!column.empty()) {
    const std::size_t end = std::min(column.find_first_of(between), column.size());
    const std::string_view word = column.substr(0, end);
    column.remove_prefix(std::min(end + 1, column.size()));
    if (word.empty())
      continue;
    const std::uint8_t code = one_code(word);
    if (code == all_protocols)
      return all_protocols;
    several = several || (only && *only != code);
    only = code;
    set |= bit_of(code);
  }
  if (!only)
    return all_protocols;
  return several ? static_cast<std::uint8_t>(first_set + set) : *only;
}

std::string protocol_text(std::uint8_t code) {
  if (code == all_protocols)
    return "all";
  if (code == no_protocol)
    return "of an unknown name";
  if (!is_set(code))
    return Service{0, 0, code}.text();
  std::string text;
  for (std::size_t i = 0; i < in_sets.size(); ++i)
    if (((code - first_set) & (1 << i)) != 0)
      text += fmt::format("{}{}", text.empty() ? "" : ",", Service{0, 0, in_sets[i]}.text());
  if (((code - first_set) & others_bit) != 0)
    text += text.empty() ? "several" : ",others";
  return text;
}

std::array<bool, 256> rows_taken(const std::vector<std::string> &protocols) {
  std::array<bool, 256> taken{};
  std::uint8_t bits = 0;
  taken[all_protocols] = true;
  for (const std::string &word : protocols) {
    const std::uint8_t code = one_code(word);
    if (code == all_protocols)
      taken.fill(true);
    taken[code] = true;
    bits |= bit_of(code);
  }
  for (unsigned code = first_set; code <= last_set; ++code)
    taken[code] = taken[code] || ((code - first_set) & bits) != 0;
  if (protocols.empty())
    taken.fill(true);
  return taken;
}

std::string protocol_word(std::string_view word) {
  const std::uint8_t code = one_code(word);
  return code == no_protocol ? std::string() : protocol_text(code);
}

} // namespace banpush
