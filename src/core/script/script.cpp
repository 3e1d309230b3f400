#include "core/script/script.hpp"

#include "core/address/slug.hpp"
#include "core/script/places.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace banpush {

namespace {

std::string number_text(std::size_t number) { return std::to_string(number); }

// The platform's word for a protocol.
std::string protocol_word(const Driver &driver, const std::string &ours) {
  for (const auto &[theirs, known] : driver.protocols)
    if (known == ours)
      return theirs;
  return ours;
}

View entry_view(const Driver &driver, const Block &block, const std::string &number) {
  const Prefix &prefix = block.prefix;
  View view;
  auto &values = view.values;
  values["address"] = prefix.address();
  values["prefix"] = prefix.text();
  values["length"] = number_text(prefix.length());
  values["netmask"] = prefix.netmask();
  values["wildcard"] = prefix.wildcard();
  values["number"] = number;
  values["host"] = prefix.is_host();
  values["net"] = !prefix.is_host();
  values["slug"] = slug_of(prefix, driver.most_slug);
  values["v4"] = prefix.family() == Family::IPv4;
  values["v6"] = prefix.family() == Family::IPv6;
  const Service &service = block.service;
  const std::string text = service.text();
  values["any_service"] = service.is_any();
  values["protocol"] = service.is_any() ? std::string() : protocol_word(driver, text.substr(0, text.find('/')));
  values["port"] = service.first == service.last && service.first != 0 ? number_text(service.first) : std::string();
  values["port_first"] = service.last != 0 ? number_text(service.first) : std::string();
  values["port_last"] = service.last != 0 ? number_text(service.last) : std::string();
  return view;
}

// Names of lists, params and facts, which every template may use.
View base_view(const Rendering &rendering) {
  View view;
  for (const Fact &fact : rendering.driver.facts)
    view.values[fact.name] = std::string();
  for (const auto &[name, value] : rendering.facts.values)
    view.values[name] = value;
  for (const auto &[name, value] : rendering.values)
    view.values[name] = value;
  view.values["seconds"] = rendering.confirm_seconds == 0 ? std::string() : number_text(rendering.confirm_seconds);
  view.values["minutes"] = rendering.confirm_seconds == 0 ? std::string() : number_text((rendering.confirm_seconds + 59) / 60);
  const unsigned confirm = rendering.confirm_seconds;
  view.values["hms"] = confirm == 0 ? std::string() : fmt::format("{:02}:{:02}:{:02}", confirm / 3600, confirm / 60 % 60, confirm % 60);
  std::vector<View> attach;
  for (const auto &[interface, direction] : rendering.attach) {
    View one;
    if (attach.size() < rendering.facts.attach.size())
      for (const auto &[name, value] : rendering.facts.attach[attach.size()])
        one.values[name] = value;
    for (const auto &[name, value] : names_of_place(interface, direction))
      one.values[name] = value;
    one.values["in"] = direction == "in";
    one.values["out"] = direction == "out";
    attach.push_back(std::move(one));
  }
  view.values["attach"] = std::move(attach);
  return view;
}

// What one list contributes to a change: spans of the sorted additions and removals.
struct ListChange {
  const List *list = nullptr;
  std::vector<const Addition *> add;
  std::vector<const Removal *> remove;
  const Renumbering *renumber = nullptr;
  bool any() const { return !add.empty() || !remove.empty(); }
};

void list_names(View &view, const List &list, const Values &values) {
  view.values["list"] = values.at(list.name);
  view.values["key"] = list.name;
  view.values["family"] = list.families.size() != 1 ? "" : list.families.front() == Family::IPv4 ? "ipv4" : "ipv6";
  view.values["v4"] = list.families.size() == 1 && list.families.front() == Family::IPv4;
  view.values["v6"] = list.families.size() == 1 && list.families.front() == Family::IPv6;
}

template <typename Item>
std::vector<View> entry_views(const Driver &driver, const std::vector<const Item *> &items, std::size_t from, std::size_t to) {
  std::vector<View> entries;
  for (std::size_t i = from; i < to; ++i) {
    View view = entry_view(driver, items[i]->block, items[i]->number);
    view.values["first"] = i == from;
    view.values["last"] = i + 1 == to;
    entries.push_back(std::move(view));
  }
  return entries;
}

void append_lines(std::vector<std::string> &lines, const std::string &text, const TextTemplate &source) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    for (const char c : line)
      if (static_cast<unsigned char>(c) < 0x20 && c != '\t')
        throw Error(ErrorKind::Config,
                    fmt::format("{}: renders a control character (0x{:02x})", source.file(), static_cast<unsigned char>(c)));
    if (line.find_first_not_of(" \t") != std::string::npos)
      lines.push_back(std::move(line));
  }
}

// Renders parts of stages into steps for one device.
class Renderer {
public:
  explicit Renderer(const Rendering &rendering) : r_(rendering), facts_(rendering.facts), base_(base_view(rendering)) {
    facts_.values[word(rendering.transport)] = "yes";
  }

  bool wanted(const Part &part) const { return holds(part.when, r_.values, facts_); }

  std::vector<std::string> program(const std::vector<std::string> &words) const {
    std::vector<std::string> argv = r_.run_with;
    for (const std::string &word : words)
      argv.push_back(expand(word, r_.values));
    return argv;
  }

  // The program that takes this part for this list.
  std::vector<std::string> input_of(const Part &part, const List *list) const {
    if (!part.input.empty())
      return part.input;
    if (list != nullptr && !list->input.empty())
      return list->input;
    return r_.driver.input;
  }

  Step step(Stage stage, const Part &part) const {
    Step step;
    step.stage = stage;
    step.kind = r_.transport;
    step.until = part.until;
    step.expect = part.expect;
    for (const Question &question : part.ask)
      step.ask.push_back({question.question, expand(question.answer, r_.values)});
    step.window = part.window.value_or(r_.driver.window);
    step.silence = part.silence.value_or(r_.driver.silence);
    step.exits = part.exits;
    return step;
  }

  const TextTemplate &text_template(Stage stage, const Part &part) const {
    return r_.driver.templates.at(part.template_name.empty() ? word(stage) : part.template_name);
  }

  // A stage without entries: one step a part.
  std::vector<Step> plain(Stage stage, const std::vector<ListChange> *changes) const {
    std::vector<Step> steps;
    const auto parts = r_.driver.stages.find(stage);
    if (parts == r_.driver.stages.end())
      return steps;
    for (const Part &part : parts->second) {
      if (!wanted(part) || (changes != nullptr && !touches(part, *changes)))
        continue;
      Step made = step(stage, part);
      if (!part.run.empty()) {
        made.argv = program(part.run);
      } else {
        View view = base_;
        if (changes != nullptr)
          view.values["lists"] = list_views(*changes);
        append_lines(made.lines, text_template(stage, part).render(view), text_template(stage, part));
        if (r_.transport == TransportKind::Exec)
          made.argv = program(input_of(part, nullptr));
        if (made.lines.empty())
          continue;
      }
      steps.push_back(std::move(made));
    }
    return steps;
  }

  // Whether a stage has anything to say beside what opens, closes and commits any change.
  bool has_own_words(Stage stage) const {
    const auto parts = r_.driver.stages.find(stage);
    return parts != r_.driver.stages.end() && std::any_of(parts->second.begin(), parts->second.end(), [&](const Part &part) {
             return wanted(part) && !is_frame(part) && (!part.run.empty() || !lines_of(stage, part).empty());
           });
  }

  // What a change has beside its own steps. `changes` as plain() takes them.
  void finish(Script &script, const std::vector<ListChange> *changes) const {
    script.abort = plain(Stage::Abort, changes);
    script.leave = plain(Stage::Leave, changes);
    script.abort_unarmed = script.abort;
    if (r_.confirm_seconds == 0)
      return;
    script.confirm = plain(Stage::Confirm, changes);
    script.cancel = plain(Stage::Cancel, changes);
    Rendering bare = r_;
    bare.confirm_seconds = 0;
    script.abort_unarmed = Renderer(bare).plain(Stage::Abort, changes);
  }

  // The lines of one list's additions or removals, chunk by chunk.
  template <typename Item>
  void entries(const TextTemplate &source, const List &list, const std::vector<const Item *> &items,
               std::vector<std::string> &lines) const {
    for (std::size_t from = 0; from < items.size(); from += r_.driver.chunk) {
      const std::size_t to = std::min(items.size(), from + r_.driver.chunk);
      View view = base_;
      list_names(view, list, r_.values);
      view.values["count"] = number_text(to - from);
      view.values["entries"] = entry_views(r_.driver, items, from, to);
      append_lines(lines, source.render(view), source);
    }
  }

  std::vector<Step> change(const std::vector<ListChange> &changes) const {
    return r_.transport == TransportKind::Exec && r_.driver.batch_whole ? by_program(changes) : by_stage(changes);
  }

private:
  // One that any change begins or ends with, too.
  bool is_frame(const Part &part) const {
    for (const Stage stage : {Stage::Open, Stage::Close, Stage::Commit, Stage::Leave})
      if (const auto parts = r_.driver.stages.find(stage); parts != r_.driver.stages.end())
        for (const Part &one : parts->second)
          if (!part.template_name.empty() && part.template_name == (one.template_name.empty() ? word(stage) : one.template_name))
            return true;
    return false;
  }

  std::vector<std::string> lines_of(Stage stage, const Part &part) const {
    std::vector<std::string> lines;
    append_lines(lines, text_template(stage, part).render(base_), text_template(stage, part));
    return lines;
  }

  static bool touches(const Part &part, const std::vector<ListChange> &changes) {
    return std::any_of(changes.begin(), changes.end(),
                       [&](const ListChange &change) { return change.any() && concerns(part, *change.list); });
  }
  static bool concerns(const Part &part, const List &list) {
    return part.lists.empty() || std::find(part.lists.begin(), part.lists.end(), list.name) != part.lists.end();
  }

  std::vector<View> list_views(const std::vector<ListChange> &changes) const {
    std::vector<View> views;
    for (const ListChange &change : changes) {
      if (!change.any())
        continue;
      View view;
      list_names(view, *change.list, r_.values);
      view.values["add"] = entry_views(r_.driver, change.add, 0, change.add.size());
      view.values["remove"] = entry_views(r_.driver, change.remove, 0, change.remove.size());
      views.push_back(std::move(view));
    }
    return views;
  }

  std::vector<Stage> order() const {
    return r_.driver.add_first ? std::vector<Stage>{Stage::Add, Stage::Remove} : std::vector<Stage>{Stage::Remove, Stage::Add};
  }

  void entry_lines(Stage stage, const Part &part, const ListChange &change, std::vector<std::string> &lines) const {
    const TextTemplate &source = text_template(stage, part);
    if (stage == Stage::Add)
      entries(source, *change.list, change.add, lines);
    else
      entries(source, *change.list, change.remove, lines);
  }

  void append(std::vector<Step> &steps, std::vector<Step> more) const {
    steps.insert(steps.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }

  std::vector<Step> by_stage(const std::vector<ListChange> &changes) const {
    std::vector<Step> steps = plain(Stage::Open, &changes);
    append(steps, plain(Stage::Change, &changes));
    for (const ListChange &change : changes)
      if (change.renumber != nullptr)
        append(steps, renumbering(change));
    for (const Stage stage : order()) {
      const auto parts = r_.driver.stages.find(stage);
      if (parts == r_.driver.stages.end())
        continue;
      for (const ListChange &change : changes)
        for (const Part &part : parts->second) {
          if (!concerns(part, *change.list) || !wanted(part) || (stage == Stage::Add ? change.add.empty() : change.remove.empty()))
            continue;
          Step made = step(stage, part);
          if (r_.transport == TransportKind::Exec)
            made.argv = program(input_of(part, change.list));
          entry_lines(stage, part, change, made.lines);
          steps.push_back(std::move(made));
        }
    }
    append(steps, plain(Stage::Close, &changes));
    append(steps, plain(Stage::Commit, &changes));
    return steps;
  }

  std::vector<Step> renumbering(const ListChange &change) const {
    std::vector<Step> steps;
    for (const Part &part : r_.driver.stages.at(Stage::Renumber)) {
      if (!concerns(part, *change.list) || !wanted(part))
        continue;
      Step made = step(Stage::Renumber, part);
      if (r_.transport == TransportKind::Exec)
        made.argv = program(input_of(part, change.list));
      View view = base_;
      list_names(view, *change.list, r_.values);
      view.values["terminal"] = change.renumber->terminal;
      view.values["number"] = change.renumber->number;
      append_lines(made.lines, text_template(Stage::Renumber, part).render(view), text_template(Stage::Renumber, part));
      steps.push_back(std::move(made));
    }
    return steps;
  }

  // One input for each program that has something to do: open, the entries, close, commit.
  std::vector<Step> by_program(const std::vector<ListChange> &changes) const {
    std::vector<Step> steps;
    for (const ListChange &change : changes) {
      if (!change.any())
        continue;
      const auto argv = program(input_of({}, change.list));
      const bool known = std::any_of(steps.begin(), steps.end(), [&](const Step &step) { return step.argv == argv; });
      if (!known)
        steps.push_back(whole_input(argv, changes));
    }
    return steps;
  }

  Step whole_input(const std::vector<std::string> &argv, const std::vector<ListChange> &all) const {
    std::vector<ListChange> mine;
    for (const ListChange &change : all)
      if (change.any() && program(input_of({}, change.list)) == argv)
        mine.push_back(change);
    Step whole = step(Stage::Change, {});
    whole.argv = argv;
    const auto add_plain = [&](Stage stage) {
      for (const Step &made : plain(stage, &mine))
        whole.lines.insert(whole.lines.end(), made.lines.begin(), made.lines.end());
    };
    add_plain(Stage::Open);
    add_plain(Stage::Change);
    for (const Stage stage : order()) {
      const auto parts = r_.driver.stages.find(stage);
      if (parts == r_.driver.stages.end())
        continue;
      for (const ListChange &change : mine)
        for (const Part &part : parts->second)
          if (concerns(part, *change.list) && wanted(part))
            entry_lines(stage, part, change, whole.lines);
    }
    add_plain(Stage::Close);
    add_plain(Stage::Commit);
    return whole;
  }

  const Rendering &r_;
  Facts facts_; // and the transport in use, by its word
  View base_;
};

void check_lines(const Driver &driver, const std::vector<Step> &steps) {
  for (const Step &step : steps)
    if (step.kind == TransportKind::Cli)
      for (const std::string &line : step.lines)
        if (line.size() > driver.most_line)
          throw Error(ErrorKind::Config, fmt::format("driver {}: a line of {} bytes, the platform takes {}: \"{}…\"", driver.name,
                                                     line.size(), driver.most_line, line.substr(0, 60)));
}

} // namespace

Script render(const Rendering &rendering, const Change &change) {
  Script script;
  if (change.empty())
    return script;
  std::vector<ListChange> changes;
  for (const List &list : rendering.driver.lists)
    changes.push_back({&list, {}, {}, nullptr});
  const auto of = [&](const std::string &key) -> ListChange & {
    return *std::find_if(changes.begin(), changes.end(), [&](const ListChange &one) { return one.list->name == key; });
  };
  for (const Addition &addition : change.add)
    of(addition.list).add.push_back(&addition);
  for (const Removal &removal : change.remove)
    of(removal.list).remove.push_back(&removal);
  for (const Renumbering &renumbering : change.renumber)
    of(renumbering.list).renumber = &renumbering;
  const Renderer renderer(rendering);
  script.change = renderer.change(changes);
  renderer.finish(script, &changes);
  if (rendering.save)
    script.save = renderer.plain(Stage::Save, nullptr);
  check_lines(rendering.driver, script.change);
  return script;
}

std::vector<Step> render_stage(const Rendering &rendering, Stage stage) {
  const Renderer renderer(rendering);
  std::vector<Step> steps = renderer.plain(stage, nullptr);
  check_lines(rendering.driver, steps);
  return steps;
}

Script render_setup(const Rendering &rendering, Stage stage) {
  Script script, bare;
  if (!Renderer(rendering).has_own_words(stage))
    return script;
  Rendering without = rendering;
  without.confirm_seconds = 0;
  script.change = render_stage(rendering, stage);
  bare.change = render_stage(without, stage);
  // A driver may have a dead-man for its changes, and a setup that knows nothing of it.
  const bool is_on_trial = script.text() != bare.text();
  Renderer(is_on_trial ? rendering : without).finish(script, nullptr);
  return script;
}

} // namespace banpush
