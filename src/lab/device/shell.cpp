#include "lab/device/shell.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush::lab {

namespace {

const std::string nothing;

// Blanks at both ends go, and runs of them become one.
std::string tidy(const std::string &line) {
  std::string out;
  bool quoted = false;
  for (const char c : line) {
    quoted ^= c == '"';
    const char now = c == '\t' ? ' ' : c;
    if (now == ' ' && !quoted && (out.empty() || out.back() == ' '))
      continue;
    out += now;
  }
  while (!out.empty() && out.back() == ' ')
    out.pop_back();
  return out;
}

bool uses(const TextTemplate &needs, const std::string &name) {
  const auto &all = needs.uses();
  return std::any_of(all.begin(), all.end(), [&](const TextTemplate::Use &use) { return use.name == name; });
}

View shown_entry(const ListKind &kind, const Entry &entry, const TextTemplate &needs) {
  View shown = view_of(entry);
  const View plain = shown;
  if (uses(needs, "line"))
    shown.values["line"] = kind.line.render(plain);
  if (uses(needs, "saved"))
    shown.values["saved"] = kind.saved.render(plain);
  return shown;
}

} // namespace

View shown_lists(const Description &description, const Configuration &configuration, const TextTemplate &needs,
                 const std::pair<std::string, std::string> &only) {
  View view;
  for (const auto &[name, kind] : description.lists) {
    std::vector<View> lists;
    const auto all = configuration.lists.find(name);
    if (!uses(needs, name) || all == configuration.lists.end()) {
      view.values[name] = lists;
      continue;
    }
    for (const auto &[its_name, list] : all->second) {
      if (only.first == name && !only.second.empty() && only.second != its_name)
        continue;
      View shown = view_of(list.notes);
      std::vector<View> entries;
      std::size_t index = 0;
      for (const Entry &entry : list.entries) {
        entries.push_back(shown_entry(kind, entry, needs));
        entries.back().values["index"] = std::to_string(index++);
        entries.back().values["place"] = std::to_string(index);
        entries.back().values["last_one"] = index == list.entries.size();
      }
      shown.values["name"] = its_name;
      shown.values["count"] = std::to_string(entries.size());
      shown.values["used"] = configuration.in_use(name, its_name);
      shown.values["entries"] = std::move(entries);
      lists.push_back(std::move(shown));
    }
    view.values[name] = std::move(lists);
  }
  return view;
}

Shell::Shell(Emulated &device, const Fields &login, Origin origin) : device_(device), origin_(origin) {
  const Description &description = device_.description();
  values_ = description.values;
  for (const auto &[name, text] : device_.variant().values)
    values_[name] = text;
  for (const auto &[name, text] : login)
    values_[name] = text;
  mode_ = origin == Origin::Console ? description.types : description.start;
}

Shell::~Shell() { discard(); }

void Shell::greet() { run(device_.description().greeting, {}); }

const std::string &Shell::value(const std::string &name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nothing : found->second;
}

View Shell::view(const Fields &groups) const {
  View view = view_of(device_.running.settings);
  const auto lay = [&](const Fields &fields) {
    for (const auto &[name, text] : fields)
      view.values[name] = text;
  };
  lay(values_);
  lay(context_);
  const std::string &hostname = device_.variant().hostname;
  const std::size_t here = device_.description().modes.at(mode_).short_name, cut = here == 0 ? device_.description().short_name : here;
  view.values["hostname"] = hostname;
  view.values["short"] = cut == 0 ? hostname : hostname.substr(0, cut);
  view.values["mode"] = mode_;
  view.values["list"] = list_;
  view.values["typed"] = line_;
  view.values["commands"] = std::to_string(commands_);
  view.values["holder"] = device_.lock;
  view.values["timer"] = device_.timer_runs();
  view.values["console"] = origin_ == Origin::Console;
  view.values["candidate"] = target_ != Target::Running;
  view.values["pending"] = std::to_string(device_.named.size());
  lay(groups); // last: what the line says goes before all
  return view;
}

// Whole configurations are compared for these two: only where somebody asks.
std::string Shell::rendered(const TextTemplate &form, const Fields &groups) const {
  View all = view(groups);
  if (uses(form, "dirty"))
    all.values["dirty"] = dirty();
  if (uses(form, "unsaved"))
    all.values["unsaved"] = !(device_.running == device_.startup);
  return form.render(all);
}

bool Shell::truth(const std::string &name, const Fields &groups) const {
  const bool turned = !name.empty() && name.front() == '!';
  const std::string asked = turned ? name.substr(1) : name;
  if (asked == "dirty" || asked == "unsaved")
    return (asked == "dirty" ? dirty() : !(device_.running == device_.startup)) != turned;
  const View all = view(groups);
  const auto found = all.values.find(asked);
  bool truth = false;
  if (found != all.values.end()) {
    const auto *text = std::get_if<std::string>(&found->second);
    truth = text != nullptr ? !text->empty() : std::get<bool>(found->second);
  }
  return truth != turned;
}

std::string Shell::text(const Action &action, const char *key, const Fields &groups) const {
  const auto found = action.texts.find(key);
  return found == action.texts.end() ? std::string() : rendered(found->second, groups);
}

std::string Shell::prompt() const {
  if (asked_)
    return asked_->question;
  return rendered(device_.description().modes.at(mode_).prompt, {});
}

void Shell::take(const std::string &line) {
  if (asked_) {
    answer(line);
    return;
  }
  pages_ = true;
  const std::string &joins = device_.description().joins;
  std::string rest = line;
  for (std::size_t at = joins.empty() ? std::string::npos : rest.find(joins); at != std::string::npos; at = rest.find(joins)) {
    command(rest.substr(0, at));
    rest.erase(0, at + joins.size());
  }
  command(rest);
}

void Shell::command(std::string line) {
  line_ = tidy(line);
  if (line_.empty())
    return;
  if (origin_ == Origin::Network) {
    device_.saw(mode_, line);
    if (const auto fault = device_.strikes(Fault::Counts::Lines, line_)) {
      if (fault->kind == Fault::Kind::Meanwhile)
        device_.type(fault->words);
      else
        wish_ = fault->kind == Fault::Kind::Hang ? Wish::Hang : Wish::Lose;
    }
    if (wish_ != Wish::Nothing)
      return;
  }
  ++commands_;
  const Description &description = device_.description();
  std::vector<const Pipe *> pipes;
  std::vector<std::string> texts;
  std::string bare = line_;
  const std::string sign = " " + description.pipe_sign + " ";
  for (std::size_t at = bare.rfind(sign); !description.pipes.empty() && at != std::string::npos; at = bare.rfind(sign)) {
    const std::string filter = bare.substr(at + sign.size());
    const auto found = std::find_if(description.pipes.begin(), description.pipes.end(),
                                    [&](const Pipe &pipe) { return pipe.like.match(filter).has_value(); });
    if (found == description.pipes.end())
      break; // the rest is the rules' to know
    const auto match = found->like.match(filter);
    pipes.insert(pipes.begin(), &*found);
    texts.insert(texts.begin(), std::string(match->group("text").value_or("")));
    bare.resize(at);
  }
  const std::string before = take_reply();
  for (std::string mode = mode_;; mode = description.modes.at(mode).inside) {
    if (run_rule(mode, bare))
      break;
    const Mode &here = description.modes.at(mode);
    if (!here.inherits || here.inside.empty()) {
      unknown(bare);
      break;
    }
  }
  reply_ = before + piped(std::move(reply_), pipes, texts);
}

namespace {

// `list=x comment="a b"` as fields; a blank inside quotes parts nothing. Nothing when a name is not known.
std::optional<Fields> attributes_of(const std::string &text, const std::set<std::string> &known) {
  static const Pattern one(R"re((?P<name>[a-z0-9-]+)=(?:"(?P<quoted>[^"]*)"|(?P<plain>[^" ]*))(?: |$))re");
  Fields fields;
  std::size_t taken = 0;
  for (const auto &match : one.all(text)) {
    std::string name(*match.group("name"));
    if (known.count(name) == 0)
      return std::nullopt;
    std::replace(name.begin(), name.end(), '-', '_');
    fields[name] = std::string(match.group("quoted").value_or(match.group("plain").value_or("")));
    taken += match.whole.size();
  }
  return taken == text.size() ? std::optional(fields) : std::nullopt;
}

} // namespace

bool Shell::run_rule(const std::string &mode, const std::string &line) {
  for (const std::string &other : device_.description().modes.at(mode).also)
    if (run_rule_of(other, mode, line))
      return true;
  return run_rule_of(mode, mode, line);
}

bool Shell::run_rule_of(const std::string &owner, const std::string &mode, const std::string &line) {
  for (const Rule &rule : device_.description().modes.at(owner).rules)
    for (const Pattern &pattern : rule.lines) {
      const auto match = pattern.match(line);
      if (!match)
        continue;
      Fields groups;
      for (const std::string &name : pattern.groups())
        groups[name] = std::string(match->group(name).value_or("")); // empty: not what an earlier line said
      for (const std::string &name : rule.attributes) {
        std::string field = name;
        std::replace(field.begin(), field.end(), '-', '_');
        groups.try_emplace(field, "");
      }
      if (!rule.attributes.empty()) {
        const auto said = attributes_of(groups["attributes"], rule.attributes);
        if (!said)
          continue;
        for (const auto &[name, text] : *said)
          groups[name] = text;
      }
      if (!rule.when.empty() && !truth(rule.when, groups))
        continue;
      if (mode != mode_)
        enter(mode, {});
      rule_ = &rule;
      run(rule.actions, groups);
      return true;
    }
  return false;
}

void Shell::unknown(const std::string &line) {
  // The caret stands under the first word that no rule begins with.
  std::size_t known = 0;
  for (const Rule &rule : device_.description().modes.at(mode_).rules) {
    const auto [a, b] = std::mismatch(line.begin(), line.end(), rule.head.begin(), rule.head.end());
    known = std::max(known, static_cast<std::size_t>(a - line.begin()));
  }
  while (known != 0 && known < line.size() && line[known - 1] != ' ')
    --known;
  rule_ = nullptr;
  const std::string shown = prompt();
  const std::size_t last = shown.rfind('\n');
  const std::size_t before = last == std::string::npos ? shown.size() : shown.size() - last - 1;
  object("unknown", {}, {}, {{"caret", std::string(before + std::min(known, line.size() - 1), ' ')}, {"word", line.substr(known)}});
}

std::string Shell::piped(std::string reply, const std::vector<const Pipe *> &pipes, const std::vector<std::string> &texts) const {
  using Does = Pipe::Does;
  for (std::size_t i = 0; i < pipes.size(); ++i) {
    if (pipes[i]->does == Does::NoPager) {
      const_cast<Shell *>(this)->pages_ = false;
      continue;
    }
    Pattern wanted;
    try {
      wanted = Pattern(texts[i]);
    } catch (const Error &) {
      wanted = Pattern(Pattern::quoted(texts[i]));
    }
    std::string out;
    bool on = false;
    std::size_t count = 0;
    for (std::size_t from = 0; from < reply.size();) {
      std::size_t end = reply.find('\n', from);
      end = end == std::string::npos ? reply.size() : end;
      const std::string line = reply.substr(from, end - from);
      from = end + 1;
      const bool found = wanted.found_in(line);
      if (pipes[i]->does == Does::Section)
        on = found || (on && !line.empty() && line.front() == ' ');
      else if (pipes[i]->does == Does::Begin)
        on = on || found;
      else
        on = found != (pipes[i]->does == Does::Drop);
      count += on ? 1 : 0;
      if (on)
        out += line + "\n";
    }
    reply = pipes[i]->does == Does::Count ? fmt::format("Count: {} lines\n", count) : out;
  }
  return reply;
}

void Shell::answer(const std::string &line) {
  const Asked asked = std::move(*asked_);
  asked_.reset();
  rule_ = asked.rule;
  if (asked.action->verb == Verb::Secret) {
    if (line == asked.secret) {
      run(asked.action->then, asked.groups);
    } else if (asked.tries > 1) {
      asked_ = asked;
      --asked_->tries;
    } else {
      run(asked.action->otherwise, asked.groups);
    }
    return;
  }
  const std::string said = tidy(line);
  if (origin_ == Origin::Network)
    device_.saw("?", line);
  Fields groups = asked.groups;
  for (const Answer &answer : asked.action->answers)
    if (const auto match = answer.like.match(said)) {
      for (const std::string &name : answer.like.groups())
        if (const auto text = match->group(name))
          groups[name] = std::string(*text);
      run(answer.then, groups);
      return;
    }
  run(asked.action->otherwise, groups);
}

} // namespace banpush::lab
