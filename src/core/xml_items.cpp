#include "core/xml_items.hpp"

#include "core/ban.hpp"

#include <sstream>

#include <fmt/format.h>
#include <pugixml.hpp>

namespace banpush {

namespace {

// Deeper than any data model goes; a reply that nests further is hostile.
constexpr int most_depth = 200;

void to_local_names(pugi::xml_node node, int depth) {
  if (depth > most_depth)
    throw Error(ErrorKind::Device, "the answer nests elements more than 200 deep");
  for (pugi::xml_node child : node.children()) {
    const std::string name = child.name();
    const std::size_t colon = name.find(':');
    if (colon != std::string::npos)
      child.set_name(name.c_str() + colon + 1);
    to_local_names(child, depth + 1);
  }
}

std::string text_of(pugi::xml_node node) {
  std::string text = node.text().get();
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<std::string> scalar(pugi::xml_node node, const std::string &path) {
  const pugi::xpath_node found = node.select_node(path.c_str());
  if (!found)
    return std::nullopt;
  return found.attribute() ? std::string(found.attribute().value()) : text_of(found.node());
}

} // namespace

std::optional<std::string> broken_xpath(const std::string &path) {
  try {
    const pugi::xpath_query query(path.c_str());
    return std::nullopt;
  } catch (const pugi::xpath_exception &problem) {
    return problem.what();
  }
}

struct XmlItems::Document {
  pugi::xml_document xml;
};

XmlItems::XmlItems(const Read &read, const std::string &text) : read_(read), document_(std::make_unique<Document>()) {
  const pugi::xml_parse_result result =
      document_->xml.load_buffer(text.data(), text.size(), pugi::parse_default & ~pugi::parse_doctype, pugi::encoding_utf8);
  if (!result)
    throw Error(ErrorKind::Device, fmt::format("the answer is not whole XML: {} at byte {}; it begins \"{}\"", result.description(),
                                               result.offset, shown(text, 80)));
  to_local_names(document_->xml, 0);
}

XmlItems::~XmlItems() = default;

void XmlItems::each(const std::function<void(std::string_view, const Pieces &, std::string_view)> &found) const {
  const auto entry = [&](const std::string &list, pugi::xml_node node) {
    std::map<std::string, std::string, std::less<>> texts;
    for (const Shape &shape : read_.shapes) {
      texts.clear();
      for (const auto &[name, path] : shape) {
        auto text = scalar(node, path);
        if (!text)
          break;
        texts.emplace(name, std::move(*text));
      }
      if (texts.size() == shape.size())
        break;
      texts.clear();
    }
    if (!read_.ours_at.empty())
      if (auto mark = scalar(node, read_.ours_at))
        texts.emplace(read_.ours_at, std::move(*mark));
    std::ostringstream text;
    node.print(text, "", pugi::format_raw);
    found(
        list,
        [&texts](std::string_view name) -> std::optional<std::string_view> {
          const auto piece = texts.find(name);
          if (piece == texts.end())
            return std::nullopt;
          return piece->second;
        },
        text.str());
  };
  try {
    for (const pugi::xpath_node &item : document_->xml.select_nodes(read_.items.c_str())) {
      const std::string list = read_.list_at.empty() ? std::string() : scalar(item.node(), read_.list_at).value_or("");
      found(list, [](std::string_view) { return std::nullopt; }, {});
      if (read_.entries.empty())
        entry(list, item.node());
      else
        for (const pugi::xpath_node &child : item.node().select_nodes(read_.entries.c_str()))
          entry(list, child.node());
    }
  } catch (const pugi::xpath_exception &error) {
    throw Error(ErrorKind::Config, fmt::format("XPath: {}", error.what()));
  }
}

} // namespace banpush
