#include "config/driver/driver_lineage.hpp"

#include "config/document/suggestion.hpp"
#include "config/document/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace banpush {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_parents = 8;

// Sections of which an extending driver replaces single keys; all others it replaces whole.
bool merges_by_key(const std::string &section) {
  return section == "params" || section == "prompts" || section == "facts" || section == "lists" || section == "stages" ||
         section == "limits" || section == "ports" || section == "protocols" || section == "namespaces" || section == "script";
}

std::ptrdiff_t index_of(const Node &mapping, const std::string &key) {
  for (std::size_t i = 0; i < mapping.keys.size(); ++i)
    if (mapping.keys[i].text == key)
      return static_cast<std::ptrdiff_t>(i);
  return -1;
}

void erase(Node &mapping, std::ptrdiff_t index) {
  mapping.keys.erase(mapping.keys.begin() + index);
  mapping.items.erase(mapping.items.begin() + index);
}

void put(Node &mapping, const Node &key, const Node &item) {
  const auto index = index_of(mapping, key.text);
  if (index < 0) {
    mapping.keys.push_back(key);
    mapping.items.push_back(item);
    return;
  }
  mapping.keys[static_cast<std::size_t>(index)] = key;
  mapping.items[static_cast<std::size_t>(index)] = item;
}

// Key by key; `name:` with nothing behind it takes away what the parent has. A stage stays named, because
// its template would bring it back.
void lay_over(Node &parent, const Node &child) {
  for (std::size_t i = 0; i < child.keys.size(); ++i) {
    if (child.items[i].kind != Node::Kind::Nothing || child.name == "stages") {
      put(parent, child.keys[i], child.items[i]);
    } else if (const auto index = index_of(parent, child.keys[i].text); index >= 0) {
      erase(parent, index);
    }
  }
}

// The child over its parent. Evidence is each driver's own.
Node extended(const Node &child, Node parent) {
  for (const char *own : {"evidence", "extends"})
    if (const auto index = index_of(parent, own); index >= 0)
      erase(parent, index);
  parent.place = child.place;
  for (std::size_t i = 0; i < child.keys.size(); ++i) {
    const auto index = index_of(parent, child.keys[i].text);
    Node *under = index < 0 ? nullptr : &parent.items[static_cast<std::size_t>(index)];
    if (under != nullptr && merges_by_key(child.keys[i].text) && under->kind == Node::Kind::Mapping &&
        child.items[i].kind == Node::Kind::Mapping)
      lay_over(*under, child.items[i]);
    else if (child.items[i].kind == Node::Kind::Nothing && under != nullptr)
      erase(parent, index);
    else
      put(parent, child.keys[i], child.items[i]);
  }
  return parent;
}

std::string name_of(const std::string &file) { return fs::path(file).stem().string(); }

} // namespace

Lineage lineage_of(const std::string &file, const DataDirs &dirs, Problems &problems) {
  std::vector<Node> generations{read_document(file)};
  Lineage lineage{{}, {name_of(file)}, true};
  report_flaws(generations.front(), problems);
  for (;;) {
    const Node *extends = generations.back().at("extends");
    const auto name = extends == nullptr ? std::nullopt : text_of(*extends, problems);
    if (!name) {
      lineage.is_whole = extends == nullptr;
      break;
    }
    if (std::find(lineage.names.begin(), lineage.names.end(), *name) != lineage.names.end() || lineage.names.size() > most_parents) {
      problems.add(extends->place, fmt::format("extends: {} comes back to itself", lineage.names.front()));
      lineage.is_whole = false;
      break;
    }
    const auto parent = driver_file(*name, dirs);
    if (!parent) {
      problems.add(extends->place,
                   fmt::format("extends: there is no driver \"{}\"{}", shown(*name), suggestion(*name, driver_names(dirs))));
      lineage.is_whole = false;
      break;
    }
    lineage.names.push_back(*name);
    generations.push_back(read_document(*parent));
    report_flaws(generations.back(), problems);
  }
  lineage.node = std::move(generations.back());
  for (std::size_t i = generations.size() - 1; i-- > 0;)
    lineage.node = extended(generations[i], std::move(lineage.node));
  return lineage;
}

} // namespace banpush
