#include "config/document/document.hpp"

#include "config/document/text_file.hpp"
#include "core/bans/ban.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

namespace banpush {

namespace {

constexpr std::size_t most_bytes = 4 * 1024 * 1024;
constexpr std::size_t most_depth = 32;
constexpr std::size_t most_nodes = 200'000;

// Makes the tree of what the parser meets.
class Builder : public YAML::EventHandler {
public:
  Builder(std::string file, const std::string &text) : file_(std::make_shared<const std::string>(std::move(file))), text_(text) {
    for (std::size_t start = 0; start <= text.size();) {
      const std::size_t end = std::min(text.find('\n', start), text.size());
      lines_.push_back(std::string_view(text).substr(start, end - start));
      start = end + 1;
    }
  }

  Node take() { return std::move(root_); }
  // Counts on from the last place in the same line: a file may be one line of a hundred thousand values.
  Place place(const YAML::Mark &mark) {
    const std::size_t line = mark.line < 0 ? 0 : static_cast<std::size_t>(mark.line);
    const std::size_t byte = mark.column < 0 ? 0 : static_cast<std::size_t>(mark.column);
    if (line >= lines_.size())
      return {file_, line + 1, 1};
    const bool goes_on = counted_.line == line && counted_.byte <= byte;
    const std::size_t from = goes_on ? counted_.byte : 0;
    const std::size_t column =
        (goes_on ? counted_.column : 1) + column_of(lines_[line].substr(std::min(from, lines_[line].size())), byte - from) - 1;
    counted_ = {line, byte, column};
    return {file_, line + 1, column};
  }
  [[noreturn]] void refuse(const Place &place, const std::string &why) const {
    throw Error(ErrorKind::Config, fmt::format("{}: {}", place.text(), why));
  }

  void OnDocumentStart(const YAML::Mark &mark) override {
    if (++documents_ > 1)
      refuse(place(mark), "a second document begins; one file holds one");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark &mark, YAML::anchor_t anchor) override { add(make(mark, "", anchor, Node::Kind::Nothing)); }
  void OnAlias(const YAML::Mark &mark, YAML::anchor_t) override {
    Node node = make(mark, "", 0, Node::Kind::Nothing);
    node.flaws.push_back({node.place, "aliases (*name) are not used here; write it out"});
    add(std::move(node));
  }
  void OnScalar(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor, const std::string &value) override {
    if (!is_closed(mark))
      refuse(place(mark), "this quote is not closed");
    Node node = make(mark, tag, anchor, Node::Kind::Text);
    node.text = value;
    node.plain = tag == "?";
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(make(mark, tag, anchor, Node::Kind::List));
  }
  void OnSequenceEnd() override { shut(); }
  void OnMapStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(make(mark, tag, anchor, Node::Kind::Mapping));
  }
  void OnMapEnd() override { shut(); }

private:
  Node make(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor, Node::Kind kind) {
    Node node;
    node.kind = kind;
    node.place = place(mark);
    if (++nodes_ > most_nodes)
      refuse(node.place, fmt::format("more than {} values in one file", most_nodes));
    if (anchor != 0)
      node.flaws.push_back({node.place, "anchors (&name) are not used here; write it out"});
    if ((!tag.empty() && tag != "?" && tag != "!") || stands_tagged(mark))
      node.flaws.push_back({node.place, "tags (!name) are not used here"});
    return node;
  }
  // The text from a place on.
  std::string_view text_at(const YAML::Mark &mark) const {
    const auto line = static_cast<std::size_t>(std::max(mark.line, 0)), column = static_cast<std::size_t>(std::max(mark.column, 0));
    if (line >= lines_.size() || column >= lines_[line].size())
      return {};
    return text_.substr(static_cast<std::size_t>(lines_[line].data() - text_.data()) + column);
  }
  // The tag `!` alone is told as that of a quoted text.
  bool stands_tagged(const YAML::Mark &mark) const { return text_at(mark).substr(0, 1) == "!"; }
  // The parser takes the end of the file for the end of a quoted text: a cut file would pass.
  bool is_closed(const YAML::Mark &mark) const {
    const std::string_view text = text_at(mark);
    const char quote = text.empty() ? ' ' : text.front();
    if (quote != '"' && quote != '\'')
      return true;
    for (std::size_t i = 1; i < text.size(); ++i) {
      const bool escaped = quote == '"' ? text[i] == '\\' : text.substr(i, 2) == "''";
      if (!escaped && text[i] == quote)
        return true;
      i += escaped ? 1 : 0;
    }
    return false;
  }

  void open(Node node) {
    if (open_.size() >= most_depth)
      refuse(node.place, fmt::format("more than {} levels deep", most_depth));
    if (!open_.empty() && !takes_key(open_.back()))
      node.name = name_in(open_.back());
    open_.push_back(std::move(node));
  }
  void shut() {
    Node node = std::move(open_.back());
    open_.pop_back();
    if (node.keys.size() > node.items.size())
      node.keys.pop_back();
    add(std::move(node));
  }
  static bool takes_key(const Node &node) { return node.kind == Node::Kind::Mapping && node.keys.size() == node.items.size(); }
  static std::string name_in(const Node &node) { return node.kind == Node::Kind::Mapping ? node.keys.back().text : node.name; }

  void add(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Node &parent = open_.back();
    if (takes_key(parent)) {
      add_key(parent, std::move(node));
      return;
    }
    node.name = name_in(parent);
    if (node.kind == Node::Kind::Nothing && node.flaws.empty() && parent.kind == Node::Kind::Mapping)
      node.place = parent.keys.back().place; // an absent value stands nowhere
    parent.items.push_back(std::move(node));
  }
  static void add_key(Node &parent, Node key) {
    if (key.kind != Node::Kind::Text)
      parent.flaws.push_back({key.place, fmt::format("a key must be text, found {}", key.found())});
    else if (key.plain && key.text == "<<")
      parent.flaws.push_back({key.place, "merge keys (<<) are not used here; write it out"});
    else if (const auto first = std::find_if(parent.keys.begin(), parent.keys.end(),
                                             [&](const Node &k) { return k.kind == Node::Kind::Text && k.text == key.text; });
             first != parent.keys.end())
      parent.flaws.push_back({key.place, fmt::format("duplicate key \"{}\", first in line {}", shown(key.text), first->place.line)});
    parent.keys.push_back(std::move(key));
  }

  std::shared_ptr<const std::string> file_;
  std::string_view text_;
  std::vector<std::string_view> lines_;
  std::vector<Node> open_;
  Node root_;
  std::size_t nodes_ = 0, documents_ = 0;
  struct {
    std::size_t line = 0, byte = 0, column = 1;
  } counted_;
};

// Indentation by tabs and directives: refused by YAML itself in some places only, here in all.
void refuse_layout(const std::string &file, const std::string &text) {
  std::size_t line = 1;
  for (std::size_t start = 0; start < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::size_t indent = std::min(text.find_first_not_of(' ', start), end);
    if (indent < end && text[indent] == '\t' && text.find_first_not_of(" \t", start) < end)
      throw Error(ErrorKind::Config, fmt::format("{}:{}:{}: indented by a tab; use spaces", file, line, indent - start + 1));
    if (text[start] == '%')
      throw Error(ErrorKind::Config, fmt::format("{}:{}:1: directives (%) are not used here", file, line));
    start = end + 1;
  }
}

struct Where {
  std::string file;
  std::size_t line = 0, column = 0;
};

// `file:line:column: …` taken apart, as far as it is that.
Where where_of(const std::string &text) {
  constexpr std::string_view digits = "0123456789";
  for (std::size_t at = text.find(':'); at != std::string::npos; at = text.find(':', at + 1)) {
    const std::size_t middle = text.find_first_not_of(digits, at + 1);
    if (middle == std::string::npos || middle == at + 1 || text[middle] != ':' || middle - at > 9)
      continue;
    const std::size_t end = text.find_first_not_of(digits, middle + 1);
    if (end == std::string::npos || end == middle + 1 || text[end] != ':' || end - middle > 9)
      continue;
    return {text.substr(0, at), std::stoul(text.substr(at + 1)), std::stoul(text.substr(middle + 1))};
  }
  return {text.substr(0, text.find(": ")), 0, 0};
}

} // namespace

std::string Place::text() const { return fmt::format("{}:{}:{}", file ? *file : std::string(), line, column); }

std::size_t Problems::index_of(const std::string &file) {
  const auto index = static_cast<std::size_t>(std::find(files_.begin(), files_.end(), file) - files_.begin());
  if (index == files_.size())
    files_.push_back(file);
  return index;
}

void Problems::add(const Place &place, const std::string &message) {
  problems_.push_back({index_of(place.file ? *place.file : std::string()), place.line, place.column, place.text() + ": " + message});
}

void Problems::add(const Error &error) {
  std::istringstream all(error.what());
  for (std::string text; std::getline(all, text);) {
    const auto [file, line, column] = where_of(text);
    problems_.push_back({index_of(file), line, column, text});
  }
}

void Problems::add(const Problems &others) {
  for (const One &one : others.problems_)
    problems_.push_back({index_of(others.files_[one.file]), one.line, one.column, one.text});
}

void Problems::explain(const std::function<bool(const std::string &, const std::string &)> &which, const std::string &words) {
  for (One &one : problems_)
    if (which(files_[one.file], one.text))
      one.text += words;
}

std::vector<std::string> Problems::lines() const {
  std::vector<One> sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const One &a, const One &b) { return a.key() < b.key(); });
  std::vector<std::string> lines;
  for (const One &one : sorted)
    if (lines.empty() || lines.back() != one.text)
      lines.push_back(one.text);
  return lines;
}

void Problems::raise() const {
  if (problems_.empty())
    return;
  std::string all;
  for (const std::string &line : lines())
    all += (all.empty() ? "" : "\n") + line;
  throw Error(ErrorKind::Config, all);
}

const Node *Node::at(std::string_view key) const noexcept {
  for (std::size_t i = 0; i < keys.size() && i < items.size(); ++i)
    if (keys[i].kind == Kind::Text && keys[i].text == key)
      return &items[i];
  return nullptr;
}

std::string Node::found() const {
  switch (kind) {
  case Kind::Nothing: return "nothing";
  case Kind::Text: return fmt::format("\"{}\"", shown(text));
  case Kind::List: return "a list";
  case Kind::Mapping: return "a mapping";
  }
  return {};
}

Node parse_document(const std::string &file, const std::string &text) {
  const std::string plain = screened(file, text);
  refuse_layout(file, plain);
  Builder builder(file, plain);
  std::istringstream stream(plain);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder))
      throw Error(ErrorKind::Config, file + ": the file is empty");
    parser.HandleNextDocument(builder);
  } catch (const YAML::Exception &problem) {
    builder.refuse(builder.place(problem.mark), problem.msg);
  }
  return builder.take();
}

Node read_document(const std::string &path) { return parse_document(path, read_file(path, most_bytes)); }

void report_flaws(const Node &node, Problems &problems) {
  for (const Node::Flaw &flaw : node.flaws)
    problems.add(flaw.place, flaw.message);
  for (const Node &key : node.keys)
    report_flaws(key, problems);
  for (const Node &item : node.items)
    report_flaws(item, problems);
}

} // namespace banpush
