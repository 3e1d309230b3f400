#include "lab/device/description.hpp"

#include "config/document/mapping.hpp"
#include "config/document/values.hpp"
#include "lab/device/action_file.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush::lab {

namespace {

// A train over the rest: mappings key by key, anything else whole.
Node laid_over(const Node &base, const Node &top) {
  if (base.kind != Node::Kind::Mapping || top.kind != Node::Kind::Mapping)
    return top;
  Node merged = base;
  for (std::size_t i = 0; i < top.keys.size(); ++i) {
    const auto same = std::find_if(base.keys.begin(), base.keys.end(), [&](const Node &key) { return key.text == top.keys[i].text; });
    if (same == base.keys.end()) {
      merged.keys.push_back(top.keys[i]);
      merged.items.push_back(top.items[i]);
    } else {
      const auto at = static_cast<std::size_t>(same - base.keys.begin());
      merged.items[at] = laid_over(base.items[at], top.items[i]);
    }
  }
  return merged;
}

std::set<std::string> keys_of(const Node &node, const char *key) {
  std::set<std::string> names;
  if (const Node *all = node.at(key); all != nullptr)
    for (const Node &name : all->keys)
      names.insert(name.text);
  return names;
}

Fields pieces_of(const Node &node, Problems &problems) {
  Fields pieces;
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    try {
      pieces[node.keys[i].text] = expand(node.items[i].text, pieces);
    } catch (const Error &error) {
      problems.add(node.items[i].place, error.what());
    }
  }
  return pieces;
}

Fields texts(const Node &node, Problems &problems) {
  Fields fields;
  if (node.kind != Node::Kind::Mapping)
    add_mismatch(node, problems, "a mapping");
  for (std::size_t i = 0; i < node.keys.size(); ++i)
    fields[node.keys[i].text] = node.items[i].text;
  return fields;
}

// A text as it stands, control characters and all.
void take(std::string &into, Mapping &mapping, const char *key) {
  if (const Node *node = mapping.find_even_empty(key))
    into = node->text;
}

Terminal terminal_of(const Node *node, Problems &problems) {
  Terminal terminal;
  if (node == nullptr)
    return terminal;
  Mapping mapping(*node, problems);
  take(terminal.newline, mapping, "newline");
  take(terminal.echo_end, mapping, "echo_end");
  take(terminal.after_blank, mapping, "after_blank");
  take(terminal.before_prompt, mapping, "before_prompt");
  take(terminal.after_prompt, mapping, "after_prompt");
  take(terminal.probe, mapping, "probe");
  take(terminal.pager, mapping, "pager");
  take(terminal.pager_gone, mapping, "pager_gone");
  take(terminal.pager_quit, mapping, "pager_quit");
  take(terminal.pager_rest, mapping, "pager_rest");
  take(terminal.end_key, mapping, "end_key");
  if (const Node *echo = mapping.find("echo"))
    terminal.echo = template_of(*echo, problems);
  terminal.wrap = mapping.get("wrap", yes_no_of).value_or(false);
  terminal.scroll = mapping.get("scroll", yes_no_of).value_or(false);
  terminal.type_ahead = static_cast<std::size_t>(mapping.get("type_ahead", whole_of, 1, 1 << 30).value_or(4096));
  mapping.done();
  return terminal;
}

Rigour rigour_of(Mapping &mapping, Problems &, const char *key, Rigour standard) {
  const Words<Rigour> words{{"refuse", Rigour::Refuse}, {"silent", Rigour::Silent}, {"replace", Rigour::Replace},
                            {"merge", Rigour::Merge},   {"keep", Rigour::Keep},     {"drop", Rigour::Drop}};
  return mapping.get(key, word_of<Rigour>, words).value_or(standard);
}

ListKind::Numbers numbers_of(const Node &node, Problems &problems) {
  using Next = ListKind::Numbers::Next;
  Mapping mapping(node, problems);
  ListKind::Numbers numbers;
  const auto number = [&](const char *key, std::uint64_t standard) {
    const auto found = mapping.get(key, whole_of, 0, std::int64_t{1} << 40);
    return found ? static_cast<std::uint64_t>(*found) : standard;
  };
  numbers.from = number("from", numbers.from);
  numbers.to = number("to", numbers.to);
  numbers.first = number("first", numbers.first);
  numbers.step = number("step", numbers.step);
  numbers.kept = mapping.get("kept", yes_no_of).value_or(true);
  numbers.next =
      mapping
          .get("next", word_of<Next>, Words<Next>{{"after_last", Next::AfterLast}, {"multiple", Next::Multiple}, {"lowest", Next::Lowest}})
          .value_or(numbers.next);
  mapping.done();
  return numbers;
}

ListKind list_of(const std::string &name, const Node &node, Problems &problems) {
  using Judges = ListKind::Judges;
  ListKind kind;
  kind.name = name;
  Mapping mapping(node, problems);
  const auto text = [&](const char *key, TextTemplate &into) {
    if (const Node *found = mapping.find(key))
      into = template_of(*found, problems);
  };
  text("key", kind.key);
  text("line", kind.line);
  kind.saved = kind.line;
  text("saved", kind.saved);
  if (const Node *numbers = mapping.find_even_empty("numbers"))
    kind.numbers = numbers_of(*numbers, problems);
  kind.duplicate = rigour_of(mapping, problems, "duplicate", kind.duplicate);
  kind.taken = rigour_of(mapping, problems, "taken", kind.taken);
  kind.missing = rigour_of(mapping, problems, "missing", kind.missing);
  kind.no_list = rigour_of(mapping, problems, "no_list", kind.no_list);
  kind.in_use = rigour_of(mapping, problems, "in_use", kind.in_use);
  kind.last_member = rigour_of(mapping, problems, "last_member", kind.last_member);
  kind.overlap = rigour_of(mapping, problems, "overlap", kind.overlap);
  kind.dangling = rigour_of(mapping, problems, "dangling", kind.dangling);
  kind.bits_behind =
      mapping
          .get("bits_behind", word_of<BitsBehind>,
               Words<BitsBehind>{{"masked", BitsBehind::Masked}, {"kept", BitsBehind::Kept}, {"refused", BitsBehind::Refused}})
          .value_or(kind.bits_behind);
  kind.sorted = mapping.get("sorted", yes_no_of).value_or(false);
  if (const auto most = mapping.get("most", whole_of, 0, 100'000'000))
    kind.most = static_cast<std::size_t>(*most);
  for (const std::string &other : mapping.get("clashes", texts_of))
    kind.clashes.insert(other);
  kind.judges = mapping
                    .get("judges", word_of<Judges>,
                         Words<Judges>{{"no", Judges::No},
                                       {"bound", Judges::Bound},
                                       {"always", Judges::Always},
                                       {"each", Judges::Each},
                                       {"in_turn", Judges::InTurn}})
                    .value_or(kind.judges);
  kind.implicit_deny = mapping.get("implicit_deny", yes_no_of).value_or(false);
  if (const Node *says = mapping.find("says"))
    kind.says = templates_of(*says, problems);
  mapping.done();
  return kind;
}

Mode mode_of(const std::string &name, const Node &node, Problems &problems, const Names &names) {
  Mode mode;
  mode.name = name;
  Mapping mapping(node, problems);
  if (const Node *prompt = mapping.find_even_empty("prompt"))
    mode.prompt = template_of(*prompt, problems);
  mode.short_name = static_cast<std::size_t>(mapping.get("short_name", whole_of, 0, 255).value_or(0));
  take(mode.inside, mapping, "inside");
  if (!mode.inside.empty() && names.modes.count(mode.inside) == 0)
    problems.add(mapping.find("inside")->place, fmt::format("inside: no mode is called \"{}\"", mode.inside));
  mode.inherits = mapping.get("inherits", yes_no_of).value_or(false);
  mode.also = mapping.get("also", texts_of);
  for (const std::string &other : mode.also)
    if (names.modes.count(other) == 0)
      problems.add(node.place, fmt::format("also: no mode is called \"{}\"", other));
  for (const char *key : {"first", "lines"}) // `first` is for trains: before the lines all trains have
    if (const Node *rules = mapping.find(key))
      for (const Node *rule : items_of(*rules))
        mode.rules.push_back(rule_of(*rule, problems, names));
  if (const Node *says = mapping.find("says"))
    mode.says = templates_of(*says, problems);
  mapping.done();
  return mode;
}

Pipe pipe_of(const Node &node, Problems &problems, const Names &names) {
  using Does = Pipe::Does;
  Mapping mapping(node, problems);
  Pipe pipe;
  if (const Node *like = mapping.find("like"))
    pipe.like = whole_line_of(*like, problems, names);
  pipe.does = mapping
                  .need("does", word_of<Does>,
                        Words<Does>{{"keep", Does::Keep},
                                    {"drop", Does::Drop},
                                    {"section", Does::Section},
                                    {"begin", Does::Begin},
                                    {"no_pager", Does::NoPager},
                                    {"count", Does::Count}})
                  .value_or(pipe.does);
  mapping.done();
  return pipe;
}

void read_limits(Description &description, Mapping &mapping) {
  using AtLogin = bool;
  description.sessions = static_cast<std::size_t>(mapping.get("sessions", whole_of, 1, 10000).value_or(16));
  description.sessions_at_login =
      mapping.get("one_too_many", word_of<AtLogin>, Words<AtLogin>{{"is_told", true}, {"is_refused", false}}).value_or(true);
  using Saves = Description::Saves;
  description.saves = mapping
                          .get("saves", word_of<Saves>,
                               Words<Saves>{{"by_command", Saves::ByCommand}, {"by_commit", Saves::ByCommit}, {"always", Saves::Always}})
                          .value_or(description.saves);
  description.shown_after = mapping.get("shown_after", milliseconds_of).value_or(description.shown_after);
  description.keyboard_interactive = mapping.get("keyboard_interactive", yes_no_of).value_or(false);
}

void read_saved(Description &description, Mapping &mapping, Problems &problems, const Names &names) {
  using SavedAs = Description::SavedAs;
  description.saved_as =
      mapping
          .get("saved_as", word_of<SavedAs>,
               Words<SavedAs>{{"blocks", SavedAs::Blocks}, {"statements", SavedAs::Statements}, {"sections", SavedAs::Sections}})
          .value_or(description.saved_as);
  take(description.statement, mapping, "statement");
  if (const Node *passage = mapping.find("passage"))
    description.passage = whole_line_of(*passage, problems, names);
  take(description.passage_end, mapping, "passage_end");
  if (const Node *others = mapping.find("stands_for"))
    description.stands_for = texts(*others, problems);
}

void read_parts(Description &description, Mapping &mapping, Problems &problems, const Names &names) {
  const auto each = [&](const char *key, const auto &take_one) {
    if (const Node *all = mapping.find(key))
      for (std::size_t i = 0; i < all->keys.size(); ++i)
        take_one(all->keys[i].text, all->items[i]);
  };
  each("modes", [&](const std::string &name, const Node &node) { description.modes[name] = mode_of(name, node, problems, names); });
  each("lists", [&](const std::string &name, const Node &node) { description.lists[name] = list_of(name, node, problems); });
  each("shows", [&](const std::string &name, const Node &node) { description.shows[name] = template_of(node, problems); });
  each("says", [&](const std::string &name, const Node &node) { description.says[name] = template_of(node, problems); });
  if (const Node *greeting = mapping.find("greeting"))
    description.greeting = actions_of(*greeting, problems, names);
  if (const Node *pipes = mapping.find("pipes"))
    for (const Node *pipe : items_of(*pipes))
      description.pipes.push_back(pipe_of(*pipe, problems, names));
  take(description.configuration, mapping, "configuration");
  if (description.shows.count(description.configuration) == 0)
    problems.add(mapping.node().place, fmt::format("configuration: no show is called \"{}\"", description.configuration));
}

void check_modes(const Description &description, const Node &top, Problems &problems) {
  for (const std::string &name : {description.start, description.types})
    if (!name.empty() && description.modes.count(name) == 0)
      problems.add(top.place, fmt::format("no mode is called \"{}\"", name));
}

} // namespace

Description read_description(const std::string &file, const std::string &train) {
  Node top = read_document(file);
  Problems problems;
  report_flaws(top, problems);
  if (!train.empty()) {
    const Node *trains = top.at("trains"), *chosen = trains == nullptr ? nullptr : trains->at(train);
    if (chosen == nullptr)
      throw Error(ErrorKind::Config, fmt::format("{}: no train is called \"{}\"", file, train));
    top = laid_over(top, Node(*chosen));
  }
  Mapping mapping(top, problems);
  mapping.find_even_empty("trains");
  Description description;
  description.file = file;
  description.train = train;
  Names names;
  if (const Node *pieces = mapping.find("pieces"))
    names.pieces = pieces_of(*pieces, problems);
  names.modes = keys_of(top, "modes");
  names.lists = keys_of(top, "lists");
  names.shows = keys_of(top, "shows");
  names.says = keys_of(top, "says");

  take(description.about, mapping, "about");
  description.sources = mapping.get("sources", any_texts_of);
  take(description.hostname, mapping, "hostname");
  description.short_name = static_cast<std::size_t>(mapping.get("short_name", whole_of, 0, 255).value_or(0));
  if (const Node *name = mapping.find("login_name"))
    description.login_name = whole_line_of(*name, problems, names);
  if (const Node *values = mapping.find("values"))
    description.values = texts(*values, problems);
  if (const Node *settings = mapping.find("settings"))
    description.settings = texts(*settings, problems);
  description.start = mapping.need("start", text_of).value_or("");
  take(description.types, mapping, "types");
  take(description.config, mapping, "config");
  take(description.pipe_sign, mapping, "pipe_sign");
  take(description.joins, mapping, "joins");
  take(description.management, mapping, "management");
  description.terminal = terminal_of(mapping.find("terminal"), problems);
  read_limits(description, mapping);
  read_saved(description, mapping, problems, names);
  read_parts(description, mapping, problems, names);
  mapping.done();
  check_modes(description, top, problems);
  problems.raise();
  return description;
}

} // namespace banpush::lab
