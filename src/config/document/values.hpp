// Typed values out of nodes. Each takes a node and the problems found so far; what is wrong is added
// there, at its place, and the answer is then empty.
#pragma once

#include "config/document/document.hpp"
#include "core/bans/ban.hpp"
#include "core/driver/pattern.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace banpush {

// `name: expected …, found …` at the node.
void add_mismatch(const Node &node, Problems &problems, const std::string &expected);

std::optional<std::string> text_of(const Node &node, Problems &problems);     // not empty, no control characters
std::optional<std::string> any_text_of(const Node &node, Problems &problems); // may be empty, line ends may stand in it
std::optional<std::int64_t> whole_of(const Node &node, Problems &problems, std::int64_t from, std::int64_t to);
std::optional<double> decimal_of(const Node &node, Problems &problems, double from, double to);
std::optional<bool> yes_no_of(const Node &node, Problems &problems);                            // yes no true false
std::optional<Seconds> duration_of(const Node &node, Problems &problems);                       // at least a second; never permanent
std::optional<Seconds> bantime_of(const Node &node, Problems &problems);                        // the same, or permanent
std::optional<std::chrono::milliseconds> milliseconds_of(const Node &node, Problems &problems); // at least one
std::optional<double> share_of(const Node &node, Problems &problems);                           // `20%` is 0.2; 0% to 100%

// Empty where it is wrong; RE2's own words then stand in the problem.
Pattern pattern_of(const Node &node, Problems &problems);

// Lists; a text alone is a list of one.
std::vector<std::string> texts_of(const Node &node, Problems &problems);
std::vector<std::string> any_texts_of(const Node &node, Problems &problems);
std::vector<Pattern> patterns_of(const Node &node, Problems &problems);
std::vector<int> statuses_of(const Node &node, Problems &problems); // 0 to 255

// argv: a list of texts, the first of which is not empty.
std::vector<std::string> argv_of(const Node &node, Problems &problems);

// The items of a list, or the node itself when it is none: `a` is `[a]`. None for nothing.
std::vector<const Node *> items_of(const Node &node);

// One of some words, each with its meaning.
template <class T>
using Words = std::vector<std::pair<std::string, T>>;

// The problem of a word that is none of those.
void add_unknown_word(const Node &node, Problems &problems, const std::vector<std::string> &words);

template <class T>
std::optional<T> word_of(const Node &node, Problems &problems, const Words<T> &words) {
  std::vector<std::string> names;
  for (const auto &[name, meaning] : words) {
    if (node.kind == Node::Kind::Text && node.text == name)
      return meaning;
    names.push_back(name);
  }
  add_unknown_word(node, problems, names);
  return std::nullopt;
}

} // namespace banpush
