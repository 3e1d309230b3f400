#include "core/policy/policy.hpp"

#include <algorithm>
#include <array>

namespace banpush {

namespace {

struct Special {
  Prefix prefix;
  const char *name;
};

// The IANA special-purpose registries (RFC 6890 and what came after), less the documentation ranges
// and what is routed like any other space (6to4, Teredo, AS112).
const std::vector<Special> &specials() {
  static const std::vector<Special> all = [] {
    std::vector<Special> made;
    for (const auto &[text, name] : {
             std::pair{"0.0.0.0/8", "this network"},
             {"10.0.0.0/8", "private"},
             {"100.64.0.0/10", "shared address space (CGN)"},
             {"127.0.0.0/8", "loopback"},
             {"169.254.0.0/16", "link-local"},
             {"172.16.0.0/12", "private"},
             {"192.0.0.0/24", "protocol assignments"},
             {"192.88.99.0/24", "6to4 relay anycast"},
             {"192.168.0.0/16", "private"},
             {"198.18.0.0/15", "benchmarking"},
             {"224.0.0.0/4", "multicast"},
             {"240.0.0.0/4", "reserved for future use"},
             {"::/128", "unspecified"},
             {"::1/128", "loopback"},
             {"64:ff9b::/96", "IPv4 translation (NAT64)"},
             {"64:ff9b:1::/48", "IPv4 translation (NAT64)"},
             {"100::/64", "discard-only"},
             {"2001:2::/48", "benchmarking"},
             {"2001:10::/28", "ORCHID"},
             {"2001:20::/28", "ORCHIDv2"},
             {"5f00::/16", "segment routing"},
             {"fc00::/7", "unique local"},
             {"fe80::/10", "link-local"},
             {"fec0::/10", "site-local"},
             {"ff00::/8", "multicast"},
         })
      made.push_back({Prefix::require(text), name});
    return made;
  }();
  return all;
}

// Whether anything special overlaps the /8 with this first byte: most addresses need no longer look.
bool is_free(const Prefix &prefix) {
  static const auto free = [] {
    std::array<std::array<bool, 256>, 2> made{};
    for (std::size_t byte = 0; byte < 256; ++byte)
      for (const Family family : {Family::IPv4, Family::IPv6}) {
        const Prefix around(family, {static_cast<std::uint8_t>(byte)}, 8);
        const auto special =
            std::find_if(specials().begin(), specials().end(), [&](const Special &one) { return one.prefix.overlaps(around); });
        made[family == Family::IPv4 ? 0 : 1][byte] = special == specials().end() && (family == Family::IPv4 || byte >> 5U == 1);
      }
    return made;
  }();
  return prefix.length() >= 8 && free[prefix.family() == Family::IPv4 ? 0 : 1][prefix.bytes()[0]];
}

const Prefix &global_unicast() {
  static const Prefix prefix = Prefix::require("2000::/3");
  return prefix;
}

} // namespace

std::optional<std::string> reserved(const Prefix &prefix) {
  if (is_free(prefix))
    return std::nullopt;
  for (const Special &special : specials())
    if (special.prefix.overlaps(prefix))
      return special.name;
  if (prefix.family() == Family::IPv6 && !global_unicast().contains(prefix))
    return "not global unicast";
  return std::nullopt;
}

} // namespace banpush
