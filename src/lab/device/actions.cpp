#include "lab/device/shell.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace banpush::lab {

bool Shell::run(const std::vector<Action> &actions, const Fields &groups) {
  for (const Action &action : actions)
    if (wish_ != Wish::Nothing || asked_ || !run(action, groups))
      return false;
  return true;
}

bool Shell::run(const Action &action, const Fields &groups) {
  switch (action.verb) {
  case Verb::Say: reply_ += text(action, "", groups); return true;
  case Verb::Show: return show(action, groups);
  case Verb::Refuse: return object(text(action, "", groups), {}, {}, groups);
  case Verb::Enter: enter(text(action, "", groups), groups); return true;
  case Verb::Leave: enter(device_.description().modes.at(mode_).inside, {}); return true;
  case Verb::Set:
    for (const auto &[name, value] : action.values)
      values_[name] = rendered(value, groups);
    return true;
  case Verb::Put:
    for (const auto &[name, value] : action.values)
      target().settings[name] = rendered(value, groups);
    return true;
  case Verb::Ask:
  case Verb::Secret: ask(action, groups); return true;
  case Verb::If: return run(truth(text(action, "value", groups), groups) ? action.then : action.otherwise, groups);
  case Verb::Do: return run(action.then, groups);
  case Verb::Wait: wait_ += milliseconds(std::strtol(text(action, "", groups).c_str(), nullptr, 10)); return true;
  case Verb::Whole: pages_ = false; return true;
  case Verb::Close: wish_ = Wish::Close; return false;
  case Verb::Open:
  case Verb::Drop:
  case Verb::Add:
  case Verb::Remove:
  case Verb::Move:
  case Verb::Empty:
  case Verb::Resequence:
  case Verb::Note: return change(action, groups);
  case Verb::Edit: return edit(action, groups);
  case Verb::Commit: return commit(action, groups);
  default: return manage(action, groups);
  }
}

bool Shell::object(const std::string &outcome, const std::optional<Entry> &about, const std::string &kind, const Fields &groups) {
  Fields all = groups;
  const Description &description = device_.description();
  if (about) {
    for (const auto &[name, value] : about->fields)
      all["entry_" + name] = value;
    all["entry_number"] = about->number ? std::to_string(*about->number) : "";
    if (!kind.empty())
      all["entry_line"] = description.lists.at(kind).line.render(view_of(*about));
  }
  if (rule_ != nullptr)
    if (const auto on = rule_->on.find(outcome); on != rule_->on.end()) {
      const Rule *rule = std::exchange(rule_, nullptr); // what is done about it is objected to in the device's own words
      run(on->second, all);
      rule_ = rule;
      return false;
    }
  const auto say = [&](const std::map<std::string, TextTemplate> &says) {
    const auto found = says.find(outcome);
    if (found != says.end())
      reply_ += rendered(found->second, all);
    return found != says.end();
  };
  if (!kind.empty() && say(description.lists.at(kind).says))
    return false;
  if (!say(description.modes.at(mode_).says) && !say(description.says) && outcome != "unknown") {
    if (!all.count("caret"))
      all["caret"] = std::string(prompt().size(), ' ');
    rule_ = nullptr;
    object("unknown", {}, {}, all);
  }
  return false;
}

namespace {

// The lines of one configuration that another has not got below the same line, each with a sign.
std::string lines_beside(const std::string &text, const std::string &other, char sign) {
  const auto with_heads = [](const std::string &all) {
    std::vector<std::pair<std::string, std::string>> found;
    std::istringstream lines(all);
    for (std::string line, head; std::getline(lines, line);) {
      if (line.empty() || line[0] == '!')
        continue;
      head = line[0] == ' ' ? head : line;
      found.emplace_back(head, line);
    }
    return found;
  };
  const auto theirs = with_heads(other);
  std::string found, told;
  for (const auto &[head, line] : with_heads(text)) {
    if (std::find(theirs.begin(), theirs.end(), std::pair(head, line)) != theirs.end())
      continue;
    if (head != line && std::exchange(told, head) != head)
      found += head + "\n";
    told = head;
    found += head == line ? fmt::format("{}{}\n", sign, line) : fmt::format(" {}{}\n", sign, line.substr(1));
  }
  return found;
}

} // namespace

bool Shell::show(const Action &action, const Fields &groups) {
  const Description &description = device_.description();
  const std::string kind = text(action, "kind", groups), name = text(action, "name", groups), from = text(action, "from", groups);
  const Configuration &which = from == "candidate" ? target() : from == "startup" ? device_.startup : device_.shown();
  if (!kind.empty() && !name.empty() && which.find(kind, name) == nullptr) {
    const bool said = description.says.count("no_list") != 0 || description.lists.at(kind).says.count("no_list") != 0 ||
                      (rule_ != nullptr && rule_->on.count("no_list") != 0);
    return said ? object("no_list", {}, kind, groups) : true;
  }
  const auto form = description.shows.find(text(action, "text", groups));
  if (form == description.shows.end())
    return object("unknown", {}, {}, groups);
  View all = view(groups);
  for (auto &[its, value] : shown_lists(description, which, form->second, {kind, name}).values)
    all.values[its] = std::move(value);
  std::string whole = form->second.render(all);
  const std::string starting = text(action, "starting", groups);
  if (const std::string beside = text(action, "beside", groups); !beside.empty()) {
    View other = view(groups);
    const Configuration &there = beside == "running" ? device_.running : device_.startup;
    for (auto &[its, value] : shown_lists(description, there, form->second, {kind, name}).values)
      other.values[its] = std::move(value);
    const std::string before = form->second.render(other);
    whole = lines_beside(before, whole, '-') + lines_beside(whole, before, '+');
  }
  const std::string holding = text(action, "holding", groups), lacking = text(action, "lacking", groups);
  if (whole.empty())
    reply_ += text(action, "nothing", groups);
  for (std::size_t at = 0; at < whole.size();) {
    const std::size_t end = std::min(whole.find('\n', at), whole.size() - 1);
    const std::string line = whole.substr(at, end + 1 - at);
    const bool lacks = lacking.empty() || line.find(lacking) == std::string::npos;
    if (line.compare(0, starting.size(), starting) == 0 && line.find(holding) != std::string::npos && lacks)
      reply_ += line;
    at = end + 1;
  }
  return true;
}

bool Shell::change(const Action &action, const Fields &groups) {
  ++device_.changes;
  if (origin_ == Origin::Network)
    device_.about_to_change();
  const Description &description = device_.description();
  std::string name = text(action, "name", groups), kind_name = text(action, "kind", groups);
  if (kind_name.empty()) {
    kind_name = kind_;
    name = name.empty() ? list_ : name;
  }
  const auto found = description.lists.find(kind_name);
  if (found == description.lists.end())
    return object("no_list", {}, {}, groups);
  const ListKind &kind = found->second;
  Configuration &in = target();
  if (action.verb == Verb::Add || action.verb == Verb::Remove)
    return each(action, groups, kind, name);
  if (action.verb == Verb::Drop) {
    ListKind rules = kind;
    if (target_ != Target::Running)
      rules.in_use = Rigour::Keep; // a candidate is looked at as a whole
    const Change done = drop_list(in, rules, name);
    return done.outcome.empty() || object(done.outcome, done.about, kind_name, groups);
  }
  EntryList *list = in.find(kind_name, name);
  if (action.verb == Verb::Open) {
    if (list == nullptr && text(action, "create", groups) == "no")
      return object("no_list", {}, kind_name, groups);
    const Change done = open_list(description, in, kind, name);
    if (!done.outcome.empty())
      return object(done.outcome, {}, kind_name, groups);
    kind_ = kind_name;
    list_ = name;
    return true;
  }
  if (list == nullptr)
    return object("no_list", {}, kind_name, groups);
  if (action.verb == Verb::Move) {
    const Change done = move_entry(kind, *list, {groups, {}, {}, false});
    return done.outcome.empty() || object(done.outcome, {}, kind_name, groups);
  }
  if (action.verb == Verb::Empty) {
    const Change done = empty_list(in, kind, *list);
    return done.outcome.empty() || object(done.outcome, {}, kind_name, groups);
  }
  if (action.verb == Verb::Resequence)
    resequence(*list, std::stoull("0" + text(action, "first", groups)), std::stoull("0" + text(action, "step", groups)));
  else
    for (const auto &[its, value] : action.values)
      list->notes[its] = rendered(value, groups);
  return true;
}

bool Shell::each(const Action &action, const Fields &groups, const ListKind &kind, const std::string &name) {
  const auto one = [&](const Fields &its) {
    return action.verb == Verb::Add ? add(action, its, kind, name) : remove(action, its, kind, name);
  };
  if (action.items.empty())
    return one(groups);
  const std::string of = text(action, "of", groups);
  for (const auto &match : action.items.all(of)) {
    Fields its = groups;
    for (const std::string &group : action.items.groups())
      its[group] = std::string(match.group(group).value_or(""));
    if (!one(its))
      return false;
  }
  return true;
}

namespace {

// A fault that strikes at an entry: true when the entry is not to be kept.
struct Struck {
  bool refused = false, swallowed = false;
  std::string words;
};

Struck struck(Emulated &device, Shell::Wish &wish) {
  const auto fault = device.strikes(Fault::Counts::Entries);
  if (!fault)
    return {};
  switch (fault->kind) {
  case Fault::Kind::Lose: wish = Shell::Wish::Lose; return {};
  case Fault::Kind::Hang: wish = Shell::Wish::Hang; return {};
  case Fault::Kind::Refuse: return {true, false, fault->words};
  case Fault::Kind::Swallow: return {false, true, {}};
  case Fault::Kind::Meanwhile: device.type(fault->words); return {};
  }
  return {};
}

// How many entries stand before one that is put at `front`, or at a place counted from 1; nothing where none is said.
std::optional<std::size_t> place_of(const std::string &at) {
  if (at == "front")
    return 0;
  if (at.empty() || at.size() > 9 || at.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::max<std::size_t>(std::stoul(at), 1) - 1;
}

} // namespace

bool Shell::add(const Action &action, const Fields &groups, const ListKind &kind, const std::string &name) {
  Said said{groups, text(action, "refers", groups), text(action, "refers_to", groups), place_of(text(action, "at", groups))};
  for (const auto &[its, value] : action.values)
    said.fields[its] = rendered(value, groups);
  Configuration &in = target();
  if (target_ == Target::Running && kind.dangling == Rigour::Refuse && !said.refers_name.empty() &&
      in.find(said.refers_kind, said.refers_name) == nullptr)
    return object("dangling", {}, kind.name, groups);
  if (origin_ == Origin::Network) {
    const Struck fault = struck(device_, wish_);
    if (wish_ != Wish::Nothing || fault.swallowed)
      return false;
    if (fault.refused && !fault.words.empty())
      reply_ += fault.words + "\n";
    if (fault.refused)
      return fault.words.empty() ? object("refused", {}, kind.name, groups) : false;
  }
  const bool fresh = in.find(kind.name, name) == nullptr;
  const Change opened = open_list(device_.description(), in, kind, name);
  if (!opened.outcome.empty())
    return object(opened.outcome, {}, kind.name, groups);
  const Change done =
      add_entry(kind, *in.find(kind.name, name), said, origin_ == Origin::Network ? device_.variant().full_at : std::nullopt);
  if (done.outcome.empty())
    return true;
  if (fresh)
    in.lists[kind.name].erase(name);
  return object(done.outcome, done.about, kind.name, groups);
}

bool Shell::remove(const Action &action, const Fields &groups, const ListKind &kind, const std::string &name) {
  Said said{groups, text(action, "refers", groups), text(action, "refers_to", groups), false};
  for (const auto &[its, value] : action.values)
    said.fields[its] = rendered(value, groups);
  if (origin_ == Origin::Network && struck(device_, wish_).swallowed)
    return false;
  if (wish_ != Wish::Nothing)
    return false;
  Configuration &in = target();
  EntryList *list = in.find(kind.name, name);
  if (list == nullptr)
    return kind.missing == Rigour::Refuse ? object("missing", {}, kind.name, groups) : true;
  const std::string by = text(action, "by", groups);
  const auto number = groups.find("number");
  const bool by_number = by == "number" || (by.empty() && kind.numbers && number != groups.end() && !number->second.empty());
  ListKind rules = kind;
  if (target_ != Target::Running)
    rules.last_member = Rigour::Keep; // a candidate is looked at as a whole
  const Change done = remove_entry(in, rules, *list, said, by_number);
  if (rules.last_member == Rigour::Drop && list->entries.empty() && !in.in_use(kind.name, name))
    drop_list(in, rules, name);
  return done.outcome.empty() || object(done.outcome, done.about, kind.name, groups);
}

void Shell::enter(const std::string &mode, const Fields &groups) {
  mode_ = mode;
  for (const auto &[name, value] : groups)
    context_[name] = value;
}

void Shell::ask(const Action &action, const Fields &groups) {
  Asked asked;
  asked.question = text(action, "question", groups);
  asked.action = &action;
  asked.rule = rule_;
  asked.groups = groups;
  asked.key = text(action, "key", groups) == "yes";
  asked.echo = action.verb == Verb::Ask && text(action, "echo", groups) != "no";
  if (action.verb == Verb::Secret) {
    const Variant &variant = device_.variant();
    asked.secret = text(action, "is", groups) == "password" ? variant.password : variant.enable;
    const std::string tries = text(action, "tries", groups);
    asked.tries = tries.empty() ? 3 : static_cast<unsigned>(std::stoul(tries));
  }
  asked_ = std::move(asked);
}

} // namespace banpush::lab
