#include "config/http.hpp"

#include "config/document/mapping.hpp"
#include "config/document/values.hpp"
#include "config/secret.hpp"
#include "files/open.hpp"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace banpush {

namespace {

using Offer = HttpSettings::Offer;

const Words<Offer> &offers() {
  static const Words<Offer> words{{"feed", Offer::Feed}, {"metrics", Offer::Metrics}, {"page", Offer::Page}};
  return words;
}

std::vector<Offer> offers_of(const Node &node, Problems &problems) {
  std::vector<Offer> all;
  for (const Node *item : items_of(node))
    if (const auto offer = word_of<Offer>(*item, problems, offers()))
      all.push_back(*offer);
  if (items_of(node).empty())
    add_mismatch(node, problems, "some of feed, metrics and page");
  return all;
}

std::optional<std::string> address_of(const Node &node, Problems &problems) {
  const auto text = text_of(node, problems);
  std::array<unsigned char, 16> room{};
  if (text && ::inet_pton(AF_INET, text->c_str(), room.data()) != 1 && ::inet_pton(AF_INET6, text->c_str(), room.data()) != 1) {
    add_mismatch(node, problems, "an IP address of this host, or 0.0.0.0 or :: for all of them");
    return std::nullopt;
  }
  return text;
}

std::vector<std::string> names_of_host(const Node &node, Problems &problems) {
  std::vector<std::string> names = texts_of(node, problems);
  for (std::string &name : names) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") != std::string::npos)
      problems.add(node.place, fmt::format("names: \"{}\" is no name of a host; leave out http:// and the port", shown(name)));
  }
  return names;
}

bool is_token_name(const std::string &name) noexcept {
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

std::vector<HttpSettings::Token> tokens_of(const Node &node, Problems &problems, const std::string &folder) {
  std::vector<HttpSettings::Token> tokens;
  const Mapping all(node, problems);
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    HttpSettings::Token token;
    token.name = node.keys[i].text;
    if (!is_token_name(token.name))
      problems.add(node.keys[i].place,
                   fmt::format("expected the name of a token (letters, digits, _ . -, at most 63), found \"{}\"", shown(token.name)));
    Mapping mapping(node.items[i], problems);
    token.secret = mapping.need("secret", secret_of, folder);
    token.may = mapping.need("may", offers_of);
    mapping.done();
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::string file_of(const Node &node, Problems &problems, const std::string &folder) {
  const auto text = text_of(node, problems);
  if (!text)
    return {};
  std::string path = resolved_path(*text, folder);
  if (const auto there = open_to_read(path); !there)
    problems.add(node.place, fmt::format("{}: cannot read {}: {}", node.name, path, there.error().text));
  return path;
}

// Who is told what, and whether on the way somebody else reads it.
void check_reach(const HttpSettings &http, const Node &node, Problems &problems) {
  const Node *address = node.at("address");
  const Place &place = address == nullptr ? node.place : address->place;
  if (http.certificate.empty() != http.key.empty())
    problems.add(node.place, "http: certificate and key belong together");
  if (!http.is_loopback() && http.certificate.empty() && !http.behind_proxy)
    problems.add(
        place, fmt::format("address: {} is reached by others: give certificate and key, or say behind_proxy: yes where a proxy on the way "
                           "from there has TLS",
                           http.address));
  if (http.tokens.empty() && (!http.is_loopback() || http.behind_proxy))
    problems.add(place, "http: without tokens only this host itself may ask (address: 127.0.0.1, and no proxy)");
}

} // namespace

HttpSettings http_of(const Node &node, Problems &problems, const std::string &folder) {
  HttpSettings http;
  Mapping mapping(node, problems);
  http.address = mapping.get("address", address_of).value_or(http.address);
  http.port = static_cast<std::uint16_t>(mapping.get("port", whole_of, 1, 65535).value_or(http.port));
  http.names = mapping.get("names", names_of_host);
  http.certificate = mapping.get("certificate", file_of, folder);
  http.key = mapping.get("key", file_of, folder);
  if (const Node *key = mapping.find("key"); key != nullptr && !http.key.empty())
    if (const auto objection = unfit_as_secret(http.key, key->place.file ? *key->place.file : ""))
      problems.add(key->place, fmt::format("key: {}", *objection));
  http.behind_proxy = mapping.get("behind_proxy", yes_no_of).value_or(false);
  if (mapping.find("offers") != nullptr)
    http.offers = mapping.get("offers", offers_of);
  if (const Node *tokens = mapping.find("tokens"))
    http.tokens = tokens_of(*tokens, problems, folder);
  mapping.done();
  check_reach(http, node, problems);
  return http;
}

} // namespace banpush
