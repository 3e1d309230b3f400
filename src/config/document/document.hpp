// A YAML file as a tree that knows where everything stands. Stricter than YAML: no anchors, aliases,
// merge keys, tags, directives, doubles, or second documents.
#pragma once

#include "core/error.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace banpush {

// Where something stands: line and column are 1-based, the column counts characters.
struct Place {
  std::shared_ptr<const std::string> file;
  std::size_t line = 1, column = 1;

  std::string text() const; // `file:line:column`
};

// All that is wrong, gathered, so that a person sees it at once.
class Problems {
public:
  void add(const Place &place, const std::string &message);
  void add(const Error &error); // says itself where
  void add(const Problems &others);

  // Puts the words behind each line for which that is so.
  void explain(const std::function<bool(const std::string &file, const std::string &line)> &which, const std::string &words);

  bool empty() const noexcept { return problems_.empty(); }
  // Each once, `file:line:column: message`, by file (in the order met), line and column.
  std::vector<std::string> lines() const;
  // Throws one Error (Config) with all lines when there are any.
  void raise() const;

private:
  struct One {
    std::size_t file;
    std::size_t line, column;
    std::string text;
    auto key() const { return std::tie(file, line, column, text); }
  };
  std::size_t index_of(const std::string &file);

  std::vector<std::string> files_;
  std::vector<One> problems_;
};

struct Node {
  enum class Kind { Nothing, Text, List, Mapping };
  struct Flaw {
    Place place;
    std::string message;
  };

  Kind kind = Kind::Nothing;
  Place place;
  std::string name;        // the key it stands under (a list's items: the list's); empty at the top
  std::string text;        // Text
  bool plain = true;       // Text: not quoted
  std::vector<Node> keys;  // Mapping: one for each of `items`
  std::vector<Node> items; // List, Mapping
  std::vector<Flaw> flaws; // doubles, anchors and the like, met in this very node

  // The value under a key of a mapping; nothing when there is none or this is no mapping.
  const Node *at(std::string_view key) const noexcept;
  // `"text"` cut short, `a list`, `a mapping`, `nothing`: for messages.
  std::string found() const;
};

// Throws Error (Config) `file:line:column: …` for what is no YAML, and for a file that cannot be read, is
// empty, too large or too deep. What can be passed over stays in the nodes as flaws.
Node read_document(const std::string &path);
Node parse_document(const std::string &file, const std::string &text);

// Adds the flaws of a node and of all below it.
void report_flaws(const Node &node, Problems &problems);

} // namespace banpush
