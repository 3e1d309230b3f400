#include "app/new_ban.hpp"

#include "app/state.hpp"
#include "config/duration.hpp"

#include <charconv>
#include <set>

#include <fmt/format.h>
#include <netdb.h>
#include <unistd.h>

namespace banpush {

namespace {

constexpr std::size_t most_jail = 64, most_hostname = 255, most_port_text = 32, most_reason = 255;

[[noreturn]] void refuse(const std::string &what, const std::string &value, const std::string &why) {
  throw Error(ErrorKind::Usage, fmt::format("{} \"{}\": {}", what, shown(value), why));
}

bool all_of(const std::string &text, std::string_view more) {
  for (const char c : text)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos))
      return false;
  return true;
}

// A number, or the name of a service (services(5)) for the protocol.
unsigned port_number(const std::string &text, const std::string &protocol, const std::string &whole) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!text.empty() && error == std::errc{} && end == text.data() + text.size()) {
    if (number > 65535)
      refuse("port", whole, fmt::format("{} is not between 0 and 65535", text));
    return number;
  }
  if (text.empty() || !all_of(text, "-_.+") || text.find_first_not_of("0123456789") == std::string::npos)
    refuse("port", whole, "neither a number, a range, nor the name of a service");
  servent found{}, *result = nullptr;
  char buffer[1024];
  const char *asked = protocol == "udp" || protocol == "tcp" ? protocol.c_str() : nullptr;
  if (getservbyname_r(text.c_str(), asked, &found, buffer, sizeof buffer, &result) != 0 || result == nullptr)
    refuse("port", whole, fmt::format("no service is called \"{}\" in /etc/services", text));
  return static_cast<unsigned>((found.s_port & 0xff) << 8 | (found.s_port >> 8 & 0xff)); // network order
}

std::string one_port(const std::string &text, const std::string &protocol, const std::string &whole) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) {
    // `8000-8100` is a range; a name with a dash (`http-alt`) is a name.
    const std::size_t dash = text.find('-');
    const bool digits = dash != std::string::npos && text.find_first_not_of("0123456789-") == std::string::npos;
    if (digits)
      return one_port(text.substr(0, dash) + ":" + text.substr(dash + 1), protocol, whole);
    const unsigned number = port_number(text, protocol, whole);
    if (number == 0)
      refuse("port", whole, "0 is no port; leave it out, or say `all`, for every port");
    return std::to_string(number);
  }
  const unsigned first = port_number(text.substr(0, colon), protocol, whole), last = port_number(text.substr(colon + 1), protocol, whole);
  if (first > last)
    refuse("port", whole, fmt::format("the range {} runs backwards", text));
  if (first <= 1 && last == 65535)
    return {};
  return fmt::format("{}:{}", first, last);
}

std::string own_name() {
  char name[most_hostname + 1] = {};
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
    refuse("hostname", "", "this host has no name; give one with --hostname");
  return name;
}

std::string require_protocol(std::string protocol) {
  static const std::set<std::string> known{"tcp",       "udp", "sctp", "udplite", "dccp", "icmp", "icmpv6",
                                           "ipv6-icmp", "esp", "ah",   "gre",     "all",  "any"};
  for (char &c : protocol)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (known.count(protocol) == 0)
    refuse("protocol", protocol, "one of tcp, udp, sctp, udplite, dccp, icmp, icmpv6, esp, ah, gre or all is meant");
  return protocol == "any" ? "all" : protocol;
}

} // namespace

void require_jail(const std::string &jail) {
  if (jail.empty() || jail.size() > most_jail || !all_of(jail, "-_.@:+/ ") || jail.front() == ' ' || jail.back() == ' ')
    refuse("jail", jail, "1 to 64 of the characters A-Z a-z 0-9 - _ . @ : + / and blanks inside");
}

void require_hostname(const std::string &hostname) {
  if (hostname.empty() || hostname.size() > most_hostname || !all_of(hostname, "-_.:"))
    refuse("hostname", hostname, "1 to 255 of the characters A-Z a-z 0-9 - _ . :");
}

std::string port_of(const std::string &text, const std::string &protocol) {
  if (text.empty() || text == "all" || text == "any" || text == "anyport")
    return {};
  std::string joined;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string one = one_port(text.substr(at, comma - at), protocol, text);
    if (one.empty())
      return {};
    joined += (joined.empty() ? "" : ",") + one;
    at = comma + 1;
  }
  if (joined.size() > most_port_text)
    refuse("port", text,
           fmt::format("more ports than the table's column of {} characters holds ({}); ban the whole address with `all`", most_port_text,
                       joined));
  return joined;
}

std::optional<Seconds> bantime_of(const std::string &text) {
  if (text.empty())
    return std::nullopt;
  if (text == "-1")
    return permanent;
  if (text.find_first_not_of("0123456789") == std::string::npos) { // seconds, as fail2ban's <bantime>
    Seconds seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size() || seconds == 0)
      refuse("bantime", text, "not a length of time");
    return seconds;
  }
  const auto seconds = parse_duration(text);
  if (!seconds)
    refuse("bantime", text, seconds.error().what);
  return *seconds;
}

std::string ip_text(const Prefix &prefix) { return prefix.is_host() ? prefix.address() : prefix.text(); }

NewBan new_ban(const std::string &ip, const std::string &jail, const std::string &protocol, const std::string &port,
               const std::string &bantime, const std::string &hostname, const std::string &reason) {
  NewBan ban;
  const auto prefix = Prefix::parse(ip);
  if (!prefix)
    throw Error(ErrorKind::Usage,
                fmt::format("ban \"{}\": no address or prefix: {} (column {})", shown(ip), prefix.error().what, prefix.error().column));
  ban.ip = *prefix;
  require_jail(jail);
  ban.jail = jail;
  ban.protocol = require_protocol(protocol);
  ban.port = port_of(port, ban.protocol);
  ban.until = bantime_of(bantime);
  ban.hostname = hostname.empty() ? own_name() : hostname;
  require_hostname(ban.hostname);
  if (reason.size() > most_reason || shown(reason, most_reason) != reason)
    refuse("reason", reason, "at most 255 printable characters without quotes");
  ban.reason = reason;
  ban.actor = actor();
  return ban;
}

} // namespace banpush
