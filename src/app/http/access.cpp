#include "app/http/access.hpp"

#include "core/digest.hpp"
#include "core/error.hpp"

#include <algorithm>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::size_t least_token = 16;
constexpr std::string_view hashed = "sha256:";
constexpr std::size_t digits_of_digest = 64;

bool is_address(const std::string &text) {
  in6_addr room{};
  return ::inet_pton(AF_INET, text.c_str(), &room) == 1 || ::inet_pton(AF_INET6, text.c_str(), &room) == 1;
}

// Says nothing by its time of how much is equal.
bool is_same(std::string_view a, std::string_view b) {
  unsigned different = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    different |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return different == 0;
}

std::string_view behind(std::string_view text, std::string_view scheme) {
  const bool is_it = text.size() > scheme.size() && text[scheme.size()] == ' ' &&
                     std::equal(scheme.begin(), scheme.end(), text.begin(),
                                [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b); });
  if (!is_it)
    return {};
  text.remove_prefix(scheme.size());
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

int value_of(char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

} // namespace

std::optional<std::string> from_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=')
    text.remove_suffix(1);
  std::string out;
  unsigned bits = 0, held = 0;
  for (const char c : text) {
    const int value = value_of(c);
    if (value < 0)
      return std::nullopt;
    bits = (bits << 6U | static_cast<unsigned>(value)) & 0xffffU;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 0xffU);
    }
  }
  return out;
}

std::string digest_of_token(const std::string &name, const std::string &text) {
  if (text.rfind(hashed, 0) != 0) {
    if (text.size() < least_token)
      throw Error(ErrorKind::Config, fmt::format("serve.http: the token {} is shorter than {} characters; `openssl rand -hex 32` makes one",
                                                 name, least_token));
    return sha256(text);
  }
  const std::string digest = text.substr(hashed.size());
  if (digest.size() != digits_of_digest || digest.find_first_not_of("0123456789abcdef") != std::string::npos)
    throw Error(ErrorKind::Config,
                fmt::format("serve.http: the token {}: {} is followed by {} digits of 0-9 and a-f", name, hashed, digits_of_digest));
  return digest;
}

Access::Access(const HttpSettings &settings, std::vector<Known> tokens, Reach bound)
    : names_(settings.names), tokens_(std::move(tokens)), here_(bound == Reach::ThisHost && !settings.behind_proxy) {}

bool Access::knows(std::string_view host) const {
  const std::string asked(host);
  return is_address(asked) || (here_ && asked == "localhost") || std::find(names_.begin(), names_.end(), asked) != names_.end();
}

// Every token is looked at: the time says nothing of which one it was.
const Access::Known *Access::who(std::string_view authorization) const {
  std::string token(behind(authorization, "bearer")), name;
  if (const auto basic = token.empty() ? from_base64(behind(authorization, "basic")) : std::nullopt;
      basic && basic->find(':') != std::string::npos) {
    name = basic->substr(0, basic->find(':'));
    token = basic->substr(name.size() + 1);
  }
  if (token.empty())
    return nullptr;
  const std::string digest = sha256(token);
  const Known *found = nullptr;
  for (const Known &one : tokens_)
    if (is_same(one.digest, digest) && (name.empty() || name == one.name))
      found = &one;
  return found;
}

Access::Ruling Access::may(std::string_view authorization, HttpSettings::Offer what) const {
  if (tokens_.empty())
    return here_ ? Ruling::Yes : Ruling::NoToken;
  const Known *known = who(authorization);
  if (known == nullptr)
    return Ruling::NoToken;
  return std::find(known->may.begin(), known->may.end(), what) != known->may.end() ? Ruling::Yes : Ruling::NotThat;
}

} // namespace banpush
