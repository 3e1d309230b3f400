#include "core/reading/xml_items.hpp"

#include "core/bans/ban.hpp"

#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <pugixml.hpp>

namespace banpush {

namespace {

// Deeper than any data model goes; a reply that nests further is hostile.
constexpr int most_depth = 200;

void to_local_names(pugi::xml_node node, int depth) {
  if (depth > most_depth)
    throw Error(ErrorKind::Device, "the XML nests elements more than 200 deep");
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

std::optional<std::string> scalar(pugi::xml_node node, const pugi::xpath_query &query) {
  if (query.return_type() != pugi::xpath_type_node_set) {
    std::string text = query.evaluate_string(node);
    return text.empty() ? std::nullopt : std::optional(std::move(text));
  }
  const pugi::xpath_node found = query.evaluate_node(node);
  if (!found)
    return std::nullopt;
  return found.attribute() ? std::string(found.attribute().value()) : text_of(found.node());
}

using Elements = std::set<pugi::xml_node>;

void add_found(pugi::xml_node node, const pugi::xpath_query &query, Elements &elements) {
  if (query.return_type() != pugi::xpath_type_node_set) {
    elements.insert(node); // a text of its own making: what of the node it is made from cannot be told
    return;
  }
  for (const pugi::xpath_node &one : query.evaluate_node_set(node))
    elements.insert(one.attribute() ? one.parent() : one.node());
}

std::optional<pugi::xpath_query> compiled(const std::string &path) {
  return path.empty() ? std::optional<pugi::xpath_query>() : pugi::xpath_query(path.c_str());
}

// Shapes with their paths compiled once.
class Shapes {
public:
  explicit Shapes(const std::vector<Shape> &shapes) {
    for (const Shape &shape : shapes) {
      auto &pieces = shapes_.emplace_back();
      for (const auto &[name, path] : shape)
        pieces.emplace_back(name, pugi::xpath_query(path.c_str()));
    }
  }

  using Texts = std::map<std::string, std::string, std::less<>>;
  // The number of an entry that no shape fits: it is somebody else's, and not to be given away again.
  Texts number_of(pugi::xml_node node) const {
    for (const auto &shape : shapes_)
      for (const auto &[name, query] : shape)
        if (name == "number")
          if (auto text = scalar(node, query))
            return {{name, std::move(*text)}};
    return {};
  }

  // The elements that the first shape that fits takes its texts from; empty when none fits, or when it is one of somebody else's.
  Elements elements_of(pugi::xml_node node) const {
    for (const auto &shape : shapes_) {
      Elements elements;
      bool fits = true, theirs = false;
      for (const auto &[name, query] : shape) {
        fits = fits && scalar(node, query);
        theirs = theirs || name == "permit" || name == "deny" || name == "terminal" || name == "foreign";
        add_found(node, query, elements);
      }
      if (fits)
        return theirs ? Elements() : elements;
    }
    return {};
  }

  // Of the first shape all of whose paths resolve; empty when none does.
  Texts of(pugi::xml_node node) const {
    for (const auto &shape : shapes_) {
      Texts texts;
      for (const auto &[name, query] : shape) {
        auto text = scalar(node, query);
        if (!text)
          break;
        texts.emplace(name, std::move(*text));
      }
      if (texts.size() == shape.size())
        return texts;
    }
    return {};
  }

private:
  std::vector<std::vector<std::pair<std::string, pugi::xpath_query>>> shapes_;
};

std::optional<std::string_view> piece_of(const Shapes::Texts &texts, std::string_view name) {
  const auto piece = texts.find(name);
  if (piece == texts.end())
    return std::nullopt;
  return piece->second;
}

std::string raw_text(pugi::xml_node node) {
  std::ostringstream text;
  node.print(text, "", pugi::format_raw);
  return std::move(text).str();
}

void load(pugi::xml_document &document, const std::string &text) {
  const pugi::xml_parse_result result =
      document.load_buffer(text.data(), text.size(), pugi::parse_default & ~pugi::parse_doctype, pugi::encoding_utf8);
  if (!result)
    throw Error(ErrorKind::Device, fmt::format("the answer is not whole XML: {} at byte {}; it begins \"{}\"", result.description(),
                                               result.offset, shown(text, 80)));
  to_local_names(document, 0);
}

constexpr std::size_t least_leaves = 1U << 20U, most_leaves_to_a_byte = 16;

std::string in_one_line(std::string text) {
  for (char &one : text)
    if (one == '\n' || one == '\r')
      one = ' ';
  return text.empty() ? text : " " + text;
}

// Below elements of 200 at most: to_local_names has looked. Each line names all of them: what takes more than `most` bytes that way
// is no answer of a device.
void add_leaves(pugi::xml_node node, const std::string &path, std::size_t most, std::string &lines) {
  if (lines.size() > most)
    throw Error(ErrorKind::Device, "the answer is not understood: its elements have long names, and many in each other");
  for (const pugi::xml_attribute attribute : node.attributes()) {
    const std::string name = attribute.name();
    if (name != "xmlns" && name.compare(0, 6, "xmlns:") != 0)
      lines += fmt::format("{}/@{}{}\n", path, name.substr(name.find(':') + 1), in_one_line(attribute.value()));
  }
  std::map<std::string, unsigned> met;
  for (const pugi::xml_node child : node.children()) {
    if (child.type() != pugi::node_element)
      continue;
    const unsigned number = ++met[child.name()];
    add_leaves(child, number == 1 ? fmt::format("{}/{}", path, child.name()) : fmt::format("{}/{}[{}]", path, child.name(), number), most,
               lines);
  }
  if (met.empty() && node.type() == pugi::node_element)
    lines += path + in_one_line(text_of(node)) + "\n";
}

} // namespace

std::string leaves_of(const std::string &text) {
  pugi::xml_document document;
  load(document, text);
  std::string lines;
  add_leaves(document, {}, least_leaves + most_leaves_to_a_byte * text.size(), lines);
  return lines;
}

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
  load(document_->xml, text);
}

XmlItems::~XmlItems() = default;

void XmlItems::each(const std::function<void(std::string_view, const Pieces &, std::string_view)> &found) const {
  try {
    const Shapes shapes(read_.shapes);
    const pugi::xpath_query items(read_.items.c_str());
    const auto name = compiled(read_.list_at), entries = compiled(read_.entries), ours = compiled(read_.ours_at);
    const auto entry = [&](const std::string &list, pugi::xml_node node) {
      Shapes::Texts texts = shapes.of(node);
      if (texts.empty())
        texts = shapes.number_of(node);
      if (ours)
        if (auto mark = scalar(node, *ours))
          texts.emplace(read_.ours_at, std::move(*mark));
      found(
          list, [&texts](std::string_view piece) { return piece_of(texts, piece); }, raw_text(node));
    };
    for (const pugi::xpath_node &item : items.evaluate_node_set(document_->xml)) {
      const std::string list = name ? scalar(item.node(), *name).value_or("") : std::string();
      found(list, [](std::string_view) { return std::nullopt; }, {});
      if (!entries)
        entry(list, item.node());
      else
        for (const pugi::xpath_node &child : entries->evaluate_node_set(item.node()))
          entry(list, child.node());
    }
  } catch (const pugi::xpath_exception &error) {
    throw Error(ErrorKind::Config, fmt::format("XPath: {}", error.what()));
  }
}

namespace {

// What an element without text and children is taken for: a container with nothing in it, or a leaf that says something by being there.
enum class Empty { SaysNothing, Speaks };

// The first element that is none of the named and lies in none of them, by its path; empty where there is none.
std::string first_unnamed(pugi::xml_node node, const Elements &named, const Elements &beside, Empty empty) {
  for (const pugi::xml_node child : node.children()) {
    if (child.type() != pugi::node_element || named.count(child) + beside.count(child) != 0)
      continue;
    const bool leaf = child.find_child([](pugi::xml_node one) { return one.type() == pugi::node_element; }).empty();
    if (leaf && empty == Empty::SaysNothing && text_of(child).empty())
      continue;
    if (leaf)
      return child.name();
    if (std::string inside = first_unnamed(child, named, beside, empty); !inside.empty())
      return std::string(child.name()) + "/" + inside;
  }
  return {};
}

} // namespace

void XmlItems::each_unknown(const std::function<void(std::string_view, std::string_view)> &found) const {
  const auto told = [&](const std::string &list, const std::string &element) {
    if (!element.empty())
      found(list, "<" + shown(element, 200) + ">");
  };
  try {
    const Shapes shapes(read_.shapes);
    const pugi::xpath_query items(read_.items.c_str());
    const auto name = compiled(read_.list_at), entries_at = compiled(read_.entries), beside_at = compiled(read_.beside),
               ours = compiled(read_.ours_at);
    const auto evaluated = [](const std::optional<pugi::xpath_query> &query, pugi::xml_node node, Elements &into) {
      if (query)
        add_found(node, *query, into);
    };
    const auto entry = [&](const std::string &list, pugi::xml_node node, const Elements &beside) {
      Elements named = shapes.elements_of(node);
      if (named.empty() || named.count(node) != 0)
        return; // of others; or all of it is looked at
      if (ours) {
        const auto mark = scalar(node, *ours);
        if (!mark || !read_.ours_like.found_in(*mark))
          return;
        add_found(node, *ours, named);
      }
      if (const std::string element = first_unnamed(node, named, beside, Empty::Speaks); !element.empty())
        told(list, node.name() + ("/" + element));
    };
    for (const pugi::xpath_node &item : items.evaluate_node_set(document_->xml)) {
      const std::string list = name ? scalar(item.node(), *name).value_or("") : std::string();
      Elements beside, entries;
      evaluated(beside_at, item.node(), beside);
      evaluated(entries_at, item.node(), entries);
      if (!entries_at)
        entry(list, item.node(), beside);
      for (const pugi::xml_node &node : entries)
        entry(list, node, beside);
      if (!entries_at || !name)
        continue;
      evaluated(name, item.node(), entries);
      told(list, first_unnamed(item.node(), entries, beside, Empty::SaysNothing));
    }
  } catch (const pugi::xpath_exception &error) {
    throw Error(ErrorKind::Config, fmt::format("XPath: {}", error.what()));
  }
}

struct XmlRequest::Document {
  pugi::xml_document xml;
};

namespace {

void attributes_to_local_names(pugi::xml_node node) {
  for (pugi::xml_attribute attribute : node.attributes()) {
    const std::string name = attribute.name();
    const std::size_t colon = name.find(':');
    if (colon != std::string::npos && name.compare(0, 6, "xmlns:") != 0)
      attribute.set_name(name.c_str() + colon + 1);
  }
  for (const pugi::xml_node child : node.children())
    attributes_to_local_names(child); // not deep: to_local_names has looked
}

} // namespace

XmlRequest::XmlRequest(const std::string &text) : document_(std::make_unique<Document>()) {
  const pugi::xml_parse_result result = document_->xml.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!result || !document_->xml.document_element())
    throw Error(ErrorKind::Guard, fmt::format("a request of the script is no XML: {} at byte {} of \"{}\"", result.description(),
                                              result.offset, shown(text, 120)));
  const auto roots = document_->xml.children();
  if (std::count_if(roots.begin(), roots.end(), [](const pugi::xml_node &node) { return node.type() == pugi::node_element; }) != 1)
    throw Error(ErrorKind::Guard, fmt::format("a request of the script is more than one element: \"{}\"", shown(text, 120)));
  to_local_names(document_->xml, 0);
  attributes_to_local_names(document_->xml);
}

XmlRequest::~XmlRequest() = default;

std::string XmlRequest::operation() const { return document_->xml.document_element().name(); }

std::size_t XmlRequest::edits() const { return document_->xml.select_nodes("//*[@operation]").size(); }

bool XmlRequest::replaces_all() const {
  return std::string_view(document_->xml.document_element().child("default-operation").text().get()) == "replace";
}

std::size_t XmlRequest::each(const std::string &path, const std::vector<Shape> &all_shapes,
                             const std::function<void(const Pieces &, std::string_view)> &found) const {
  try {
    const Shapes shapes(all_shapes);
    const pugi::xpath_query query(path.c_str());
    const pugi::xpath_node_set nodes = query.evaluate_node_set(document_->xml);
    for (const pugi::xpath_node &one : nodes) {
      const Shapes::Texts texts = shapes.of(one.node());
      found([&texts](std::string_view piece) { return piece_of(texts, piece); }, raw_text(one.node()));
    }
    return nodes.size();
  } catch (const pugi::xpath_exception &error) {
    throw Error(ErrorKind::Config, fmt::format("XPath: {}", error.what()));
  }
}

} // namespace banpush
