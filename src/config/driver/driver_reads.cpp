#include "config/document/mapping.hpp"
#include "config/document/suggestion.hpp"
#include "config/document/values.hpp"
#include "config/driver/driver_parts.hpp"
#include "core/reading/xml_items.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace banpush {

namespace {

using Names = std::vector<std::string>;

// The pieces of an entry, as core/entry_text reads them.
const Names &pieces() {
  static const Names all{"prefix",  "address", "wildcard",   "netmask",   "length",   "first",      "last",       "protocol",
                         "port",    "number",  "port_first", "port_last", "hits",     "list",       "tag",        "foreign",
                         "entries", "slug",    "permit",     "deny",      "terminal", "any_source", "placeholder"};
  return all;
}

bool contains(const Names &names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

bool tells_block(const Names &groups) {
  return contains(groups, "permit") || contains(groups, "deny") || contains(groups, "terminal") || contains(groups, "prefix") ||
         contains(groups, "slug") || contains(groups, "address") || (contains(groups, "first") && contains(groups, "last"));
}

void check_groups(const Node &node, Problems &problems, const Names &groups) {
  for (const std::string &group : groups)
    if (!contains(pieces(), group))
      problems.add(node.place, fmt::format("{}: unknown group \"{}\"{}", node.name, group, suggestion(group, pieces())));
}

void need_group(const Node *node, Problems &problems, const Pattern &pattern, const char *group) {
  if (node != nullptr && !pattern.empty() && !pattern.has_group(group))
    problems.add(node->place, fmt::format("{}: needs a group (?P<{}>…)", node->name, group));
}

// How a question is put to the device: `send`, `run` or `rpc`, one for each transport of the driver.
struct Asking {
  std::string send;
  std::vector<std::string> run;
  std::string rpc;
};

// A check that cannot be put on one of the driver's transports is left out there.
enum class Needs { All, CliAndExec, Any };

Asking asking_of(Mapping &mapping, Problems &problems, const DriverNames &names, Needs needs) {
  Asking asking;
  asking.send = mapping.get("send", line_of, names).value_or("");
  asking.run = mapping.get("run", program_of, names);
  if (needs == Needs::All)
    asking.rpc = mapping.get("rpc", text_of).value_or("");
  const Node &node = mapping.node();
  const auto need = [&](TransportKind kind, const char *key, const char *transport) {
    if (needs != Needs::Any && node.kind == Node::Kind::Mapping && names.speaks(kind) && node.at(key) == nullptr)
      problems.add(node.place, fmt::format("{}: the key \"{}\" is missing, which transport {} needs", node.name, key, transport));
    if (!names.transports.empty() && !names.speaks(kind) && node.at(key) != nullptr)
      problems.add(node.at(key)->place, fmt::format("{}: has no use, as transport has no {}", key, transport));
  };
  need(TransportKind::Cli, "send", "cli");
  need(TransportKind::Exec, "run", "exec");
  if (needs == Needs::All)
    need(TransportKind::Netconf, "rpc", "netconf");
  if (needs == Needs::Any && node.kind == Node::Kind::Mapping && node.at("send") == nullptr && node.at("run") == nullptr)
    problems.add(node.place, fmt::format("{}: one of the keys \"send\" and \"run\" is missing", node.name));
  return asking;
}

void read_lines(Read &read, Mapping &mapping, Problems &problems, const DriverNames &names) {
  read.list = mapping.get("list", bound_pattern_of, names);
  need_group(mapping.find("list"), problems, read.list, "list");
  if (const Node *list = mapping.find("list"); list != nullptr && read.list.has_group("count") && mapping.find("number") == nullptr)
    problems.add(list->place, "list: the group count counts the lines with a number: give number");
  read.list_end = mapping.get("list_end", bound_pattern_of, names);
  if (const Node *end = mapping.find("list_end"); end != nullptr && mapping.find("list") == nullptr)
    problems.add(end->place, "list_end: needs list, the header of what it ends");
  read.record = mapping.get("record", bound_pattern_of, names);
  read.each = mapping.get("each", bound_pattern_of, names);
  read.entry = mapping.need("entry", bound_patterns_of, names);
  if (const Node *entry = mapping.find("entry")) {
    const auto items = items_of(*entry);
    for (std::size_t i = 0; i < items.size() && i < read.entry.size(); ++i) {
      check_groups(*items[i], problems, read.entry[i].groups());
      const bool several = read.entry[i].has_group("entries");
      if (!read.entry[i].empty() && !several && !tells_block(read.entry[i].groups()))
        problems.add(items[i]->place, "entry: needs a group prefix, slug, address, or first and last");
      if (several && mapping.find("item") == nullptr)
        problems.add(items[i]->place, "entry: the group entries has to be cut up by item");
    }
  }
  read.item = mapping.get("item", bound_pattern_of, names);
  if (const Node *item = mapping.find("item"); item != nullptr && !read.item.empty()) {
    check_groups(*item, problems, read.item.groups());
    if (!tells_block(read.item.groups()))
      problems.add(item->place, "item: needs a group prefix, slug, address, or first and last");
  }
  read.terminal = mapping.get("terminal", bound_pattern_of, names);
  read.inactive = mapping.get("inactive", bound_pattern_of, names);
  read.number = mapping.get("number", bound_pattern_of, names);
  need_group(mapping.find("number"), problems, read.number, "number");
  read.skip = mapping.get("skip", bound_pattern_of, names);
}

void read_items(Read &read, Mapping &mapping) {
  read.items = mapping.need("items", path_of, read.format).value_or("");
  read.list_at = mapping.get("list", path_of, read.format).value_or("");
  read.entries = mapping.get("entries", path_of, read.format).value_or("");
  read.beside = mapping.get("beside", path_of, read.format).value_or("");
  read.shapes = mapping.need("entry", shapes_of, read.format, ShapeTells::Block);
}

void read_ours(Read &read, const Node &node, Problems &problems, const DriverNames &names) {
  Mapping mapping(node, problems);
  read.ours_at = mapping.need("at", text_of).value_or("");
  read.ours_like = mapping.need("like", bound_pattern_of, names);
  mapping.done();
  const Node *at = mapping.find("at");
  if (at == nullptr || read.format != TextFormat::Lines)
    return;
  const bool known =
      std::any_of(read.entry.begin(), read.entry.end(), [&](const Pattern &pattern) { return pattern.has_group(read.ours_at); });
  if (!known && !read.item.has_group(read.ours_at))
    problems.add(at->place, fmt::format("at: no pattern of entry has a group \"{}\"", shown(read.ours_at)));
}

Read read_of(const Node &node, Problems &problems, const DriverNames &names) {
  Read read;
  Mapping mapping(node, problems);
  const std::string list = "list";
  read.lists = mapping.need("lists", names_of, names.lists, list);
  read.per_list = mapping.get("per", word_of<bool>, Words<bool>{{"list", true}}).value_or(false);
  if (read.per_list && !names.speaks(TransportKind::Netconf))
    problems.add(mapping.find("per")->place, "per: list is for templates of netconf");
  using Shows = Read::Shows;
  read.shows =
      mapping.get("shows", word_of<Shows>, Words<Shows>{{"entries", Shows::Entries}, {"in_force", Shows::InForce}}).value_or(read.shows);
  const Asking asking = asking_of(mapping, problems, names, Needs::All);
  read.send = asking.send;
  read.run = asking.run;
  read.rpc = asking.rpc;
  const Words<TextFormat> formats{{"lines", TextFormat::Lines}, {"json", TextFormat::Json}, {"xml", TextFormat::Xml}};
  read.format = mapping.get("format", word_of<TextFormat>, formats).value_or(read.format);
  if (mapping.find("exits") != nullptr)
    read.exits = mapping.get("exits", statuses_of);
  read.empty_is_none = mapping.get("empty_is_none", yes_no_of).value_or(false);
  read.found = mapping.get("found", bound_pattern_of, names);
  const bool proves_itself = read.empty_is_none || read.format != TextFormat::Lines; // half a JSON or XML text does not parse
  if (mapping.find("found") == nullptr && !proves_itself)
    problems.add(
        node.place,
        "reads: the key \"found\" is missing: what a complete reply contains (or empty_is_none: yes, where the exit status proves it)");
  if (read.empty_is_none && (names.speaks(TransportKind::Cli) || names.speaks(TransportKind::Netconf)))
    problems.add(mapping.find("empty_is_none")->place, "empty_is_none: only where a program's exit status tells (transport exec alone)");
  read.absent = mapping.get("absent", bound_pattern_of, names);
  if (read.format == TextFormat::Lines)
    read_lines(read, mapping, problems, names);
  else
    read_items(read, mapping);
  if (const Node *ours = mapping.find("ours"))
    read_ours(read, *ours, problems, names);
  mapping.done();
  return read;
}

Path rule_path_of(const Node &node, Problems &problems, const DriverNames &names) {
  Path path;
  Mapping mapping(node, problems);
  path.each = mapping.need("each", bound_pattern_of, names);
  path.first = mapping.get("first", bound_patterns_of, names);
  path.ours = mapping.need("ours", bound_patterns_of, names);
  path.ours_lacks = mapping.get("ours_lacks", bound_patterns_of, names);
  path.passes = mapping.get("passes", bound_patterns_of, names);
  path.drops = mapping.get("drops", bound_patterns_of, names);
  path.named = mapping.get("named", bound_pattern_of, names);
  path.bound = mapping.get("bound", bound_patterns_of, names);
  path.place = mapping.get("place", bound_pattern_of, names);
  path.at = mapping.get("at", bound_patterns_of, names);
  path.called = mapping.get("called", bound_pattern_of, names);
  path.off = mapping.get("off", bound_pattern_of, names);
  path.calls = mapping.get("calls", bound_pattern_of, names);
  path.chain = mapping.get("chain", bound_pattern_of, names);
  path.returns = mapping.get("returns", bound_patterns_of, names);
  const Node *each = mapping.find("each"), *named = mapping.find("named"), *bound = mapping.find("bound"), *off = mapping.find("off");
  if (named != nullptr || off != nullptr)
    need_group(each, problems, path.each, "filter");
  for (const char *group : {"filter", "name"})
    need_group(named, problems, path.named, group);
  for (const Pattern &pattern : path.bound)
    need_group(bound, problems, pattern, "name");
  need_group(mapping.find("place"), problems, path.place, "place");
  need_group(mapping.find("called"), problems, path.called, "name");
  for (const char *key : {"at", "called"})
    if (const Node *node_of_key = mapping.find(key); node_of_key != nullptr && mapping.find("place") == nullptr)
      problems.add(node_of_key->place, fmt::format("path: {} is of a place: give place", key));
  need_group(off, problems, path.off, "filter");
  if ((named == nullptr) != (bound == nullptr))
    problems.add((named != nullptr ? named : bound)->place, "path: named and bound go together");
  need_group(mapping.find("calls"), problems, path.calls, "chain");
  for (const char *group : {"chain", "rule"})
    need_group(mapping.find("chain"), problems, path.chain, group);
  if (path.calls.empty() != path.chain.empty())
    problems.add(node.place, "path: calls and chain go together");
  mapping.done();
  return path;
}

Proof proof_of(const Node &node, Problems &problems, const DriverNames &all_names) {
  Proof proof;
  Mapping mapping(node, problems);
  mapping.find("per");
  proof.per_attach = per_attach_of(node, problems);
  const DriverNames names = proof.per_attach ? all_names.at_place() : all_names;
  const std::string list = "list";
  proof.lists = mapping.need("lists", names_of, names.lists, list);
  const Asking asking = asking_of(mapping, problems, names, Needs::All);
  proof.send = asking.send;
  proof.run = asking.run;
  proof.rpc = asking.rpc;
  if (mapping.find("exits") != nullptr)
    proof.exits = mapping.get("exits", statuses_of);
  proof.holds = mapping.get("holds", bound_patterns_of, names);
  proof.lacks = mapping.get("lacks", bound_patterns_of, names);
  proof.bound_by = mapping.get("bound_by", bound_pattern_of, names);
  if (const Node *path = mapping.find("path"))
    proof.path = rule_path_of(*path, problems, names);
  proof.doubts = mapping.get("level", word_of<bool>, Words<bool>{{"error", false}, {"warning", true}}).value_or(false);
  proof.says = mapping.need("says", line_of, names).value_or("");
  proof.when = mapping.get("when", param_when_of, names).value_or("");
  mapping.done();
  if (proof.holds.empty() && proof.lacks.empty() && proof.run.empty() && !proof.path)
    problems.add(node.place, "in_force: proves nothing; give holds, lacks or path");
  return proof;
}

Fact fact_of(const Node &key, const Node &node, Problems &problems, const DriverNames &all_names) {
  Fact fact;
  fact.name = key.text;
  Mapping mapping(node, problems);
  mapping.find("per");
  fact.per_attach = per_attach_of(node, problems);
  const DriverNames names = fact.per_attach ? all_names.at_place() : all_names;
  const Asking asking = asking_of(mapping, problems, names, Needs::CliAndExec);
  fact.send = asking.send;
  fact.run = asking.run;
  fact.rpc = mapping.get("rpc", text_of).value_or("");
  fact.family = mapping.get("family", word_of<Family>, Words<Family>{{"4", Family::IPv4}, {"6", Family::IPv6}});
  fact.exits = mapping.get("exits", statuses_of);
  fact.holds = mapping.get("holds", bound_pattern_of, names);
  fact.address = mapping.get("address", bound_pattern_of, names);
  need_group(mapping.find("address"), problems, fact.address, "address");
  fact.only = mapping.get("for", word_of<std::string>, Words<std::string>{{"setup", "setup"}}).value_or("");
  mapping.done();
  if ((mapping.find("holds") == nullptr) == (mapping.find("address") == nullptr))
    problems.add(node.place, fmt::format("{}: needs holds or address, and only one of them", fact.name));
  return fact;
}

Check check_of(const Node &node, Problems &problems, const DriverNames &names) {
  Check check;
  Mapping mapping(node, problems);
  check.name = mapping.need("name", text_of).value_or("");
  const Asking asking = asking_of(mapping, problems, names, Needs::Any);
  check.send = asking.send;
  check.run = asking.run;
  check.exits = mapping.get("exits", statuses_of);
  check.holds = mapping.get("holds", bound_patterns_of, names);
  check.lacks = mapping.get("lacks", bound_patterns_of, names);
  check.fatal = mapping.get("level", word_of<bool>, Words<bool>{{"error", true}, {"warning", false}}).value_or(false);
  check.says = mapping.need("says", line_of, names).value_or("");
  check.when = mapping.get("when", when_of, names).value_or("");
  mapping.done();
  if (check.holds.empty() && check.lacks.empty() && check.exits.empty())
    problems.add(node.place, "checks: looks at nothing; give holds, lacks or exits");
  return check;
}

template <class T, class One>
std::vector<T> all_of(const Node &node, Problems &problems, const DriverNames &names, One one) {
  std::vector<T> all;
  for (const Node *item : items_of(node))
    all.push_back(one(*item, problems, names));
  return all;
}

} // namespace

std::optional<std::string> path_of(const Node &node, Problems &problems, TextFormat format) {
  const auto path = format == TextFormat::Json ? any_text_of(node, problems) : text_of(node, problems);
  if (path && format == TextFormat::Json && !path->empty() && path->front() != '/') {
    add_mismatch(node, problems, "a JSON pointer (/a/b, or nothing for the item itself)");
    return std::nullopt;
  }
  if (path && format == TextFormat::Xml)
    if (const auto why = broken_xpath(*path)) {
      problems.add(node.place, fmt::format("{}: `{}` is no XPath: {}", node.name, shown(*path), *why));
      return std::nullopt;
    }
  return path;
}

std::vector<Shape> shapes_of(const Node &node, Problems &problems, TextFormat format, ShapeTells tells) {
  std::vector<Shape> shapes;
  for (const Node *item : items_of(node)) {
    const Mapping mapping(*item, problems);
    Shape shape;
    for (std::size_t i = 0; i < item->keys.size(); ++i)
      if (const auto path = path_of(item->items[i], problems, format))
        shape[item->keys[i].text] = *path;
    const Names groups = keys_of(item);
    for (const Node &key : item->keys) // any other name is a condition: it must resolve, too
      if (const auto meant = nearest(key.text, pieces()); meant && !contains(pieces(), key.text))
        problems.add(key.place, fmt::format("{}: unknown piece \"{}\"; did you mean \"{}\"?", item->name, shown(key.text), *meant));
    const bool number_will_do = tells == ShapeTells::BlockOrNumber && contains(groups, "number");
    if (item->kind == Node::Kind::Mapping && !tells_block(groups) && !number_will_do)
      problems.add(item->place, fmt::format("{}: needs prefix, address, or first and last", item->name));
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

std::vector<Read> reads_of(const Node &node, Problems &problems, const DriverNames &names) {
  std::vector<Read> reads;
  for (Read &read : all_of<Read>(node, problems, names, read_of)) {
    if (!read.per_list) {
      reads.push_back(std::move(read));
      continue;
    }
    for (const std::string &list : read.lists) {
      reads.push_back(read);
      reads.back().lists = {list};
    }
  }
  return reads;
}

std::vector<Proof> proofs_of(const Node &node, Problems &problems, const DriverNames &names) {
  return all_of<Proof>(node, problems, names, proof_of);
}

std::vector<Check> checks_of(const Node &node, Problems &problems, const DriverNames &names) {
  return all_of<Check>(node, problems, names, check_of);
}

std::vector<Fact> facts_of(const Node &node, Problems &problems, const DriverNames &names) {
  std::vector<Fact> facts;
  const Mapping all(node, problems);
  for (std::size_t i = 0; i < node.keys.size(); ++i)
    if (is_driver_name(node.keys[i], problems))
      facts.push_back(fact_of(node.keys[i], node.items[i], problems, names));
  return facts;
}

} // namespace banpush
