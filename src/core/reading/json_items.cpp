#include "core/reading/json_items.hpp"

#include "core/bans/ban.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

// Deeper than any data model goes; a reply that nests further is hostile, and what walks through it is recursive.
constexpr std::size_t most_depth = 200;

bool nests_deeper(std::string_view text, std::size_t most) noexcept {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{') && ++depth > most)
      return true;
    else if (!quoted && (c == ']' || c == '}') && depth != 0)
      --depth;
  }
  return false;
}

// Parts of a pointer, unescaped; `*` stays and means every member.
std::vector<std::string> parts_of(std::string_view pointer) {
  std::vector<std::string> parts;
  if (pointer.empty())
    return parts;
  std::string part;
  for (std::size_t i = 1; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      parts.push_back(part);
      part.clear();
    } else if (pointer[i] == '~' && i + 1 < pointer.size()) {
      part += pointer[++i] == '0' ? '~' : '/';
    } else {
      part += pointer[i];
    }
  }
  parts.push_back(part);
  return parts;
}

void walk(const Json &json, const std::vector<std::string> &parts, std::size_t at, const std::function<void(const Json &)> &found) {
  if (at == parts.size()) {
    found(json);
    return;
  }
  if (parts[at] == "*") {
    if (json.is_structured())
      for (const Json &member : json)
        walk(member, parts, at + 1, found);
    return;
  }
  if (json.is_object()) {
    const auto member = json.find(parts[at]);
    if (member != json.end())
      walk(*member, parts, at + 1, found);
    return;
  }
  if (json.is_array() && !parts[at].empty() && parts[at].find_first_not_of("0123456789") == std::string::npos && parts[at].size() < 9) {
    const std::size_t index = std::stoul(parts[at]);
    if (index < json.size())
      walk(json[index], parts, at + 1, found);
  }
}

// A scalar as text; nothing for what is missing or structured.
std::optional<std::string> scalar(const Json &json, const std::vector<std::string> &parts) {
  std::optional<std::string> text;
  walk(json, parts, 0, [&](const Json &value) {
    if (text || value.is_structured() || value.is_null())
      return;
    text = value.is_string() ? value.get<std::string>() : value.dump();
  });
  return text;
}

using SplitShape = std::map<std::string, std::vector<std::string>>;

std::vector<SplitShape> split(const std::vector<Shape> &shapes) {
  std::vector<SplitShape> all;
  for (const Shape &shape : shapes) {
    SplitShape &one = all.emplace_back();
    for (const auto &[name, pointer] : shape)
      one[name] = parts_of(pointer);
  }
  return all;
}

} // namespace

struct JsonItems::Document {
  Json json;
};

JsonItems::JsonItems(const Read &read, const std::string &text) : read_(read), document_(std::make_unique<Document>()) {
  if (nests_deeper(text, most_depth))
    throw Error(ErrorKind::Device, fmt::format("the JSON nests values more than {} deep", most_depth));
  document_->json = Json::parse(text, nullptr, false);
  if (document_->json.is_discarded())
    throw Error(ErrorKind::Device, fmt::format("the answer is not a whole JSON document; it begins \"{}\"", shown(text, 80)));
}

JsonItems::~JsonItems() = default;

void JsonItems::each(const std::function<void(std::string_view, const Pieces &, std::string_view)> &found) const {
  const std::vector<SplitShape> shapes = split(read_.shapes);
  const auto list_parts = parts_of(read_.list_at), entry_parts = parts_of(read_.entries);
  const auto ours_parts = parts_of(read_.ours_at);
  const bool has_ours = !read_.ours_at.empty();

  const auto entry = [&](const std::string &list, const Json &json) {
    std::map<std::string, std::string, std::less<>> texts;
    for (const SplitShape &shape : shapes) {
      texts.clear();
      for (const auto &[name, parts] : shape) {
        auto text = scalar(json, parts);
        if (!text)
          break;
        texts.emplace(name, std::move(*text));
      }
      if (texts.size() == shape.size())
        break;
      texts.clear();
    }
    if (has_ours)
      if (auto mark = scalar(json, ours_parts))
        texts.emplace(read_.ours_at, std::move(*mark));
    found(
        list,
        [&texts](std::string_view name) -> std::optional<std::string_view> {
          const auto text = texts.find(name);
          if (text == texts.end())
            return std::nullopt;
          return text->second;
        },
        json.dump());
  };

  walk(document_->json, parts_of(read_.items), 0, [&](const Json &item) {
    const std::string list = read_.list_at.empty() ? std::string() : scalar(item, list_parts).value_or("");
    found(list, [](std::string_view) { return std::nullopt; }, {});
    if (entry_parts.empty())
      entry(list, item);
    else
      walk(item, entry_parts, 0, [&](const Json &json) { entry(list, json); });
  });
}

namespace {

using Members = std::set<const Json *>;

// The pointers, parted by ` | `.
std::vector<std::string> alternatives_in(const std::string &pointers) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at < pointers.size();) {
    const std::size_t end = std::min(pointers.find(" | ", at), pointers.size());
    all.push_back(pointers.substr(at, end - at));
    at = end + 3;
  }
  return all;
}

void add_found(const Json &json, const std::vector<std::string> &parts, Members &members) {
  walk(json, parts, 0, [&](const Json &one) { members.insert(&one); });
}

// The first member that is none of the named and lies in none of them, by its path; empty where there is none.
std::string first_unnamed(const Json &json, const Members &named, const Members &beside) {
  for (const auto &[name, member] : json.items()) {
    if (named.count(&member) + beside.count(&member) != 0 || member.is_null() || (member.is_structured() && member.empty()))
      continue;
    if (!member.is_structured())
      return name;
    if (const std::string inside = first_unnamed(member, named, beside); !inside.empty())
      return name + "/" + inside;
  }
  return {};
}

// What the first shape that fits takes its texts from; empty when none fits, or when it is one of somebody else's.
Members members_of(const Json &json, const std::vector<SplitShape> &shapes) {
  for (const SplitShape &shape : shapes) {
    Members members;
    bool theirs = false;
    const bool fits = std::all_of(shape.begin(), shape.end(), [&](const auto &piece) {
      theirs = theirs || piece.first == "permit" || piece.first == "deny" || piece.first == "terminal" || piece.first == "foreign";
      add_found(json, piece.second, members);
      return scalar(json, piece.second).has_value();
    });
    if (fits)
      return theirs ? Members() : members;
  }
  return {};
}

} // namespace

void JsonItems::each_unknown(const std::function<void(std::string_view, std::string_view)> &found) const {
  const std::vector<std::string> besides = alternatives_in(read_.beside);
  const std::vector<SplitShape> shapes = split(read_.shapes);
  const auto list_parts = parts_of(read_.list_at), entry_parts = parts_of(read_.entries), ours_parts = parts_of(read_.ours_at);
  auto entries_parts = entry_parts; // where every member of something is an entry, there is nothing else in it
  if (!entries_parts.empty() && entries_parts.back() == "*")
    entries_parts.pop_back();
  walk(document_->json, parts_of(read_.items), 0, [&](const Json &item) {
    const std::string list = read_.list_at.empty() ? std::string() : scalar(item, list_parts).value_or("");
    const auto told = [&](const std::string &member) {
      if (!member.empty())
        found(list, "\"" + shown(member, 200) + "\"");
    };
    Members beside;
    for (const std::string &pointer : besides)
      add_found(item, parts_of(pointer), beside);
    walk(item, entry_parts, 0, [&](const Json &json) {
      if (!json.is_structured())
        return;
      Members named = members_of(json, shapes);
      if (named.empty() || named.count(&json) != 0)
        return; // of others; or all of it is looked at
      if (!read_.ours_at.empty()) {
        const auto mark = scalar(json, ours_parts);
        if (!mark || !read_.ours_like.found_in(*mark))
          return;
        add_found(json, ours_parts, named);
      }
      told(first_unnamed(json, named, beside));
    });
    if (read_.entries.empty() || read_.list_at.empty())
      return;
    Members named;
    add_found(item, list_parts, named);
    add_found(item, entries_parts, named);
    told(first_unnamed(item, named, beside));
  });
}

} // namespace banpush
