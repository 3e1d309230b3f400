#include "transport/nft/nft_text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

// Takes the next word off the front; the rest begins behind the one blank that follows it.
std::string_view next_word(std::string_view &line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(line.size(), end + 1));
  return word;
}

bool is_name(std::string_view word) {
  return !word.empty() && word.size() < 256 && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

std::optional<NftStatement> statement_of(std::string_view line) {
  NftStatement statement;
  const std::string_view verb = next_word(line);
  if (verb != "add" && verb != "delete")
    return std::nullopt;
  statement.verb = verb == "add" ? NftStatement::Verb::Add : NftStatement::Verb::Delete;
  if (next_word(line) != "element")
    return std::nullopt;
  statement.set = {std::string(next_word(line)), std::string(next_word(line)), std::string(next_word(line))};
  if (statement.set.family.empty() || !is_name(statement.set.table) || !is_name(statement.set.set))
    return std::nullopt;
  if (line.size() < 5 || line.substr(0, 2) != "{ " || line.substr(line.size() - 2) != " }")
    return std::nullopt;
  line = line.substr(2, line.size() - 4);
  while (true) {
    const std::size_t end = std::min(line.find(", "), line.size());
    const auto prefix = Prefix::parse(line.substr(0, end));
    if (!prefix)
      return std::nullopt;
    statement.prefixes.push_back(*prefix);
    if (end == line.size())
      return statement;
    line.remove_prefix(end + 2);
  }
}

// The key behind the highest of an interval, less one: its last key.
Prefix::Bytes before(Prefix::Bytes key, std::size_t width) {
  for (std::size_t i = width; i-- > 0;)
    if (key[i]-- != 0)
      break;
  return key;
}

// The length of the one prefix that is all from `first` to `last`; nothing where it takes several.
std::optional<unsigned> length_of(const Prefix::Bytes &first, const Prefix::Bytes &last, std::size_t width) {
  unsigned length = 0;
  const auto bit = [](const Prefix::Bytes &key, unsigned index) { return (key[index / 8] >> (7 - index % 8) & 1U) != 0; };
  const auto bits = static_cast<unsigned>(width * 8);
  while (length < bits && bit(first, length) == bit(last, length))
    ++length;
  for (unsigned i = length; i < bits; ++i)
    if (bit(first, i) || !bit(last, i))
      return std::nullopt;
  return length;
}

class JsonElements {
public:
  explicit JsonElements(Family family) : family_(family) {}

  void host(const Prefix::Bytes &key) { add(fmt::format("\"{}\"", address(key))); }

  void interval(const NftInterval &interval) {
    const auto &[first, last] = interval;
    const auto length = length_of(first, last, width());
    if (length == width() * 8)
      host(first);
    else if (length)
      add(fmt::format(R"({{"prefix": {{"addr": "{}", "len": {}}}}})", address(first), *length));
    else
      add(fmt::format(R"({{"range": ["{}", "{}"]}})", address(first), address(last)));
  }

  std::size_t width() const noexcept { return family_ == Family::IPv4 ? 4 : 16; }
  std::string take() && { return std::move(text_); }

private:
  std::string address(const Prefix::Bytes &key) const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    return ::inet_ntop(family_ == Family::IPv4 ? AF_INET : AF_INET6, key.data(), text.data(), text.size());
  }
  void add(std::string_view item) {
    if (!text_.empty())
      text_ += ", ";
    text_ += item;
  }

  Family family_;
  std::string text_;
};

} // namespace

std::optional<std::vector<NftStatement>> element_statements(std::string_view text) {
  std::vector<NftStatement> statements;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    auto statement = statement_of(text.substr(0, end));
    if (!statement)
      return std::nullopt;
    statements.push_back(std::move(*statement));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return statements;
}

std::optional<NftTableName> listed_table(const std::string &words) {
  std::string_view rest = words;
  if (next_word(rest) != "list" || next_word(rest) != "table")
    return std::nullopt;
  NftTableName name;
  name.family = next_word(rest);
  name.table = next_word(rest);
  if (!rest.empty() || !is_name(name.family) || !is_name(name.table))
    return std::nullopt;
  return name;
}

std::optional<std::string> table_in(std::string_view ruleset, const NftTableName &table) {
  const std::string head = fmt::format("table {} {} {{", table.family, table.table);
  std::size_t at = 0;
  while ((at = ruleset.find(head, at)) != std::string_view::npos && at != 0 && ruleset[at - 1] != '\n')
    ++at;
  if (at == std::string_view::npos)
    return std::nullopt;
  const std::size_t end = ruleset.find("\n}\n", at);
  if (end == std::string_view::npos)
    return std::nullopt;
  return std::string(ruleset.substr(at, end + 3 - at));
}

std::optional<std::string> with_elements(const std::string &ruleset, const NftTableName &table,
                                         const std::function<std::optional<std::string>(const std::string &set)> &elements) {
  using Json = nlohmann::ordered_json;
  const Json whole = Json::parse(ruleset, nullptr, false);
  if (!whole.is_object() || !whole.contains("nftables") || !whole["nftables"].is_array())
    return std::nullopt;
  std::string text = R"({"nftables": [)";
  bool is_there = false, first = true;
  for (const Json &item : whole["nftables"]) {
    if (!item.is_object() || item.size() != 1 || !item.begin().value().is_object())
      return std::nullopt;
    const std::string &kind = item.begin().key();
    const Json &value = item.begin().value();
    const bool is_table = kind == "table" && value.value("family", "") == table.family && value.value("name", "") == table.table;
    const bool in_table = value.value("family", "") == table.family && value.value("table", "") == table.table;
    if (kind != "metainfo" && !is_table && !in_table)
      continue;
    if (kind == "map")
      return std::nullopt;
    is_there = is_there || is_table;
    std::string one = item.dump();
    if (kind == "set") {
      const auto inside = elements(value.value("name", ""));
      if (!inside || value.contains("elem"))
        return std::nullopt;
      if (!inside->empty())
        one.insert(one.size() - 2, R"(, "elem": [)" + *inside + "]");
    }
    text += (first ? "" : ", ") + one;
    first = false;
  }
  return is_there ? std::optional(text + "]}\n") : std::nullopt;
}

std::vector<NftInterval> intervals_of(std::vector<NftElement> elements, Family family) {
  // An end stands before the beginning of the next interval at the same key.
  std::sort(elements.begin(), elements.end(),
            [](const NftElement &a, const NftElement &b) { return a.key != b.key ? a.key < b.key : a.ends_interval && !b.ends_interval; });
  const std::size_t width = family == Family::IPv4 ? 4 : 16;
  std::vector<NftInterval> intervals;
  const NftElement *open = nullptr;
  for (const NftElement &element : elements) {
    if (open != nullptr)
      intervals.push_back({open->key, before(element.key, width)});
    open = element.ends_interval ? nullptr : &element;
  }
  if (open != nullptr) {
    NftInterval &to_the_end = intervals.emplace_back(NftInterval{open->key, {}});
    std::memset(to_the_end.last.data(), 0xff, width);
  }
  return intervals;
}

std::string json_of(std::vector<NftElement> elements, Family family, NftSetKind kind) {
  JsonElements json(family);
  if (kind == NftSetKind::Hosts)
    for (const NftElement &element : elements)
      json.host(element.key);
  else
    for (const NftInterval &interval : intervals_of(std::move(elements), family))
      json.interval(interval);
  return std::move(json).take();
}

} // namespace banpush
