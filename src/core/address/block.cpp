#include "core/address/block.hpp"

#include <charconv>
#include <fmt/format.h>

namespace banpush {

namespace {

struct Named {
  std::string_view word;
  std::uint8_t number;
};

// IANA protocol numbers by the words that iptables and fail2ban use; the first of a number is its spelling.
constexpr Named protocols[] = {{"icmp", 1}, {"igmp", 2},    {"tcp", 6},        {"udp", 17},  {"dccp", 33},  {"gre", 47},     {"esp", 50},
                               {"ah", 51},  {"icmpv6", 58}, {"ipv6-icmp", 58}, {"ospf", 89}, {"sctp", 132}, {"udplite", 136}};

bool has_ports(std::uint8_t protocol) noexcept {
  return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136;
}

// A decimal number without sign, blank or leading zero; nothing else.
template <typename Number>
bool read_number(std::string_view text, Number &value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size() && (text.front() != '0' || text.size() == 1);
}

} // namespace

std::optional<std::uint8_t> protocol_number(std::string_view word) noexcept {
  for (const Named &known : protocols)
    if (word == known.word)
      return known.number;
  std::uint8_t number = 0;
  if (read_number(word, number) && number > 0 && number < 255)
    return number;
  return std::nullopt;
}

tl::expected<Service, Problem> Service::parse(std::string_view text) {
  if (text == "any")
    return Service{};
  const std::size_t slash = text.find('/');
  const auto protocol = protocol_number(text.substr(0, slash));
  if (!protocol)
    return tl::unexpected(Problem{"not a protocol: any, tcp, udp, icmp, … or its number", 1});
  Service service{0, 0, *protocol};
  if (slash == std::string_view::npos)
    return service;
  if (!has_ports(*protocol))
    return tl::unexpected(Problem{"this protocol has no ports", slash + 1});
  const std::string_view ports = text.substr(slash + 1);
  const std::size_t dash = ports.find('-');
  if (!read_number(ports.substr(0, dash), service.first))
    return tl::unexpected(Problem{"not a port from 1 to 65535", slash + 2});
  service.last = service.first;
  if (dash != std::string_view::npos && !read_number(ports.substr(dash + 1), service.last))
    return tl::unexpected(Problem{"not a port from 1 to 65535", slash + dash + 3});
  if (service.last < service.first)
    return tl::unexpected(Problem{"the range ends before it begins", slash + 2});
  if (service.last == 0)
    return tl::unexpected(Problem{"not a port from 1 to 65535", slash + 2});
  if (service.first <= 1 && service.last == 65535)
    service.first = service.last = 0;
  return service;
}

std::string Service::text() const {
  if (is_any())
    return "any";
  std::string text = fmt::format("{}", protocol);
  for (const Named &known : protocols)
    if (known.number == protocol) {
      text = known.word;
      break;
    }
  if (last == 0)
    return text;
  return first == last ? fmt::format("{}/{}", text, first) : fmt::format("{}/{}-{}", text, first, last);
}

tl::expected<Block, Problem> Block::parse(std::string_view text) {
  const std::size_t blank = text.find(' ');
  auto prefix = Prefix::parse(text.substr(0, blank));
  if (!prefix)
    return tl::unexpected(std::move(prefix.error()));
  if (blank == std::string_view::npos)
    return Block{*prefix, {}};
  auto service = Service::parse(text.substr(blank + 1));
  if (!service)
    return tl::unexpected(Problem{std::move(service.error().what), service.error().column + blank + 1});
  return Block{*prefix, *service};
}

std::string Block::text() const { return service.is_any() ? prefix.text() : prefix.text() + ' ' + service.text(); }

} // namespace banpush
