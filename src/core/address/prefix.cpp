#include "core/address/prefix.hpp"

#include <bit>
#include <charconv>
#include <cstring>
#include <fmt/format.h>

namespace banpush {

namespace {

// Longer than any address in any spelling; what is longer is not looked at.
constexpr std::size_t longest_text = 64;

using Bytes = Prefix::Bytes;

struct Address {
  Family family;
  Bytes bytes;
};

tl::unexpected<Problem> problem(std::string what, std::size_t at) { return tl::unexpected(Problem{std::move(what), at + 1}); }

// A byte of foreign text, fit for a message.
std::string shown_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte < 0x7f ? fmt::format("'{}'", c) : fmt::format("\\x{:02x}", byte);
}

int digit(char c) noexcept { return c >= '0' && c <= '9' ? c - '0' : -1; }

int hex_digit(char c) noexcept {
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return digit(c);
}

// Four octets of `text` from `begin` to its end, into bytes at `into`.
tl::expected<void, Problem> parse_dotted(std::string_view text, std::size_t begin, Bytes &bytes, std::size_t into) {
  std::size_t at = begin;
  for (std::size_t octet = 0; octet < 4; ++octet) {
    if (octet > 0) {
      if (at == text.size())
        return problem("an IPv4 address has four octets", at);
      if (text[at] != '.')
        return problem(fmt::format("{} does not belong in an IPv4 address", shown_byte(text[at])), at);
      ++at;
    }
    const std::size_t start = at;
    unsigned value = 0;
    while (at < text.size() && at - start < 4 && digit(text[at]) >= 0)
      value = value * 10 + static_cast<unsigned>(digit(text[at++]));
    if (at == start)
      return problem(
          at < text.size() ? fmt::format("{} where a digit is expected", shown_byte(text[at])) : "an IPv4 address has four octets", at);
    if (at - start > 1 && text[start] == '0')
      return problem("an octet with a leading zero may be meant as octal", start);
    if (value > 255)
      return problem("an octet above 255", start);
    bytes[into + octet] = static_cast<std::uint8_t>(value);
  }
  if (at != text.size())
    return problem(fmt::format("{} after the address", shown_byte(text[at])), at);
  return {};
}

tl::expected<Address, Problem> parse_ipv4(std::string_view text) {
  Address address{Family::IPv4, {}};
  if (auto parsed = parse_dotted(text, 0, address.bytes, 0); !parsed)
    return tl::unexpected(std::move(parsed.error()));
  return address;
}

// Moves what stands behind `::` (from byte `gap` to `filled`) to the end.
void open_gap(Bytes &bytes, std::size_t gap, std::size_t filled) {
  const std::size_t tail = filled - gap;
  for (std::size_t i = 1; i <= tail; ++i) {
    bytes[16 - i] = bytes[filled - i];
    bytes[filled - i] = 0;
  }
}

// RFC 4291, 2.2: groups, at most one `::`, and dotted octets as the last 32 bits.
tl::expected<Address, Problem> parse_ipv6(std::string_view text) {
  constexpr std::size_t no_gap = 99;
  Address address{Family::IPv6, {}};
  std::size_t at = 0, filled = 0, gap = no_gap;
  if (text.substr(0, 2) == "::") {
    gap = 0;
    at = 2;
  }
  while (at < text.size()) {
    const std::size_t start = at;
    unsigned value = 0;
    while (at < text.size() && at - start < 5 && hex_digit(text[at]) >= 0)
      value = value * 16 + static_cast<unsigned>(hex_digit(text[at++]));
    if (at < text.size() && text[at] == '.' && at > start && filled <= 12) {
      if (auto parsed = parse_dotted(text, start, address.bytes, filled); !parsed)
        return tl::unexpected(std::move(parsed.error()));
      filled += 4;
      break;
    }
    if (at < text.size() && text[at] == '%')
      return problem("an address with a zone id", at);
    if (at == start)
      return problem(fmt::format("{} where a hexadecimal digit is expected", shown_byte(text[at])), at);
    if (at - start > 4)
      return problem("a group of more than four digits", start);
    if (filled == 16)
      return problem("more than eight groups", start);
    address.bytes[filled++] = static_cast<std::uint8_t>(value >> 8);
    address.bytes[filled++] = static_cast<std::uint8_t>(value & 0xff);
    if (at == text.size())
      break;
    if (text[at] != ':')
      return problem(fmt::format("{} does not belong in an IPv6 address", shown_byte(text[at])), at);
    ++at;
    if (at < text.size() && text[at] == ':') {
      if (gap != no_gap)
        return problem("a second ::", at - 1);
      gap = filled;
      ++at;
    } else if (at == text.size()) {
      return problem("the address ends with a single colon", at - 1);
    }
  }
  if (gap == no_gap && filled < 16)
    return problem("fewer than eight groups", text.size());
  if (gap != no_gap && filled == 16)
    return problem(":: stands for nothing here", 0);
  if (gap != no_gap)
    open_gap(address.bytes, gap, filled);
  return address;
}

tl::expected<unsigned, Problem> parse_length(std::string_view text, std::size_t begin, unsigned width) {
  const std::string_view digits = text.substr(begin);
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || digit(digits.front()) < 0)
    return problem("the prefix length is not a plain number", begin);
  if (digits.size() > 1 && digits.front() == '0')
    return problem("a prefix length with a leading zero", begin);
  if (value > width)
    return problem(fmt::format("a prefix length above {}", width), begin);
  return value;
}

std::uint64_t load(const std::uint8_t *bytes) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (std::endian::native == std::endian::little)
    value = __builtin_bswap64(value);
  return value;
}

void store(std::uint8_t *bytes, std::uint64_t value) noexcept {
  if constexpr (std::endian::native == std::endian::little)
    value = __builtin_bswap64(value);
  std::memcpy(bytes, &value, sizeof value);
}

// The first `length` of 64 bits set; length from 0 to 64.
constexpr std::uint64_t mask(unsigned length) noexcept { return length == 0 ? 0 : ~std::uint64_t{0} << (64 - length); }
constexpr std::uint64_t high_mask(unsigned length) noexcept { return mask(length < 64 ? length : 64); }
constexpr std::uint64_t low_mask(unsigned length) noexcept { return mask(length > 64 ? length - 64 : 0); }

void clear_behind(Bytes &bytes, unsigned length) noexcept {
  store(bytes.data(), load(bytes.data()) & high_mask(length));
  store(bytes.data() + 8, load(bytes.data() + 8) & low_mask(length));
}

bool is_clear_behind(const Bytes &bytes, unsigned length) noexcept {
  return (load(bytes.data()) & ~high_mask(length)) == 0 && (load(bytes.data() + 8) & ~low_mask(length)) == 0;
}

char *put_number(char *out, unsigned value) noexcept { return std::to_chars(out, out + 4, value).ptr; }

char *put_ipv4(char *out, const Bytes &bytes) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0)
      *out++ = '.';
    out = put_number(out, bytes[i]);
  }
  return out;
}

// RFC 5952, 4: lower case, no leading zeros, `::` for the longest run of at least two zero groups,
// the first of equal ones.
char *put_ipv6(char *out, const Bytes &bytes) noexcept {
  std::array<unsigned, 8> groups{};
  std::size_t best = 8, best_size = 1, run = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    groups[i] = static_cast<unsigned>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    run = groups[i] == 0 ? run + 1 : 0;
    if (run > best_size) {
      best_size = run;
      best = i + 1 - run;
    }
  }
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best) {
      *out++ = ':';
      *out++ = ':';
      i += best_size - 1;
      continue;
    }
    if (i > 0 && i != best + best_size)
      *out++ = ':';
    out = std::to_chars(out, out + 4, groups[i], 16).ptr;
  }
  return out;
}

char *put_address(char *out, Family family, const Bytes &bytes) noexcept {
  return family == Family::IPv4 ? put_ipv4(out, bytes) : put_ipv6(out, bytes);
}

std::string address_text(Family family, const Bytes &bytes) {
  std::array<char, 48> text;
  return {text.data(), put_address(text.data(), family, bytes)};
}

Bytes mask_bytes(Family family, unsigned length) noexcept {
  Bytes bytes;
  bytes.fill(0xff);
  clear_behind(bytes, length);
  if (family == Family::IPv4)
    clear_behind(bytes, 32);
  return bytes;
}

tl::expected<Address, Problem> parse_mask(std::string_view text) {
  if (text.size() > longest_text)
    return problem("too long for a mask", longest_text);
  return text.find(':') == std::string_view::npos ? parse_ipv4(text) : parse_ipv6(text);
}

// How many bits at the front are set, where no other is.
tl::expected<unsigned, Problem> length_of_mask(const Address &mask, const char *hole) {
  const std::uint64_t high = load(mask.bytes.data()), low = load(mask.bytes.data() + 8);
  const auto in_high = static_cast<unsigned>(std::countl_one(high)), in_low = static_cast<unsigned>(std::countl_one(low));
  const unsigned length = in_high < 64 ? in_high : 64 + in_low;
  if (static_cast<unsigned>(std::popcount(high) + std::popcount(low)) != length)
    return problem(hole, 0);
  return length;
}

} // namespace

Prefix::Prefix(Family family, const Bytes &address, unsigned length) noexcept
    : bytes_(address), length_(static_cast<std::uint8_t>(length)), family_(family) {
  if (family == Family::IPv6 && length >= 96 && load(bytes_.data()) == 0 && load(bytes_.data() + 8) >> 32 == 0xffff) {
    std::memmove(bytes_.data(), bytes_.data() + 12, 4);
    length_ = static_cast<std::uint8_t>(length - 96);
    family_ = Family::IPv4;
  }
  clear_behind(bytes_, length_);
}

namespace {

// The form that tables are full of, `203.0.113.7` and nothing else, without what messages need.
bool is_plain_ipv4(std::string_view text, Bytes &bytes) noexcept {
  const char *at = text.data(), *const end = at + text.size();
  for (std::size_t octet = 0; octet < 4; ++octet) {
    if (octet > 0 && (at == end || *at++ != '.'))
      return false;
    const char *const start = at;
    unsigned value = 0;
    while (at != end && at - start < 3 && static_cast<unsigned char>(*at - '0') < 10)
      value = value * 10 + static_cast<unsigned>(*at++ - '0');
    if (at == start || value > 255 || (*start == '0' && at - start > 1))
      return false;
    bytes[octet] = static_cast<std::uint8_t>(value);
  }
  return at == end;
}

} // namespace

tl::expected<Prefix, Problem> Prefix::parse(std::string_view text, HostBits host_bits) {
  Prefix plain;
  if (is_plain_ipv4(text, plain.bytes_)) {
    plain.length_ = 32;
    return plain;
  }
  if (text.empty())
    return problem("an empty text is no address", 0);
  if (text.size() > longest_text)
    return problem("too long for an address", longest_text);
  const std::size_t slash = text.find('/');
  const std::string_view address_part = text.substr(0, slash);
  auto address = address_part.find(':') == std::string_view::npos ? parse_ipv4(address_part) : parse_ipv6(address_part);
  if (!address)
    return tl::unexpected(std::move(address.error()));
  unsigned length = address->family == Family::IPv4 ? 32 : 128;
  if (slash != std::string_view::npos) {
    auto parsed = parse_length(text, slash + 1, length);
    if (!parsed)
      return tl::unexpected(std::move(parsed.error()));
    length = *parsed;
    if (host_bits == HostBits::Refuse && !is_clear_behind(address->bytes, length))
      return problem(fmt::format("not a network address: bits are set behind /{}; did you mean {}?", length,
                                 Prefix(address->family, address->bytes, length).text()),
                     0);
  }
  return Prefix(address->family, address->bytes, length);
}

Prefix Prefix::require(std::string_view text, ErrorKind kind) {
  auto parsed = parse(text);
  if (parsed)
    return *parsed;
  std::string quoted;
  for (const char c : text.substr(0, longest_text))
    quoted += static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f && c != '"' ? std::string(1, c) : shown_byte(c);
  throw Error(kind, fmt::format("\"{}{}\" is no address or prefix: {} (column {})", quoted, text.size() > longest_text ? "…" : "",
                                parsed.error().what, parsed.error().column));
}

bool Prefix::contains(const Prefix &other) const noexcept {
  if (family_ != other.family_ || length_ > other.length_)
    return false;
  return ((load(bytes_.data()) ^ load(other.bytes_.data())) & high_mask(length_)) == 0 &&
         ((load(bytes_.data() + 8) ^ load(other.bytes_.data() + 8)) & low_mask(length_)) == 0;
}

Prefix Prefix::with_length(unsigned length) const noexcept {
  Prefix result = *this;
  result.length_ = static_cast<std::uint8_t>(length < width() ? length : width());
  clear_behind(result.bytes_, result.length_);
  return result;
}

Prefix Prefix::sibling() const noexcept {
  Prefix result = *this;
  if (length_ > 0) {
    const unsigned last = length_ - 1U;
    result.bytes_[last / 8] = static_cast<std::uint8_t>(result.bytes_[last / 8] ^ 0x80U >> last % 8);
  }
  return result;
}

Prefix Prefix::last_host() const noexcept {
  Prefix result = *this;
  const Bytes mask_of_length = mask_bytes(family_, length_);
  for (std::size_t i = 0; i < width() / 8; ++i)
    result.bytes_[i] = static_cast<std::uint8_t>(result.bytes_[i] | (mask_of_length[i] ^ 0xffU));
  result.length_ = static_cast<std::uint8_t>(width());
  return result;
}

std::string Prefix::address() const { return address_text(family_, bytes_); }

std::string Prefix::text() const {
  std::array<char, 56> text;
  char *out = put_address(text.data(), family_, bytes_);
  *out++ = '/';
  return {text.data(), put_number(out, length_)};
}

std::string Prefix::netmask() const { return address_text(family_, mask_bytes(family_, length_)); }

std::string Prefix::wildcard() const {
  Bytes bytes = mask_bytes(family_, length_);
  for (std::size_t i = 0; i < width() / 8; ++i)
    bytes[i] = static_cast<std::uint8_t>(bytes[i] ^ 0xffU);
  return address_text(family_, bytes);
}

std::strong_ordering operator<=>(const Prefix &a, const Prefix &b) noexcept {
  if (a.family_ != b.family_)
    return a.family_ <=> b.family_;
  const std::uint64_t high_a = load(a.bytes_.data()), high_b = load(b.bytes_.data());
  if (high_a != high_b)
    return high_a <=> high_b;
  const std::uint64_t low_a = load(a.bytes_.data() + 8), low_b = load(b.bytes_.data() + 8);
  if (low_a != low_b)
    return low_a <=> low_b;
  return a.length_ <=> b.length_;
}

tl::expected<unsigned, Problem> length_of_netmask(std::string_view netmask) {
  auto mask = parse_mask(netmask);
  if (!mask)
    return tl::unexpected(std::move(mask.error()));
  return length_of_mask(*mask, "a netmask with a hole in it");
}

tl::expected<unsigned, Problem> length_of_wildcard(std::string_view wildcard) {
  auto mask = parse_mask(wildcard);
  if (!mask)
    return tl::unexpected(std::move(mask.error()));
  const std::size_t width = mask->family == Family::IPv4 ? 4 : 16;
  for (std::size_t i = 0; i < width; ++i)
    mask->bytes[i] = static_cast<std::uint8_t>(mask->bytes[i] ^ 0xffU);
  return length_of_mask(*mask, "a wildcard mask with a hole in it");
}

} // namespace banpush
