#include "config/driver/driver_parts.hpp"

#include "config/document/mapping.hpp"
#include "config/document/suggestion.hpp"
#include "config/document/values.hpp"
#include "core/script/places.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace banpush {

namespace {

bool contains(const std::vector<std::string> &names, const std::string &name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Every {{name}} of a text must be one of those known.
void check_names(const Node &node, Problems &problems, const std::vector<std::string> &known) {
  try {
    for (const std::string &name : names_in(node.text))
      if (!contains(known, name))
        problems.add(node.place, fmt::format("{}: nothing here is called \"{}\"{}", node.name, name, suggestion(name, known)));
  } catch (const Error &problem) {
    problems.add(node.place, fmt::format("{}: {}", node.name, problem.what()));
  }
}

} // namespace

// What is asked of files is programs and their input, as over exec.
bool DriverNames::speaks(TransportKind kind) const noexcept {
  return std::any_of(transports.begin(), transports.end(),
                     [&](TransportKind one) { return one == kind || (kind == TransportKind::Exec && one == TransportKind::File); });
}

std::vector<std::string> DriverNames::values() const {
  std::vector<std::string> all = params;
  for (const std::string &list : lists)
    if (!contains(all, list))
      all.push_back(list);
  return all;
}

std::vector<std::string> DriverNames::conditions() const {
  std::vector<std::string> all = facts;
  all.insert(all.end(), params.begin(), params.end());
  for (const TransportKind kind : transports)
    if (kind != TransportKind::Nftables && kind != TransportKind::File) // what goes there is made as for exec
      all.emplace_back(word(kind));
  all.insert(all.end(), {"no_ipv4", "no_ipv6"}); // the device's policy leaves that family out
  return all;
}

std::vector<std::string> DriverNames::states() const {
  std::vector<std::string> all;
  for (const std::string &list : lists)
    for (const char *state : {"_stands", "_in_force", "_first", "_permits", "_foreign"})
      all.push_back(list + state);
  return all;
}

DriverNames DriverNames::at_place() const {
  DriverNames names = *this;
  names.params.insert(names.params.end(), place_names().begin(), place_names().end());
  return names;
}

std::vector<std::string> keys_of(const Node *mapping) {
  std::vector<std::string> keys;
  if (mapping != nullptr)
    for (const Node &key : mapping->keys)
      keys.push_back(key.text);
  return keys;
}

bool is_driver_name(const Node &key, Problems &problems) {
  const std::string &text = key.text;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool good = !text.empty() && text.size() <= 63 && is_letter(text.front()) &&
                    std::all_of(text.begin(), text.end(), [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; });
  if (!good)
    problems.add(key.place, fmt::format("expected a name (a letter, then letters, digits and _), found \"{}\"", shown(text)));
  return good;
}

std::vector<std::string> names_of(const Node &node, Problems &problems, const std::vector<std::string> &known, const std::string &what) {
  std::vector<std::string> names;
  for (const Node *item : items_of(node)) {
    const auto name = text_of(*item, problems);
    if (!name)
      continue;
    if (contains(known, *name))
      names.push_back(*name);
    else
      problems.add(item->place, fmt::format("{}: no {} is called \"{}\"{}", item->name, what, shown(*name), suggestion(*name, known)));
  }
  return names;
}

std::optional<std::string> line_of(const Node &node, Problems &problems, const DriverNames &names) {
  auto line = text_of(node, problems);
  if (line)
    check_names(node, problems, names.values());
  return line;
}

std::vector<std::string> program_of(const Node &node, Problems &problems, const DriverNames &names) {
  auto argv = argv_of(node, problems);
  for (std::size_t i = 0; i < argv.size(); ++i)
    check_names(node.items[i], problems, names.values());
  return argv;
}

Pattern bound_pattern_of(const Node &node, Problems &problems, const DriverNames &names) {
  Pattern pattern = pattern_of(node, problems);
  if (node.kind == Node::Kind::Text && node.text.find("{{") != std::string::npos)
    check_names(node, problems, names.values());
  return pattern;
}

std::vector<Pattern> bound_patterns_of(const Node &node, Problems &problems, const DriverNames &names) {
  std::vector<Pattern> patterns;
  for (const Node *item : items_of(node))
    patterns.push_back(bound_pattern_of(*item, problems, names));
  return patterns;
}

Pattern fixed_pattern_of(const Node &node, Problems &problems) {
  Pattern pattern = pattern_of(node, problems);
  if (node.kind == Node::Kind::Text && node.text.find("{{") != std::string::npos)
    problems.add(node.place, fmt::format("{}: {{{{name}}}} is not filled in here", node.name));
  return pattern;
}

std::vector<Pattern> fixed_patterns_of(const Node &node, Problems &problems) {
  std::vector<Pattern> patterns;
  for (const Node *item : items_of(node))
    patterns.push_back(fixed_pattern_of(*item, problems));
  return patterns;
}

namespace {

std::optional<std::string> condition_of(const Node &node, Problems &problems, const std::vector<std::string> &known) {
  auto when = text_of(node, problems);
  if (!when)
    return std::nullopt;
  const std::string name = when->substr(when->front() == '!' ? 1 : 0);
  if (!contains(known, name))
    problems.add(node.place, fmt::format("when: nothing it may ask for is called \"{}\"{}", shown(name), suggestion(name, known)));
  return when;
}

bool is_capability(std::string_view when) {
  if (!when.empty() && when.front() == '!')
    when.remove_prefix(1);
  return when.substr(0, 1) == ":" || when.substr(0, 4) == "urn:" || when.find("://") != std::string_view::npos;
}

} // namespace

std::optional<std::string> param_when_of(const Node &node, Problems &problems, const DriverNames &names) {
  std::vector<std::string> known = names.params;
  known.insert(known.end(), names.facts.begin(), names.facts.end());
  known.emplace_back("attach");
  return condition_of(node, problems, known);
}

std::optional<std::string> when_of(const Node &node, Problems &problems, const DriverNames &names) {
  if (node.kind == Node::Kind::Text && is_capability(node.text))
    return text_of(node, problems); // what the device says of itself
  return condition_of(node, problems, names.conditions());
}

bool per_attach_of(const Node &mapping, Problems &problems) {
  const Node *per = mapping.at("per");
  return per != nullptr && word_of<bool>(*per, problems, {{"attach", true}}).value_or(false);
}

namespace {

Refusal refusal_of(const Node &node, Problems &problems, const DriverNames &names, const std::vector<Fact> &facts) {
  Refusal refusal;
  Mapping mapping(node, problems);
  refusal.before =
      mapping.get("before", word_of<std::string>, Words<std::string>{{"setup", "setup"}, {"unsetup", "unsetup"}, {"reading", "reading"}})
          .value_or(refusal.before);
  const bool before_reading = refusal.before == "reading";
  std::vector<std::string> known = before_reading ? names.params : names.conditions();
  if (before_reading)
    for (const Fact &fact : facts)
      if (fact.only.empty() && !fact.per_attach)
        known.push_back(fact.name);
  for (const std::string &state : before_reading ? std::vector<std::string>() : names.states())
    known.push_back(state);
  known.emplace_back("attach");
  const Node *when = mapping.find("when");
  if (when == nullptr)
    problems.add(node.place, "refuse: the key \"when\" is missing");
  else
    for (const Node *item : items_of(*when))
      if (const auto condition = condition_of(*item, problems, known))
        refusal.when.push_back(*condition);
  refusal.per_attach = std::any_of(facts.begin(), facts.end(), [&](const Fact &fact) {
    return fact.per_attach && (contains(refusal.when, fact.name) || contains(refusal.when, "!" + fact.name));
  });
  DriverNames said = refusal.per_attach ? names.at_place() : names;
  for (const Fact &fact : facts)
    if (!fact.per_attach || refusal.per_attach)
      said.params.push_back(fact.name);
  refusal.says = mapping.need("says", line_of, said).value_or("");
  mapping.done();
  return refusal;
}

} // namespace

std::vector<Refusal> refusals_of(const Node &node, Problems &problems, const DriverNames &names, const std::vector<Fact> &facts) {
  std::vector<Refusal> all;
  for (const Node *item : items_of(node))
    all.push_back(refusal_of(*item, problems, names, facts));
  return all;
}

std::map<std::string, std::string> words_of(const Node &node, Problems &problems) {
  std::map<std::string, std::string> words;
  const Mapping all(node, problems);
  for (std::size_t i = 0; i < node.keys.size(); ++i)
    if (const auto ours = text_of(node.items[i], problems))
      words[node.keys[i].text] = *ours;
  return words;
}

Window window_of(const Node &node, Problems &problems) {
  Window window;
  Mapping mapping(node, problems);
  window.lines = static_cast<unsigned>(mapping.get("lines", whole_of, 1, 100'000).value_or(window.lines));
  window.bytes = static_cast<unsigned>(mapping.get("bytes", whole_of, 1, 100'000'000).value_or(window.bytes));
  window.most = static_cast<unsigned>(mapping.get("most", whole_of, 1, 100'000'000).value_or(std::max(window.most, window.bytes)));
  if (window.most < window.bytes)
    problems.add(node.place, fmt::format("`most` ({}) is less than `bytes` ({})", window.most, window.bytes));
  mapping.done();
  return window;
}

} // namespace banpush
