#include "config/document/mapping.hpp"
#include "config/document/suggestion.hpp"
#include "config/document/values.hpp"
#include "config/driver/driver_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace banpush {

namespace {

constexpr std::array all_stages{Stage::Open,   Stage::Change,  Stage::Remove,  Stage::Add,   Stage::Close,
                                Stage::Commit, Stage::Confirm, Stage::Cancel,  Stage::Abort, Stage::Leave,
                                Stage::Save,   Stage::Setup,   Stage::Unsetup, Stage::Undo,  Stage::Renumber};

// A name of a template is a name of a file, and nothing else.
bool is_template_name(const std::string &name) noexcept {
  return !name.empty() && name.size() <= 63 && name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

Pattern prompt_of(const Node &node, Problems &problems, const std::map<std::string, Pattern> &prompts) {
  std::vector<std::string> names;
  for (const auto &[name, pattern] : prompts)
    names.push_back(name);
  const auto name = text_of(node, problems);
  if (!name)
    return {};
  if (const auto found = prompts.find(*name); found != prompts.end())
    return found->second;
  problems.add(node.place, fmt::format("{}: no prompt is called \"{}\"{}", node.name, shown(*name), suggestion(*name, names)));
  return {};
}

Part part_of(const Node &node, Problems &problems, const DriverNames &names, const std::map<std::string, Pattern> &prompts) {
  Part part;
  Mapping mapping(node, problems);
  part.template_name = mapping.get("template", text_of).value_or("");
  if (const Node *name = mapping.find("template");
      name != nullptr && !part.template_name.empty() && !is_template_name(part.template_name)) {
    add_mismatch(*name, problems, "the name of a file in the template folder");
    part.template_name.clear();
  }
  const std::string list = "list";
  part.lists = mapping.get("lists", names_of, names.lists, list);
  part.input = mapping.get("input", program_of, names);
  part.run = mapping.get("run", program_of, names);
  if (!part.run.empty())
    for (const char *key : {"template", "input"})
      if (const Node *other = mapping.find(key))
        problems.add(other->place, fmt::format("{}: run is a program of its own and takes no {}", key, key));
  part.when = mapping.get("when", when_of, names).value_or("");
  part.until = mapping.get("until", prompt_of, prompts);
  part.expect = mapping.get("expect", fixed_pattern_of);
  part.ask = mapping.get("ask", questions_of, names);
  if (const Node *window = mapping.find("window"))
    part.window = window_of(*window, problems);
  if (const auto silence = mapping.get("silence", duration_of))
    part.silence = std::chrono::seconds(*silence);
  if (mapping.find("exits") != nullptr)
    part.exits = mapping.get("exits", statuses_of);
  mapping.done();
  return part;
}

void need_block(const Node &node, Problems &problems, const std::vector<std::string> &groups) {
  const auto has = [&](const char *name) { return std::find(groups.begin(), groups.end(), name) != groups.end(); };
  if (!has("prefix") && !has("slug") && !has("address") && !(has("first") && has("last")) && !has("number"))
    problems.add(node.place, fmt::format("{}: needs a group prefix, slug, address, first and last, or number", node.name));
}

// A pattern alone, or {line, item} where one line carries several entries.
Spoken::Says says_of(const Node &node, Problems &problems, const DriverNames &names) {
  Spoken::Says says;
  if (node.kind != Node::Kind::Mapping) {
    says.line = bound_pattern_of(node, problems, names);
    if (!says.line.empty())
      need_block(node, problems, says.line.groups());
    return says;
  }
  Mapping mapping(node, problems);
  says.line = mapping.need("line", bound_pattern_of, names);
  says.item = mapping.need("item", bound_pattern_of, names);
  if (!says.line.empty() && !says.line.has_group("entries"))
    problems.add(mapping.find("line")->place, "line: needs a group (?P<entries>…), which item cuts up");
  if (!says.item.empty())
    need_block(*mapping.find("item"), problems, says.item.groups());
  mapping.done();
  return says;
}

std::vector<Spoken::Says> all_says_of(const Node &node, Problems &problems, const DriverNames &names) {
  std::vector<Spoken::Says> all;
  for (const Node *item : items_of(node))
    all.push_back(says_of(*item, problems, names));
  return all;
}

} // namespace

std::vector<Question> questions_of(const Node &node, Problems &problems, const DriverNames &names) {
  std::vector<Question> questions;
  for (const Node *item : items_of(node)) {
    Mapping mapping(*item, problems);
    Question question;
    question.question = mapping.need("question", fixed_pattern_of);
    question.answer = mapping.need("answer", any_text_of).value_or("");
    if (const Node *answer = mapping.find("answer"); answer != nullptr && answer->kind == Node::Kind::Text && !answer->text.empty())
      line_of(*answer, problems, names);
    mapping.done();
    questions.push_back(std::move(question));
  }
  return questions;
}

std::optional<Stage> stage_named(const std::string &name) noexcept {
  const auto found = std::find_if(all_stages.begin(), all_stages.end(), [&](Stage stage) { return name == word(stage); });
  return found == all_stages.end() ? std::nullopt : std::optional(*found);
}

std::vector<std::string> stage_names() {
  std::vector<std::string> names;
  for (const Stage stage : all_stages)
    names.emplace_back(word(stage));
  return names;
}

Stages stages_of(const Node *node, Problems &problems, const DriverNames &names, const std::map<std::string, Pattern> &prompts,
                 Extends extends) {
  Stages stages;
  if (node == nullptr)
    return stages;
  const Mapping all(*node, problems);
  for (std::size_t i = 0; i < node->keys.size(); ++i) {
    const Node &key = node->keys[i], &item = node->items[i];
    const auto stage = stage_named(key.text);
    if (!stage) {
      problems.add(key.place, fmt::format("no stage is called \"{}\"{}", shown(key.text), suggestion(key.text, stage_names())));
      continue;
    }
    if (item.kind == Node::Kind::Nothing) {
      if (extends == Extends::Yes) {
        stages.taken_away.insert(*stage);
        continue;
      }
      problems.add(key.place, fmt::format("{0}: no value; write {0}: {{}} for a stage with nothing to say", key.text));
      stages.parts[*stage].push_back({});
      continue;
    }
    for (const Node *part : items_of(item))
      stages.parts[*stage].push_back(part_of(*part, problems, names, prompts));
  }
  return stages;
}

Spoken spoken_of(const Node &node, Problems &problems, const DriverNames &names) {
  Spoken spoken;
  Mapping mapping(node, problems);
  spoken.add = mapping.get("add", all_says_of, names);
  spoken.remove = mapping.get("remove", all_says_of, names);
  spoken.frame = mapping.get("frame", bound_patterns_of, names);
  spoken.xml_add = mapping.get("xml_add", path_of, TextFormat::Xml).value_or("");
  spoken.xml_remove = mapping.get("xml_remove", path_of, TextFormat::Xml).value_or("");
  spoken.shapes = mapping.get("entry", shapes_of, TextFormat::Xml, ShapeTells::BlockOrNumber);
  mapping.done();
  return spoken;
}

} // namespace banpush
