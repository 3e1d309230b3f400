#include "lab/device/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <charconv>

namespace banpush::lab {

namespace {

std::string text_of(const Address &address) {
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(address.six ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text) != nullptr ? text : "";
}

std::size_t width(const Address &address) { return address.six ? 16 : 4; }

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::optional<unsigned> number_of(std::string_view text, unsigned most) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > most)
    return std::nullopt;
  return number;
}

Address mask_of(bool six, unsigned length) {
  Address mask{six, {}};
  for (unsigned bit = 0; bit < length; ++bit)
    mask.bytes[bit / 8] = static_cast<std::uint8_t>(mask.bytes[bit / 8] | (0x80U >> (bit % 8)));
  return mask;
}

Address inverted(Address mask) {
  for (std::size_t i = 0; i < width(mask); ++i)
    mask.bytes[i] = static_cast<std::uint8_t>(~mask.bytes[i]);
  return mask;
}

// The length of a mask of leading ones; nothing for one with holes.
std::optional<unsigned> length_of(const Address &mask) {
  const unsigned bits = static_cast<unsigned>(width(mask)) * 8;
  for (unsigned length = 0; length <= bits; ++length)
    if (mask_of(mask.six, length).bytes == mask.bytes)
      return length;
  return std::nullopt;
}

struct Said {
  Address address, mask;
};

std::optional<Said> with_length(std::string_view address, std::string_view length) {
  const auto where = address_of(address);
  if (!where)
    return std::nullopt;
  const auto bits = number_of(length, where->six ? 128 : 32);
  return bits ? std::optional(Said{*where, mask_of(where->six, *bits)}) : std::nullopt;
}

std::optional<Said> host(std::string_view text) {
  const auto where = address_of(text);
  return where ? std::optional(Said{*where, mask_of(where->six, where->six ? 128 : 32)}) : std::nullopt;
}

std::optional<Said> read(const Fields &said) {
  const auto has = [&](const char *name) { return said.count(name) != 0 && !said.at(name).empty(); };
  if (has("host"))
    return host(said.at("host"));
  if (has("prefix")) {
    const std::string &text = said.at("prefix");
    const std::size_t slash = text.find('/');
    return slash == std::string::npos ? host(text) : with_length(text.substr(0, slash), text.substr(slash + 1));
  }
  const std::string &net = said.at("net");
  if (has("length"))
    return with_length(net, said.at("length"));
  const bool wild = has("wildcard");
  if (!wild && !has("netmask"))
    return host(net);
  const auto where = address_of(net);
  std::string text = said.at(wild ? "wildcard" : "netmask");
  if (wild && text == "0")
    text = "0.0.0.0";
  const auto mask = address_of(text);
  if (!where || !mask || where->six != mask->six)
    return std::nullopt;
  return Said{*where, wild ? inverted(*mask) : *mask};
}

} // namespace

std::optional<Address> address_of(std::string_view text) {
  Address address{text.find(':') != std::string_view::npos, {}};
  const std::string copy(text);
  if (copy.find('\0') != std::string::npos || ::inet_pton(address.six ? AF_INET6 : AF_INET, copy.c_str(), address.bytes.data()) != 1)
    return std::nullopt;
  return address;
}

bool Net::covers(const Address &other) const noexcept {
  if (address.six != other.six)
    return false;
  for (std::size_t i = 0; i < width(address); ++i)
    if (((address.bytes[i] ^ other.bytes[i]) & mask[i]) != 0)
      return false;
  return true;
}

std::optional<AddressForms> address_forms(const Fields &said, BitsBehind behind) {
  const auto has = [&](const char *name) { return said.count(name) != 0 && !said.at(name).empty(); };
  if (!has("host") && !has("net") && !has("prefix"))
    return AddressForms{};
  auto found = read(said);
  if (!found)
    return std::nullopt;
  Address masked = found->address, last = found->address;
  for (std::size_t i = 0; i < width(masked); ++i) {
    masked.bytes[i] = masked.bytes[i] & found->mask.bytes[i];
    last.bytes[i] = static_cast<std::uint8_t>(last.bytes[i] | static_cast<std::uint8_t>(~found->mask.bytes[i]));
  }
  if (behind == BitsBehind::Refused && masked.bytes != found->address.bytes)
    return std::nullopt;
  const Address &shown = behind == BitsBehind::Kept ? found->address : masked;
  const auto length = length_of(found->mask);
  Fields forms;
  forms["family"] = shown.six ? "6" : "4";
  forms["address"] = text_of(shown);
  forms["upper_address"] = upper(forms["address"]);
  forms["netmask"] = text_of(found->mask);
  forms["wildcard"] = text_of(inverted(found->mask));
  forms["last"] = text_of(last);
  forms["single"] = length && *length == width(shown) * 8 ? "yes" : "";
  forms["length"] = length ? std::to_string(*length) : "";
  forms["prefix"] = length ? forms["address"] + "/" + forms["length"] : "";
  forms["upper_prefix"] = upper(forms["prefix"]);
  return AddressForms{std::move(forms), Net{masked, found->mask.bytes}};
}

} // namespace banpush::lab
