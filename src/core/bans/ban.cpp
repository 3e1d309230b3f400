#include "core/bans/ban.hpp"

#include "core/bans/invisible.hpp"
#include "core/bans/protocols.hpp"
#include "core/digest.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::size_t samples_kept = 20;
constexpr std::size_t longest_name = 255;

struct KnownPort {
  std::string_view name;
  std::uint16_t port;
};

// The services that fail2ban's own jails name. A constant table, because looking into /etc/services
// would be I/O, and would differ from host to host.
constexpr KnownPort known_ports[] = {
    {"amqp", 5672},       {"amqps", 5671},     {"asterisk", 5060},   {"domain", 53},        {"ftp", 21},           {"ftp-data", 20},
    {"ftps", 990},        {"ftps-data", 989},  {"git", 9418},        {"http", 80},          {"http-alt", 8080},    {"https", 443},
    {"imap", 143},        {"imap2", 143},      {"imap3", 220},       {"imaps", 993},        {"kerberos", 88},      {"ldap", 389},
    {"ldaps", 636},       {"mongodb", 27017},  {"ms-sql-s", 1433},   {"mysql", 3306},       {"nagios", 5666},      {"nfs", 2049},
    {"nntp", 119},        {"nntps", 563},      {"ntp", 123},         {"openvpn", 1194},     {"pop3", 110},         {"pop3s", 995},
    {"postgresql", 5432}, {"redis", 6379},     {"rsync", 873},       {"sieve", 4190},       {"sip", 5060},         {"sips", 5061},
    {"smtp", 25},         {"smtps", 465},      {"snmp", 161},        {"socks", 1080},       {"squid", 3128},       {"ssh", 22},
    {"ssmtp", 465},       {"submission", 587}, {"submissions", 465}, {"sunrpc", 111},       {"syslog", 514},       {"telnet", 23},
    {"tftp", 69},         {"webmin", 10000},   {"ws-man", 5985},     {"xmpp-client", 5222}, {"xmpp-server", 5269},
};

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

bool same_word(std::string_view text, std::string_view lower) noexcept {
  return text.size() == lower.size() && std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

// A whole service name or number.
std::optional<std::uint16_t> port_of(std::string_view text) noexcept {
  if (text == "ssh")
    return 22;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && !text.empty())
    return number;
  return known_port(text);
}

// What the columns `protocol` and `port` say, where that is one range of one protocol; else any.
Service service_of(std::uint8_t protocol, std::string_view port) noexcept {
  port = trimmed(port);
  if ((protocol != 6 && protocol != 17 && protocol != 132) || port.empty() || same_word(port, "all") || same_word(port, "any"))
    return {};
  const std::size_t mark = port.find_first_of(":-");
  auto first = port_of(port);
  auto last = first;
  if (!first && mark != std::string_view::npos) {
    first = port_of(port.substr(0, mark));
    last = port_of(port.substr(mark + 1));
  }
  if (!first || !last || *last < *first || *last == 0 || (*first <= 1 && *last == 65535))
    return {};
  return {*first, *last, protocol};
}

// The length of the valid UTF-8 character (RFC 3629) at the front of the text; 0 where there is none.
std::size_t character_size(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80)
    return 1;
  if (first >= 0xc2 && first <= 0xdf)
    return follows(1) ? 2 : 0;
  if ((first & 0xf0U) == 0xe0)
    return follows(1) && follows(2) && !(first == 0xe0 && byte(1) < 0xa0) && !(first == 0xed && byte(1) > 0x9f) ? 3 : 0;
  if (first >= 0xf0 && first <= 0xf4)
    return follows(1) && follows(2) && follows(3) && !(first == 0xf0 && byte(1) < 0x90) && !(first == 0xf4 && byte(1) > 0x8f) ? 4 : 0;
  return 0;
}

// The code point of a character that character_size() found to be valid.
char32_t code_of(std::string_view character) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  char32_t code = character.size() == 1 ? byte(0) : byte(0) & (0xffU >> (character.size() + 1));
  for (std::size_t i = 1; i < character.size(); ++i)
    code = code << 6U | (byte(i) & 0x3fU);
  return code;
}

// No quotes, and nothing that moves the cursor, hides itself or turns the writing direction.
bool is_showable(std::string_view character) noexcept {
  constexpr std::string_view quotes = "\"'`\\";
  return !is_invisible(code_of(character)) && (character.size() != 1 || quotes.find(character.front()) == std::string_view::npos);
}

// Characters that mean something to shells, markup, templates and command lines, and nothing in a name.
constexpr std::string_view never_in_a_name = "<>;|&${}!?#";

// The length of the character at the front, where a row may have it; else 0.
std::size_t row_character(std::string_view text) noexcept {
  const std::size_t size = character_size(text);
  return size != 0 && is_showable(text.substr(0, size)) && (size != 1 || never_in_a_name.find(text.front()) == std::string_view::npos)
             ? size
             : 0;
}

// Seconds as the table gives them into what a row keeps; both ends keep their meaning.
std::int32_t kept(Seconds seconds) noexcept {
  constexpr Seconds most = std::numeric_limits<std::int32_t>::max() - 1;
  return static_cast<std::int32_t>(std::clamp(seconds, -most, most));
}

std::int32_t kept_until(const std::optional<Seconds> &until) noexcept {
  if (!until)
    return Ban::no_until;
  return *until == permanent ? Ban::never_ends : kept(*until);
}

} // namespace

std::optional<std::uint32_t> Bans::intern(std::string_view text) {
  // A table of millions of rows has few names, and each is looked at once only.
  std::uint32_t &recent =
      recent_[text.empty() ? 0
                           : (text.size() * 7 + static_cast<unsigned char>(text.back()) * 3U + static_cast<unsigned char>(text.front())) %
                                 recent_.size()];
  if (recent < names_.size() && names_[recent] == text)
    return recent;
  const auto known = index_.find(text);
  if (known != index_.end())
    return recent = known->second;
  if (!is_row_text(text))
    return std::nullopt;
  const auto index = static_cast<std::uint32_t>(names_.size());
  names_.emplace_back(text);
  is_host_.push_back(false);
  index_.emplace(names_.back(), index);
  return index;
}

void Bans::add(const RawBan &row, std::uint8_t source, std::string_view source_name) {
  const auto bad = [&](std::string problem) {
    if (bad_rows_++ < samples_kept)
      bad_samples_.push_back({shown(source_name), shown(row.hostname), shown(row.created), shown(row.ip), std::move(problem)});
  };
  const auto prefix = Prefix::parse(row.ip);
  if (!prefix)
    return bad(fmt::format("{} (column {})", prefix.error().what, prefix.error().column));
  const auto jail = intern(row.name), host = intern(row.hostname);
  if (!jail)
    return bad(fmt::format("the jail \"{}\" is no name", shown(row.name, 40)));
  if (!host)
    return bad("the hostname is no name");
  if (row.age == permanent)
    return bad(fmt::format("the time \"{}\" is none", shown(row.created, 40)));

  Ban ban;
  if (rows_.empty() || row.protocol != ports_.protocol || row.port != ports_.port) {
    if (!is_row_text(row.protocol) || !is_row_text(row.port))
      return bad(fmt::format("protocol \"{}\" and port \"{}\" are no words", shown(row.protocol, 20), shown(row.port, 20)));
    const std::uint8_t number = protocol_code(row.protocol);
    ports_ = {std::string(row.protocol), std::string(row.port), number, service_of(number, row.port)};
  }
  ban.protocol = ports_.number;
  ban.block = {*prefix, ports_.service};
  ban.jail = *jail;
  ban.host = *host;
  ban.age = kept(row.age);
  ban.until = kept_until(row.until);
  ban.source = source;
  if (row.revoked)
    ban.revoked = row.revoked_by_operator ? Ban::Revoked::ByOperator : Ban::Revoked::ByFail2ban;
  if (!is_host_[ban.host]) {
    is_host_[ban.host] = true;
    hosts_.push_back(ban.host);
  }
  rows_.push_back(ban);
  order_.clear();
}

bool is_row_text(std::string_view text) noexcept {
  if (text.size() > longest_name)
    return false;
  while (!text.empty()) {
    const std::size_t size = row_character(text);
    if (size == 0)
      return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string row_name(std::string_view name) {
  constexpr std::size_t most_utf8 = 3, digits = 8; // bytes of a character in the how-to's columns; of the digest
  std::string text;
  std::size_t fits = 0; // bytes of whole characters that leave room for a digest
  for (std::string_view rest = trimmed(name); !rest.empty();) {
    const std::size_t size = row_character(rest);
    const bool whole = size != 0 && size <= most_utf8;
    text += whole ? std::string(rest.substr(0, size)) : fmt::format("%{:02X}", static_cast<unsigned char>(rest.front()));
    rest.remove_prefix(whole ? size : 1);
    if (text.size() + 1 + digits <= longest_name)
      fits = text.size();
  }
  return text.size() <= longest_name ? text : text.substr(0, fits) + '~' + sha256(name).substr(0, digits);
}

std::optional<std::uint16_t> known_port(std::string_view service) noexcept {
  const auto known = std::lower_bound(std::begin(known_ports), std::end(known_ports), service,
                                      [](const KnownPort &a, std::string_view b) { return a.name < b; });
  return known != std::end(known_ports) && known->name == service ? std::optional(known->port) : std::nullopt;
}

void Bans::settle() {
  if (order_.size() != rows_.size())
    order_ = ordered_by_prefix(rows_);
  // What is read now and then after this must not move a table of millions. Untouched room costs no memory.
  if (constexpr std::size_t room = 1U << 16U; rows_.size() > room && rows_.capacity() - rows_.size() < room / 4)
    rows_.reserve(rows_.size() + rows_.size() / 8 + room);
}

std::string shown(std::string_view text, std::size_t most) {
  std::string result;
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count == most)
      return result + "…";
    const std::size_t size = character_size(text);
    const std::string_view character = text.substr(0, size == 0 ? 1 : size);
    if (size != 0 && (is_showable(character) || character == "'"))
      result += character;
    else
      for (const char c : character)
        result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    text.remove_prefix(character.size());
  }
  return result;
}

} // namespace banpush
