#include "core/reading/json_items.hpp"

#include "core/bans/ban.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

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

} // namespace

struct JsonItems::Document {
  Json json;
};

JsonItems::JsonItems(const Read &read, const std::string &text) : read_(read), document_(std::make_unique<Document>()) {
  document_->json = Json::parse(text, nullptr, false);
  if (document_->json.is_discarded())
    throw Error(ErrorKind::Device, fmt::format("the answer is not a whole JSON document; it begins \"{}\"", shown(text, 80)));
}

JsonItems::~JsonItems() = default;

void JsonItems::each(const std::function<void(std::string_view, const Pieces &, std::string_view)> &found) const {
  std::vector<SplitShape> shapes;
  for (const Shape &shape : read_.shapes) {
    SplitShape split;
    for (const auto &[name, pointer] : shape)
      split[name] = parts_of(pointer);
    shapes.push_back(std::move(split));
  }
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

} // namespace banpush
