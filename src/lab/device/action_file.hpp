// The actions of a device.yaml.
#pragma once

#include "config/document/document.hpp"
#include "lab/device/description.hpp"

namespace banpush::lab {

// What actions and rules may name, for checks; and the pieces patterns are put together from.
struct Names {
  Fields pieces;
  std::set<std::string> modes, lists, shows, says;
};

// A template out of a node's text as it stands, control characters and all; its flaws become problems.
TextTemplate template_of(const Node &node, Problems &problems);
std::map<std::string, TextTemplate> templates_of(const Node &node, Problems &problems);

// A pattern that stands for a whole line, in which {{piece}} stands for a piece.
Pattern whole_line_of(const Node &node, Problems &problems, const Names &names);

// A list of mappings, or one mapping, whose keys are actions: they run in the order in which they stand.
std::vector<Action> actions_of(const Node &node, Problems &problems, const Names &names);

Rule rule_of(const Node &node, Problems &problems, const Names &names);

} // namespace banpush::lab
