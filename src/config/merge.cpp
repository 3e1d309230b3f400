#include "config/merge.hpp"

#include "config/policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace banpush {

namespace {

bool contains(const std::vector<std::string> &names, const std::string &name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Node &section(Node &level, const std::string &name, const Place &place) {
  for (std::size_t i = 0; i < level.keys.size(); ++i)
    if (level.keys[i].text == name)
      return level.items[i];
  Node key, mapping;
  key.kind = Node::Kind::Text;
  key.text = name;
  mapping.kind = Node::Kind::Mapping;
  mapping.name = name;
  key.place = mapping.place = place;
  level.keys.push_back(std::move(key));
  level.items.push_back(std::move(mapping));
  return level.items.back();
}

void move_into(Node &level, const std::string &name, const std::vector<std::string> &keys) {
  for (std::size_t i = 0; i < level.keys.size();) {
    if (level.keys[i].kind != Node::Kind::Text || !contains(keys, level.keys[i].text)) {
      ++i;
      continue;
    }
    Node key = std::move(level.keys[i]), item = std::move(level.items[i]);
    level.keys.erase(level.keys.begin() + static_cast<std::ptrdiff_t>(i));
    level.items.erase(level.items.begin() + static_cast<std::ptrdiff_t>(i));
    Node &target = section(level, name, key.place);
    if (target.kind != Node::Kind::Mapping)
      continue; // complained about where it is read
    if (const Node *other = target.at(key.text)) {
      target.flaws.push_back({key.place, fmt::format("duplicate key \"{}\", also in {} in line {}", key.text, name, other->place.line)});
      continue;
    }
    target.keys.push_back(std::move(key));
    target.items.push_back(std::move(item));
  }
}

bool is_whole(const std::string &parent, const Node &node) {
  return parent == "params" || node.name == "password" || node.name == "passphrase" || node.name == "enable";
}

void lay_under(Node &over, const Node &under) {
  for (std::size_t i = 0; i < under.keys.size(); ++i) {
    const auto same = std::find_if(over.keys.begin(), over.keys.end(), [&](const Node &key) { return key.text == under.keys[i].text; });
    if (same == over.keys.end()) {
      over.keys.push_back(under.keys[i]);
      over.items.push_back(under.items[i]);
      continue;
    }
    Node &upper = over.items[static_cast<std::size_t>(same - over.keys.begin())];
    if (upper.kind == Node::Kind::Mapping && under.items[i].kind == Node::Kind::Mapping && !is_whole(over.name, upper))
      lay_under(upper, under.items[i]);
  }
}

} // namespace

Node normalised(const Node &level) {
  Node copy = level;
  if (copy.kind != Node::Kind::Mapping)
    return copy;
  move_into(copy, "policy", policy_keys());
  move_into(copy, "limits", limit_keys());
  return copy;
}

Node overlay(const std::vector<const Node *> &levels) {
  Node all;
  all.kind = Node::Kind::Mapping;
  if (!levels.empty()) {
    all.place = levels.front()->place;
    all.name = levels.front()->name;
  }
  for (const Node *level : levels)
    if (level->kind == Node::Kind::Mapping)
      lay_under(all, *level);
  return all;
}

} // namespace banpush
