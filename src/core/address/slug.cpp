#include "core/address/slug.hpp"

#include <algorithm>

namespace banpush {

namespace {

constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::size_t address_digits = 25, length_digits = 2; // 36^25 is more than 2^128
__extension__ typedef unsigned __int128 Number;

std::string in_digits(Number number, std::size_t count) {
  std::string text(count, '0');
  for (std::size_t i = count; i-- > 0; number /= 36)
    text[i] = digits[static_cast<std::size_t>(number % 36)];
  return text;
}

// Nothing where it is no number, or more than 128 bits hold.
std::optional<Number> number_in(std::string_view text) {
  Number number = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos || number > (~Number{0} - digit) / 36)
      return std::nullopt;
    number = number * 36 + digit;
  }
  return number;
}

std::string short_form(const Prefix &prefix) {
  Number address = 0;
  for (const std::uint8_t byte : prefix.bytes())
    address = address << 8U | byte;
  return "6" + in_digits(address, address_digits) + in_digits(prefix.length(), length_digits);
}

std::optional<Prefix> prefix_of_short_form(std::string_view slug) {
  const auto address = number_in(slug.substr(1, address_digits)), length = number_in(slug.substr(1 + address_digits));
  if (!address || !length || *length > 128)
    return std::nullopt;
  Prefix::Bytes bytes{};
  Number rest = *address;
  for (std::size_t i = bytes.size(); i-- > 0; rest >>= 8U)
    bytes[i] = static_cast<std::uint8_t>(rest & 0xffU);
  const Prefix prefix(Family::IPv6, bytes, static_cast<unsigned>(*length));
  return short_form(prefix) == slug ? std::optional(prefix) : std::nullopt; // host bits, or a mapped address: not how we write it
}

} // namespace

std::string slug_of(const Prefix &prefix, std::size_t most) {
  std::string text = prefix.text();
  if (text.size() > most && prefix.family() == Family::IPv6)
    return short_form(prefix);
  for (char &c : text)
    if (c == '.' || c == ':' || c == '/')
      c = '-';
  return text;
}

std::optional<Prefix> prefix_of_slug(std::string_view slug) {
  const std::size_t end = slug.rfind('-');
  if (end == std::string_view::npos)
    return slug.size() == least_slug && slug.front() == '6' ? prefix_of_short_form(slug) : std::nullopt;
  std::string text(slug.substr(0, end));
  const bool is_ipv4 = std::count(text.begin(), text.end(), '-') == 3 && text.find("--") == std::string::npos;
  std::replace(text.begin(), text.end(), '-', is_ipv4 ? '.' : ':');
  const auto prefix = Prefix::parse(text + "/" + std::string(slug.substr(end + 1)), HostBits::Refuse);
  return prefix ? std::optional(*prefix) : std::nullopt;
}

} // namespace banpush
