#include "config/tables.hpp"

#include "config/document/mapping.hpp"
#include "config/document/text_file.hpp"
#include "config/document/values.hpp"
#include "config/secret.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace banpush {

namespace {

constexpr const char *default_url = "sqlite:/var/lib/banpush/bans.db";
constexpr std::size_t most_tables = 255; // Ban::source is a byte
constexpr const char *url_forms = "mysql://USER@HOST:PORT/DATABASE, mysql://USER@localhost/DATABASE?socket=PATH or sqlite:PATH";

int hex(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// %40 is @ (RFC 3986); nothing where that is broken or yields a control character.
std::optional<std::string> decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
        return std::nullopt;
      c = static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    }
    if ((c >= 0 && c < ' ') || c == 127)
      return std::nullopt;
    plain += c;
  }
  return plain;
}

// Splits at the first `separator`: what stands before it, and behind it (empty without one).
std::pair<std::string_view, std::string_view> split(std::string_view text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos)
    return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

bool is_host(std::string_view host) noexcept {
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':';
  });
}

// What is wrong with the URL; fills what it says. Never repeats the part before @, where passwords get written.
std::optional<std::string> parse_mysql(std::string_view rest, TableSource &source) {
  auto [main, query] = split(rest, '?');
  const auto [authority, database] = split(main, '/');
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos || at == 0)
    return "names no user; write mysql://USER@HOST/DATABASE";
  const std::string_view user = authority.substr(0, at);
  std::string_view place = authority.substr(at + 1);
  if (user.find(':') != std::string_view::npos)
    return "a password is not written here; take it out of the url and write password: {file: PATH}";
  std::string_view port;
  if (!place.empty() && place.front() == '[') {
    const std::size_t end = place.find(']');
    if (end == std::string_view::npos || (end + 1 < place.size() && place[end + 1] != ':'))
      return "the address in [ ] is not closed";
    port = place.substr(std::min(end + 2, place.size()));
    place = place.substr(1, end - 1);
  } else {
    std::tie(place, port) = split(place, ':');
  }
  if (!is_host(place))
    return "names no host; write mysql://USER@HOST/DATABASE";
  if (!port.empty()) {
    unsigned number = 0;
    const auto [stop, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (failure != std::errc{} || stop != port.data() + port.size() || number < 1 || number > 65535 || port.front() == '0')
      return fmt::format("\"{}\" is no port", shown(port));
    source.port = static_cast<std::uint16_t>(number);
  }
  const auto plain_user = decoded(user), plain_database = decoded(database);
  if (!plain_user || !plain_database)
    return "a % in it is not followed by two hexadecimal digits of a printable character";
  if (plain_database->empty())
    return "names no database; write mysql://USER@HOST/DATABASE";
  if (!query.empty()) {
    const auto [key, value] = split(query, '=');
    const auto path = decoded(value);
    if (key != "socket" || !path || path->empty() || path->front() != '/')
      return fmt::format("\"?{}\" is not understood; the one parameter is ?socket=/PATH", shown(query));
    source.socket = *path;
  }
  source.kind = TableSource::Kind::Mysql;
  source.user = *plain_user;
  source.host = std::string(place);
  source.database = *plain_database;
  return std::nullopt;
}

std::optional<std::string> parse_url(const std::string &url, TableSource &source, const std::string &folder) {
  constexpr std::string_view sqlite = "sqlite:", mysql = "mysql://", mariadb = "mariadb://";
  const std::string_view text = url;
  if (text.substr(0, mysql.size()) == mysql)
    return parse_mysql(text.substr(mysql.size()), source);
  if (text.substr(0, mariadb.size()) == mariadb)
    return parse_mysql(text.substr(mariadb.size()), source);
  if (text.substr(0, sqlite.size()) != sqlite)
    return fmt::format("expected {}", url_forms);
  std::string_view path = text.substr(sqlite.size());
  if (path.substr(0, 3) == "///") // sqlite:///var/… as others write it
    path.remove_prefix(2);
  if (path.empty() || path.back() == '/')
    return "names no file; write sqlite:PATH";
  source.kind = TableSource::Kind::Sqlite;
  source.path = resolved_path(std::string(path), folder);
  return std::nullopt;
}

bool is_table_name(const std::string &name) noexcept {
  return name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || c == '-';
         });
}

bool stays_here(const TableSource &source) {
  const auto address = Prefix::parse(source.host);
  const bool is_loopback = address && (address->text() == "::1/128" || (address->family() == Family::IPv4 && address->bytes()[0] == 127));
  return !source.socket.empty() || source.host == "localhost" || is_loopback;
}

void check_encryption(Mapping &mapping, const TableSource &source, bool insecure, Problems &problems) {
  const Node *tls = mapping.find("tls");
  if (source.kind != TableSource::Kind::Mysql || source.tls != TableSource::Tls::Off || tls == nullptr)
    return;
  if (!stays_here(source) && !insecure)
    problems.add(tls->place,
                 fmt::format("tls: off is refused for {}, which is not this host; say tls: verify, or add insecure: yes", source.host));
}

TableSource table_of(const Node &node, Problems &problems, const std::string &folder, std::vector<std::string> &notes) {
  TableSource source;
  Mapping mapping(node, problems);
  source.name = mapping.get("name", text_of).value_or(source.name);
  const Node *url = mapping.find("url");
  const auto url_text = url == nullptr ? std::optional<std::string>(default_url) : text_of(*url, problems);
  if (url_text)
    if (const auto objection = parse_url(*url_text, source, folder))
      problems.add(url->place, "url: " + *objection);
  source.password = mapping.get("password", secret_of, folder);
  source.table = mapping.get("table", text_of).value_or(source.table);
  if (const Node *table = mapping.find("table"); table != nullptr && !is_table_name(source.table))
    add_mismatch(*table, problems, "the name of a table (letters, digits, _ $ -, at most 64)");
  using Tls = TableSource::Tls;
  source.tls = mapping.get("tls", word_of<Tls>, Words<Tls>{{"verify", Tls::Verify}, {"required", Tls::Required}, {"off", Tls::Off}})
                   .value_or(source.tls);
  check_encryption(mapping, source, mapping.get("insecure", yes_no_of).value_or(false), problems);
  if (const auto ca = mapping.get("ca", text_of)) {
    source.ca = resolved_path(*ca, folder);
    if (const auto objection = unreadable(source.ca))
      problems.add(mapping.find("ca")->place, "ca: " + *objection);
  }
  source.trust = mapping.get("trust", decimal_of, 0.0, 1000.0).value_or(source.trust);
  source.only_jails = mapping.get("only_jails", texts_of);
  source.only_hosts = mapping.get("only_hosts", texts_of);
  if (source.kind == TableSource::Kind::Sqlite)
    for (const char *key : {"password", "tls", "ca"})
      if (const Node *useless = mapping.find(key))
        notes.push_back(fmt::format("{}: {} has no effect on a SQLite file", useless->place.text(), key));
  mapping.done();
  return source;
}

} // namespace

std::vector<TableSource> tables_of(const Node *node, Problems &problems, const std::string &folder, std::vector<std::string> &notes) {
  if (node == nullptr) {
    TableSource source;
    parse_url(default_url, source, folder);
    return {source};
  }
  if (node->kind != Node::Kind::List)
    return {table_of(*node, problems, folder, notes)};
  std::vector<TableSource> sources;
  std::set<std::string> names;
  if (node->items.empty())
    add_mismatch(*node, problems, "at least one table");
  if (node->items.size() > most_tables)
    problems.add(node->place, fmt::format("bans: at most {} tables", most_tables));
  for (const Node &item : node->items) {
    sources.push_back(table_of(item, problems, folder, notes));
    const Node *name = item.at("name");
    if (item.kind != Node::Kind::Mapping)
      continue;
    if (name == nullptr)
      problems.add(item.place, "bans: a table of a list needs a name");
    else if (!names.insert(sources.back().name).second)
      problems.add(name->place, fmt::format("name: \"{}\" is taken by another table", shown(sources.back().name)));
  }
  return sources;
}

} // namespace banpush
