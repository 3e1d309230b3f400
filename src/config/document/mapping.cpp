#include "config/document/mapping.hpp"

#include "config/document/suggestion.hpp"
#include "config/document/values.hpp"
#include "core/bans/ban.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace banpush {

Mapping::Mapping(const Node &node, Problems &problems) : node_(&node), problems_(&problems) {
  if (node.kind == Node::Kind::Mapping)
    return;
  if (node.name.empty())
    problems.add(node.place, fmt::format("expected a mapping (key: value), found {}", node.found()));
  else
    add_mismatch(node, problems, "a mapping (key: value)");
}

const Node *Mapping::find_even_empty(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end())
    known_.emplace_back(key);
  return node_->at(key);
}

const Node *Mapping::find(std::string_view key) {
  const Node *node = find_even_empty(key);
  if (node == nullptr || node->kind != Node::Kind::Nothing)
    return node;
  if (node->flaws.empty())
    problems_->add(node->place, fmt::format("{}: no value", node->name));
  return nullptr;
}

void Mapping::miss(std::string_view key) {
  problems_->add(node_->place, node_->name.empty() ? fmt::format("the key \"{}\" is missing", key)
                                                   : fmt::format("{}: the key \"{}\" is missing", node_->name, key));
}

void Mapping::done() const {
  for (const Node &key : node_->keys) {
    const bool is_known = key.kind != Node::Kind::Text || (key.plain && key.text == "<<") ||
                          std::find(known_.begin(), known_.end(), key.text) != known_.end();
    if (!is_known)
      problems_->add(key.place, fmt::format("unknown key \"{}\"{}", shown(key.text), suggestion(key.text, known_)));
  }
}

} // namespace banpush
