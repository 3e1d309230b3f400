#include "core/driver/entry_text.hpp"

#include "core/address/slug.hpp"

#include <algorithm>
#include <charconv>

namespace banpush {

namespace {

std::optional<unsigned> number_of(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

// The one prefix from the first to the last address of a range, if it is one.
std::optional<Prefix> prefix_of_range(const Prefix &first, const Prefix &last) {
  for (unsigned length = 0; length <= first.width(); ++length) {
    const Prefix candidate = first.with_length(length);
    if (candidate.bytes() == first.bytes() && candidate.last_host().bytes() == last.bytes())
      return candidate;
  }
  return std::nullopt;
}

// The smallest prefix that both ends of a range lie in.
Prefix prefix_around(const Prefix &first, const Prefix &last) {
  unsigned length = 0;
  while (length < first.width() && first.bit(length) == last.bit(length))
    ++length;
  return first.with_length(length);
}

struct Shaped {
  std::optional<Prefix> exact{}, covers{}, around{};
};

Shaped with_length(const Prefix &address, unsigned length) {
  if (length > address.width())
    return {};
  const Prefix prefix = address.with_length(length);
  if (prefix.bytes() != address.bytes()) // host bits: not how we write it
    return {std::nullopt, prefix};
  return {prefix, prefix};
}

// A mask of the other family is none.
Shaped with_mask(const Prefix &address, std::string_view mask, const tl::expected<unsigned, Problem> &length) {
  const Family family = mask.find(':') == std::string_view::npos ? Family::IPv4 : Family::IPv6;
  return length && family == address.family() ? with_length(address, *length) : Shaped{};
}

Shaped shape(const Pieces &pieces) {
  if (const auto text = pieces("prefix")) {
    const auto prefix = Prefix::parse(*text, HostBits::Clear);
    if (!prefix)
      return {};
    if (!Prefix::parse(*text, HostBits::Refuse))
      return {std::nullopt, *prefix};
    return {*prefix, *prefix};
  }
  if (const auto text = pieces("slug")) {
    const auto prefix = prefix_of_slug(*text);
    return {prefix, prefix};
  }
  if (const auto first_text = pieces("first"), last_text = pieces("last"); first_text && last_text) {
    const auto first = Prefix::parse(*first_text), last = Prefix::parse(*last_text);
    if (!first || !last || !first->is_host() || !last->is_host() || first->family() != last->family())
      return {};
    const auto prefix = prefix_of_range(*first, *last);
    return {prefix, prefix, prefix_around(*first, *last)};
  }
  const auto text = pieces("address");
  if (!text)
    return {};
  const auto address = Prefix::parse(*text);
  if (!address || !address->is_host())
    return {};
  if (const auto length_text = pieces("length")) {
    const auto length = number_of(*length_text);
    return length ? with_length(*address, *length) : Shaped{};
  }
  if (const auto mask = pieces("netmask"))
    return with_mask(*address, *mask, length_of_netmask(*mask));
  if (const auto mask = pieces("wildcard"))
    return with_mask(*address, *mask, length_of_wildcard(*mask));
  return {*address, *address};
}

// An IPv6 entry for an IPv4-mapped address (::ffff:203.0.113.7, RFC 4291) meets no IPv4 packet: it is
// nothing we write, and holds no ban of that IPv4 address.
bool is_mapped(const Pieces &pieces, const Shaped &found) {
  const std::optional<Prefix> &any = found.exact ? found.exact : found.covers ? found.covers : found.around;
  if (!any || any->family() != Family::IPv4)
    return false;
  for (const char *name : {"prefix", "first", "address"})
    if (const auto text = pieces(name); text && text->find(':') != std::string_view::npos)
      return true;
  return false;
}

} // namespace

Pieces in_our_words(const Driver &driver, const Pieces &pieces) {
  if (driver.ports.empty() && driver.protocols.empty())
    return pieces;
  return [&driver, &pieces](std::string_view name) -> std::optional<std::string_view> {
    const auto text = pieces(name);
    const bool port = name == "port" || name == "port_first" || name == "port_last";
    if (!text || (!port && name != "protocol"))
      return text;
    const auto &words = port ? driver.ports : driver.protocols;
    const auto word = words.find(std::string(*text));
    return word == words.end() ? *text : std::string_view(word->second);
  };
}

EntryText entry_of(const Pieces &pieces) {
  const Shaped found = shape(pieces);
  EntryText entry;
  if (is_mapped(pieces, found))
    return entry;
  Service service;
  if (const auto protocol = pieces("protocol"); protocol && *protocol != "ip" && *protocol != "ipv4" && *protocol != "ipv6") {
    std::string text(*protocol);
    if (const auto port = pieces("port"))
      text += "/" + std::string(*port);
    else if (const auto first = pieces("port_first"), last = pieces("port_last"); first && last)
      text += "/" + std::string(*first) + "-" + std::string(*last);
    const auto parsed = Service::parse(text);
    if (!parsed)
      return entry; // a service we would not write: what it covers is less than the whole address
    service = *parsed;
  }
  if (service.is_any())
    entry.covers = found.covers;
  entry.around = found.around ? found.around : found.covers;
  if (found.exact)
    entry.block = Block{*found.exact, service};
  return entry;
}

} // namespace banpush
