#include "core/reading/used_lists.hpp"

#include "core/driver/text_template.hpp"
#include "core/driver/values.hpp"

#include <algorithm>

namespace banpush {

namespace {

using Names = std::set<std::string>;

bool mentions(const std::string &text, const Names &lists) {
  return std::any_of(lists.begin(), lists.end(),
                     [&](const std::string &list) { return text.find("{{" + list + "}}") != std::string::npos; });
}

template <typename Asking>
bool asks_for(const Asking &asking, const Names &lists) {
  return mentions(asking.send, lists) ||
         std::any_of(asking.run.begin(), asking.run.end(), [&](const std::string &word) { return mentions(word, lists); });
}

bool holds(const Driver &driver, Family family, const Names &but) {
  return std::any_of(driver.lists.begin(), driver.lists.end(), [&](const List &list) {
    return but.count(list.name) == 0 && std::find(list.families.begin(), list.families.end(), family) != list.families.end();
  });
}

bool is_about(const Driver &driver, const Fact &fact, const Names &lists) {
  if (fact.family)
    return !holds(driver, *fact.family, lists);
  return asks_for(fact, lists) || mentions(fact.holds.text(), lists);
}

bool is_about(const Check &check, const Names &lists) {
  const auto named = [&](const Pattern &pattern) { return mentions(pattern.text(), lists); };
  return asks_for(check, lists) || std::any_of(check.holds.begin(), check.holds.end(), named) ||
         std::any_of(check.lacks.begin(), check.lacks.end(), named);
}

// What is about lists is gone with the last of them.
template <typename Item>
void take_out(std::vector<Item> &items, const Names &lists) {
  std::erase_if(items, [&](Item &item) {
    return std::erase_if(item.lists, [&](const std::string &list) { return lists.count(list) != 0; }) != 0 && item.lists.empty();
  });
}

} // namespace

std::set<std::string> lists_without(const Driver &driver, const std::set<Family> &families) {
  Names names;
  for (const List &list : driver.lists)
    if (std::none_of(list.families.begin(), list.families.end(), [&](Family family) { return families.count(family) != 0; }))
      names.insert(list.name);
  return names;
}

Driver without_lists(Driver driver, const std::set<std::string> &lists) {
  if (lists.empty())
    return driver;
  std::erase_if(driver.facts, [&](const Fact &fact) { return is_about(driver, fact, lists); });
  std::erase_if(driver.checks, [&](const Check &check) { return is_about(check, lists); });
  std::erase_if(driver.lists, [&](const List &list) { return lists.count(list.name) != 0; });
  take_out(driver.reads, lists);
  take_out(driver.in_force, lists);
  for (auto &[stage, parts] : driver.stages)
    take_out(parts, lists);
  return driver;
}

Facts with_unused(Facts facts, const std::set<std::string> &lists, Stage stage) {
  for (const std::string &list : lists)
    for (const char *state : {"_stands", "_in_force", "_first", "_permits", "_foreign"})
      facts.values[list + state] = stage == Stage::Setup && state != std::string_view("_foreign") ? "yes" : "";
  return facts;
}

std::vector<std::string> refusals_to_read(const Driver &driver, const Values &values, const Facts &facts) {
  Values names = values;
  for (const auto &[name, value] : facts.values)
    names[name] = value;
  std::vector<std::string> texts;
  for (const Refusal &refusal : driver.refuse)
    if (refusal.before == "reading" &&
        std::all_of(refusal.when.begin(), refusal.when.end(), [&](const std::string &when) { return holds(when, values, facts); }))
      texts.push_back(expand(refusal.says, names));
  return texts;
}

} // namespace banpush
