#include "core/reading/collector.hpp"

#include "core/policy/policy.hpp"

#include <algorithm>
#include <charconv>

namespace banpush {

namespace {

bool is_ordered(const Read &read) {
  const auto says = [](const Pattern &pattern) { return pattern.has_group("permit") || pattern.has_group("terminal"); };
  return !read.terminal.empty() || std::any_of(read.entry.begin(), read.entry.end(), says) ||
         std::any_of(read.shapes.begin(), read.shapes.end(),
                     [](const Shape &shape) { return shape.count("permit") + shape.count("terminal") != 0; });
}

bool tells_block(const Pieces &pieces) { return pieces("prefix") || pieces("slug") || pieces("address") || pieces("first"); }

// Wider than anything that is ever sent.
bool is_too_wide(const Prefix &prefix) { return prefix.length() < (prefix.family() == Family::IPv4 ? widest4 : widest6); }

} // namespace

std::optional<std::uint64_t> whole_number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

Collector::Collector(const Driver &driver, const Read &read, const Values &values) : driver_(driver), read_(read) {
  for (const std::string &key : read.lists) {
    ListState state;
    state.list = key;
    found_.lists.push_back(std::move(state));
    const auto value = values.find(key);
    names_[value == values.end() ? key : value->second] = key;
  }
}

std::string Collector::key_of(std::string_view name) const {
  const auto key = names_.find(std::string(name));
  return key == names_.end() ? std::string() : key->second;
}

ListState &Collector::state(const std::string &key) {
  return *std::find_if(found_.lists.begin(), found_.lists.end(), [&](const ListState &state) { return state.list == key; });
}

void Collector::entry(const Pieces &shown, std::string list, std::string_view text, const std::string &why_not) {
  const Pieces pieces = in_our_words(driver_, shown);
  if (pieces("terminal")) {
    terminal(list, pieces("number"), text);
    return;
  }
  const EntryText read = entry_of(pieces);
  if (const auto named = pieces("list"); named && list.empty())
    list = key_of(*named);
  const Prefix *prefix = read.block ? &read.block->prefix : read.covers ? &*read.covers : nullptr;
  if (list.empty() && prefix != nullptr)
    list = list_of(*prefix, read.block ? read.block->service : Service{});
  const Owner owner = list.empty() || !read.block ? Owner::Others : owner_of(pieces, list, read.block->prefix);
  if (owner == Owner::Others) {
    foreign(list, text, read, pieces);
    return;
  }
  Entry entry;
  entry.block = *read.block;
  entry.list = list;
  if (const auto number = pieces("number"))
    entry.number = std::string(*number);
  if (const auto hits = pieces("hits"))
    entry.hits = whole_number_in(*hits).value_or(0);
  entry.why_not = why_not;
  entry.in_force = why_not.empty();
  if (owner == Owner::Ours) {
    rule(list, {Rule::Says::Ours, whole_number_in(entry.number), found_.entries.size(), {}, {}});
    found_.entries.push_back(std::move(entry));
    return;
  }
  rule(list, {Rule::Says::Maybe, whole_number_in(entry.number), found_.foreign.size(), {}, {}});
  found_.foreign.push_back({list, std::string(text), read.covers, read.around, std::move(entry)});
}

void Collector::unknown(const std::string &list, std::string_view text, std::optional<std::string_view> number) {
  rule(list, {Rule::Says::Unknown, number ? whole_number_in(*number) : std::nullopt, found_.foreign.size(), {}, std::string(text)});
  found_.foreign.push_back({list, std::string(text), {}});
}

void Collector::terminal(const std::string &list, std::optional<std::string_view> number, std::string_view text) {
  rule(list, {Rule::Says::PermitsAll, number ? whole_number_in(*number) : std::nullopt, 0, {}, std::string(text)});
}

Installed Collector::finish() && {
  for (auto &[list, rules] : rules_) {
    if (driver_.list(list)->specific_first)
      put_specific_first(rules);
    if (driver_.list(list)->permits_first)
      std::stable_partition(rules.begin(), rules.end(), [](const Rule &rule) { return rule.says == Rule::Says::Permits; });
    found_ = in_order(std::move(found_), list, std::move(rules));
  }
  std::stable_sort(found_.entries.begin(), found_.entries.end(), [](const Entry &a, const Entry &b) { return a.block < b.block; });
  return std::move(found_);
}

// What cannot be told may be as specific as can be.
void Collector::put_specific_first(std::vector<Rule> &rules) const {
  constexpr unsigned most_specific = 128;
  const auto length = [this](const Rule &rule) {
    if (rule.says == Rule::Says::Ours)
      return found_.entries[rule.item].block.prefix.length();
    const bool is_item = rule.says != Rule::Says::Permits && rule.says != Rule::Says::PermitsAll;
    const std::optional<Prefix> &prefix = is_item ? found_.foreign[rule.item].around : rule.source;
    return prefix ? prefix->length() : most_specific;
  };
  std::stable_sort(rules.begin(), rules.end(), [&](const Rule &a, const Rule &b) { return length(a) > length(b); });
}

std::string Collector::list_of(const Prefix &prefix, const Service &service) const {
  for (const std::string &key : read_.lists) {
    const List *list = driver_.list(key);
    const bool family = std::find(list->families.begin(), list->families.end(), prefix.family()) != list->families.end();
    if (family && (prefix.is_host() ? list->hosts : list->nets) && (service.is_any() || list->services))
      return key;
  }
  return {};
}

// Lists partition blocks: what banpush would have put elsewhere is not ours.
bool Collector::may_hold(const std::string &key, const Prefix &prefix) const {
  const List *list = driver_.list(key);
  return (prefix.is_host() ? list->hosts : list->nets) &&
         std::find(list->families.begin(), list->families.end(), prefix.family()) != list->families.end();
}

Collector::Owner Collector::owner_of(const Pieces &pieces, const std::string &key, const Prefix &prefix) const {
  if (pieces("foreign") || pieces("placeholder") || pieces("permit") || pieces("deny") || !may_hold(key, prefix))
    return Owner::Others;
  if (is_too_wide(prefix))
    return Owner::Others;
  if (!read_.ours_at.empty()) {
    const auto mark = pieces(read_.ours_at);
    if (!mark || !read_.ours_like.found_in(*mark))
      return Owner::Others;
  }
  const List *list = driver_.list(key);
  if (!list->numbers)
    return Owner::Ours;
  const auto number = pieces("number");
  const auto value = number ? whole_number_in(*number) : std::nullopt;
  if (value && *value >= list->numbers->from && *value <= list->numbers->to)
    return Owner::Ours;
  // Counting anew begins at the low end: what lies behind the range was put there.
  return list->renumbers && (!value || *value < list->numbers->from) ? Owner::IfKnown : Owner::Others;
}

void Collector::foreign(const std::string &list, std::string_view text, const EntryText &read, const Pieces &pieces) {
  const auto shown_number = pieces("number");
  Rule made{Rule::Says::Denies, shown_number ? whole_number_in(*shown_number) : std::nullopt, found_.foreign.size(), {}, std::string(text)};
  std::optional<Prefix> covers = read.covers;
  if (pieces("permit")) {
    covers.reset();
    made.source = read.around;
    made.says = read.around || pieces("any_source") ? Rule::Says::Permits : Rule::Says::Unknown;
  } else if (!pieces("deny") && !tells_block(pieces)) {
    made.says = Rule::Says::Unknown;
  } else if (covers && is_too_wide(*covers)) {
    covers.reset(); // a list that denies everything holds no ban
  }
  rule(list, std::move(made));
  found_.foreign.push_back({list, std::string(text), covers, read.around, {}, pieces("placeholder").has_value()});
}

// Order means something only where the driver says what lets everything, or something, through.
void Collector::rule(const std::string &list, Rule made) {
  if (!list.empty() && (driver_.list(list)->numbers || is_ordered(read_)))
    rules_[list].push_back(std::move(made));
}

} // namespace banpush
