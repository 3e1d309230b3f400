#include "lab/device/action_file.hpp"

#include "config/document/mapping.hpp"
#include "config/document/values.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush::lab {

namespace {

// What an action may say besides itself.
struct Grammar {
  Verb verb;
  std::set<std::string> words = {}; // keys of texts; with none the action is one word
  bool values = false;              // any name: a value
};

const std::map<std::string, Grammar> &grammar() {
  static const std::map<std::string, Grammar> all{
      {"say", {Verb::Say}},
      {"show", {Verb::Show, {"text", "kind", "name", "from", "starting", "holding", "lacking", "nothing", "beside"}}},
      {"refuse", {Verb::Refuse}},
      {"enter", {Verb::Enter}},
      {"leave", {Verb::Leave}},
      {"open", {Verb::Open, {"kind", "name", "create"}}},
      {"drop", {Verb::Drop, {"kind", "name"}}},
      {"add", {Verb::Add, {"kind", "name", "refers", "refers_to", "of", "at"}}},
      {"move", {Verb::Move, {"kind", "name"}}},
      {"remove", {Verb::Remove, {"kind", "name", "by", "refers", "refers_to", "of"}}},
      {"empty", {Verb::Empty, {"kind", "name"}}},
      {"resequence", {Verb::Resequence, {"kind", "name", "first", "step"}}},
      {"note", {Verb::Note, {}, true}},
      {"set", {Verb::Set, {}, true}},
      {"put", {Verb::Put, {}, true}},
      {"ask", {Verb::Ask, {"question", "echo", "key"}}},
      {"secret", {Verb::Secret, {"question", "is", "tries"}}},
      {"edit", {Verb::Edit, {"kind", "name"}}},
      {"commit", {Verb::Commit, {"seconds", "minutes", "check"}}},
      {"confirm", {Verb::Confirm}},
      {"revert", {Verb::Revert}},
      {"rollback", {Verb::Rollback}},
      {"discard", {Verb::Discard}},
      {"timer", {Verb::Timer, {"seconds", "minutes"}}},
      {"save", {Verb::Save}},
      {"reload", {Verb::Reload}},
      {"close", {Verb::Close}},
      {"wait", {Verb::Wait}},
      {"whole", {Verb::Whole}},
      {"if", {Verb::If, {"value"}}},
      {"do", {Verb::Do}},
  };
  return all;
}

void check_name(const Node &node, Problems &problems, const std::set<std::string> &known, const char *what) {
  if (node.text.find("{{") == std::string::npos && known.count(node.text) == 0)
    problems.add(node.place, fmt::format("{}: no {} is called \"{}\"", node.name, what, node.text));
}

void check_names(const std::string &word, const Node &node, Problems &problems, const Names &names) {
  if (word == "enter")
    check_name(node, problems, names.modes, "mode");
  if (word == "refuse")
    check_name(node, problems, names.says, "text under `says`");
  if (word == "show") {
    const Node *text = node.kind == Node::Kind::Mapping ? node.at("text") : &node;
    if (text != nullptr)
      check_name(*text, problems, names.shows, "show");
  }
  if (node.kind == Node::Kind::Mapping)
    if (const Node *kind = node.at("kind"); kind != nullptr && word != "edit")
      check_name(*kind, problems, names.lists, "list");
}

Pattern part_of_line_of(const Node &node, Problems &problems, const Names &names) {
  try {
    return Pattern(expand(node.text, names.pieces));
  } catch (const Error &error) {
    problems.add(node.place, error.what());
    return {};
  }
}

std::vector<Answer> answers_of(const Node &node, Problems &problems, const Names &names) {
  std::vector<Answer> answers;
  for (const Node *item : items_of(node)) {
    Mapping mapping(*item, problems);
    Answer answer;
    if (const Node *like = mapping.find_even_empty("like"))
      answer.like = whole_line_of(*like, problems, names);
    if (const Node *then = mapping.find_even_empty("do"))
      answer.then = actions_of(*then, problems, names);
    mapping.done();
    answers.push_back(std::move(answer));
  }
  return answers;
}

Action action_of(const std::string &word, const Grammar &how, const Node &node, Problems &problems, const Names &names) {
  Action action;
  action.verb = how.verb;
  check_names(word, node, problems, names);
  if (how.verb == Verb::Do) {
    action.then = actions_of(node, problems, names);
    return action;
  }
  if (how.values) {
    action.values = templates_of(node, problems);
    return action;
  }
  if (node.kind != Node::Kind::Mapping) {
    action.texts[how.verb == Verb::Show ? "text" : ""] = template_of(node, problems);
    return action;
  }
  Mapping mapping(node, problems);
  for (const std::string &key : how.words)
    if (const Node *text = mapping.find_even_empty(key))
      action.texts[key] = template_of(*text, problems);
  if (const Node *with = mapping.find("with"))
    action.values = templates_of(*with, problems);
  if (const Node *items = mapping.find("items"))
    action.items = part_of_line_of(*items, problems, names);
  if (const Node *answers = mapping.find("answers"))
    action.answers = answers_of(*answers, problems, names);
  if (const Node *then = mapping.find("then"))
    action.then = actions_of(*then, problems, names);
  if (const Node *otherwise = mapping.find("else"))
    action.otherwise = actions_of(*otherwise, problems, names);
  mapping.done();
  return action;
}

void add_actions(std::vector<Action> &actions, const Node &node, Problems &problems, const Names &names,
                 const std::set<std::string> &others) {
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const std::string &word = node.keys[i].text;
    if (others.count(word) != 0)
      continue;
    const auto how = grammar().find(word);
    if (how == grammar().end())
      problems.add(node.keys[i].place, fmt::format("no action is called \"{}\"", word));
    else
      actions.push_back(action_of(word, how->second, node.items[i], problems, names));
  }
}

// The plain words at the start of a pattern.
std::string head_of(const std::string &pattern) {
  std::string head = pattern.substr(0, pattern.find_first_of("([\\.*+?{|^$"));
  if (head.size() < pattern.size() && (pattern[head.size()] == '?' || pattern[head.size()] == '*') && !head.empty())
    head.pop_back();
  return head;
}

// A line that is nothing but section tags leaves no empty line behind (Mustache calls such tags standalone;
// the library does not know them).
std::string without_standalone(const std::string &text) {
  static const Pattern standalone(R"(^[ \t]*(?P<tags>(?:\{\{[#^/] ?\w+ ?\}\})+)[ \t]*(?:\n|\z))");
  std::string out;
  std::size_t at = 0;
  for (const auto &match : standalone.all(text)) {
    const auto start = static_cast<std::size_t>(match.whole.data() - text.data());
    if (match.whole.empty() || match.whole.back() != '\n')
      continue;
    out += text.substr(at, start - at);
    out += *match.group("tags");
    at = start + match.whole.size();
  }
  return out + text.substr(at);
}

} // namespace

TextTemplate template_of(const Node &node, Problems &problems) {
  if (node.kind != Node::Kind::Text && node.kind != Node::Kind::Nothing) {
    add_mismatch(node, problems, "a text");
    return {};
  }
  try {
    return TextTemplate(node.place.text(), without_standalone(node.text));
  } catch (const Error &error) {
    problems.add(node.place, error.what());
    return {};
  }
}

std::map<std::string, TextTemplate> templates_of(const Node &node, Problems &problems) {
  std::map<std::string, TextTemplate> all;
  if (node.kind != Node::Kind::Mapping) {
    add_mismatch(node, problems, "a mapping");
    return all;
  }
  for (std::size_t i = 0; i < node.keys.size(); ++i)
    all[node.keys[i].text] = template_of(node.items[i], problems);
  return all;
}

Pattern whole_line_of(const Node &node, Problems &problems, const Names &names) {
  try {
    return Pattern("\\A(?:" + expand(node.text, names.pieces) + ")\\z");
  } catch (const Error &error) {
    problems.add(node.place, error.what());
    return {};
  }
}

std::vector<Action> actions_of(const Node &node, Problems &problems, const Names &names) {
  std::vector<Action> actions;
  for (const Node *item : items_of(node)) {
    if (item->kind != Node::Kind::Mapping)
      add_mismatch(*item, problems, "actions");
    else
      add_actions(actions, *item, problems, names, {});
  }
  return actions;
}

Rule rule_of(const Node &node, Problems &problems, const Names &names) {
  Rule rule;
  if (node.kind != Node::Kind::Mapping || node.at("line") == nullptr) {
    problems.add(node.place, "a rule is a mapping with the key `line`");
    return rule;
  }
  for (const Node *line : items_of(*node.at("line"))) {
    rule.lines.push_back(whole_line_of(*line, problems, names));
    if (rule.head.empty())
      rule.head = head_of(line->text);
  }
  if (const Node *when = node.at("when"))
    rule.when = when->text;
  if (const Node *attributes = node.at("attributes"))
    for (const std::string &name : texts_of(*attributes, problems))
      rule.attributes.insert(name);
  if (const Node *on = node.at("on"))
    for (std::size_t i = 0; i < on->keys.size(); ++i)
      rule.on[on->keys[i].text] = actions_of(on->items[i], problems, names);
  add_actions(rule.actions, node, problems, names, {"line", "when", "on", "attributes"});
  return rule;
}

} // namespace banpush::lab
