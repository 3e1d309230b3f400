#include "app/state/condition.hpp"

#include "app/words/report.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr const char *unreachable = "unreachable", *login = "login", *failing = "failing", *unconfirmed = "unconfirmed",
                     *unsaved = "unsaved", *renamed = "renamed";
// By kind, in its order.
constexpr std::array<const char *, 7> kinds{"attempt", "left", "list", "holds", "refuses", "passes", "service"};
const std::string list_prefix = "list ";

const char *failure_name(const DeviceReport &report) {
  if (report.kind == ErrorKind::Connect)
    return unreachable;
  return report.kind == ErrorKind::Auth ? login : failing;
}

const Condition *find(const std::vector<Condition> &all, const std::string &name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Condition &one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

void add_lists(std::vector<Condition> &conditions, const DeviceReport &report) {
  const auto is = [](const ListState &list) {
    if (!list.stands)
      return "does not exist on the device";
    return list.unbound ? "is not in force, what it holds blocks nobody" : "is not in force, what it holds may block nobody";
  };
  for (const ListState &list : report.plan->installed.lists)
    if (!list.stands || !list.in_force)
      conditions.push_back(
          {list_prefix + list.list,
           fmt::format("list {} {}: {}; `banpush setup {}` shows what the device lacks", list.list, is(list), list.why_not, report.device),
           Condition::Kind::List});
}

Condition::Kind kind_of(GuardNote::Effect effect) {
  switch (effect) {
  case GuardNote::Effect::Refuses: return Condition::Kind::Refuses;
  case GuardNote::Effect::Passes: return Condition::Kind::Passes;
  case GuardNote::Effect::Holds: break;
  }
  return Condition::Kind::Holds;
}

void add_guards(std::vector<Condition> &conditions, const DeviceReport &report) {
  for (const GuardNote &note : report.plan->guards) {
    if (note.name == "in_force" || note.name == "moved" || find(conditions, note.name) != nullptr)
      continue; // of a list, and said of it; of somebody's saved plan, and no matter of the device
    conditions.push_back({note.name, said_of(note, report.device), kind_of(note.effect)});
  }
}

bool is_of_a_list(const Condition &condition) { return condition.kind == Condition::Kind::List; }

News begin_of(const Condition &begun) {
  if (begun.name == unreachable)
    return {Event::DeviceUnreachable, begun.text};
  if (begun.name == login)
    return {Event::DeviceLoginFailed, begun.text};
  if (begun.name == failing)
    return {Event::DeviceFailed, begun.text};
  if (begun.name == unsaved)
    return {Event::DeviceUnsaved, begun.text};
  if (begun.name == renamed)
    return {Event::DeviceRenamed, begun.text};
  if (begun.name == unconfirmed)
    return {Event::DeviceUnconfirmed, begun.text};
  if (is_of_a_list(begun))
    return {Event::ListNotInForce, begun.text, begun.name.substr(list_prefix.size())};
  return {Event::GuardHolds, begun.text, begun.name};
}

News end_of(const Condition &over) {
  if (over.name == unreachable || over.name == failing)
    return {Event::DeviceAnswers, "answers again"};
  if (over.name == login)
    return {Event::DeviceAnswers, "lets us log in again"};
  if (over.name == unsaved)
    return {Event::DeviceSaved, "saved"};
  if (over.name == renamed)
    return {Event::DeviceNamedAgain, "calls itself as it did at the login"};
  if (over.name == unconfirmed)
    return {Event::DeviceSettled, "no change waits to be confirmed any more"};
  if (is_of_a_list(over))
    return {Event::ListInForce, over.name + " exists and is in force again", over.name.substr(list_prefix.size())};
  if (over.kind == Condition::Kind::Passes)
    return {Event::GuardReleased, "no earlier rule of somebody else lets packets past its entries any more", over.name};
  return {Event::GuardReleased, fmt::format("{} holds nothing any more", over.name), over.name};
}

} // namespace

const char *word(Condition::Kind kind) noexcept { return kinds.at(static_cast<std::size_t>(kind)); }

Condition::Kind condition_kind(std::string_view word) noexcept {
  const auto found = std::find(kinds.begin(), kinds.end(), word);
  return found == kinds.end() ? Condition::Kind::Holds : static_cast<Condition::Kind>(found - kinds.begin());
}

bool is_of_the_attempt(const std::string &name) { return name == unreachable || name == login || name == failing; }

std::vector<Condition> conditions_after(const DeviceReport &report, const std::vector<Condition> &before) {
  std::vector<Condition> now;
  if (report.outcome == Outcome::Failed && report.error != report.unconfirmed)
    now.push_back({failure_name(report), report.error, Condition::Kind::Attempt});
  if (!report.unconfirmed.empty())
    now.push_back({unconfirmed, report.unconfirmed, Condition::Kind::Left});
  if (!report.unsaved.empty())
    now.push_back({unsaved, report.unsaved, Condition::Kind::Left});
  if (!report.renamed.empty())
    now.push_back({renamed, report.renamed, Condition::Kind::Left});
  if (report.plan) {
    add_lists(now, report);
    add_guards(now, report);
    return now;
  }
  // What waits to be saved or confirmed is remembered elsewhere, and said anew by each attempt. One that was not made, because
  // of a pause or of what waits to be confirmed, tells nothing of whether the device answers.
  const bool was_made = !report.paused && (report.unconfirmed.empty() || report.error != report.unconfirmed);
  for (const Condition &one : before)
    if (one.name != unsaved && one.name != unconfirmed && !(was_made && is_of_the_attempt(one.name)))
      now.push_back(one);
  return now;
}

std::vector<News> news(const std::vector<Condition> &before, const std::vector<Condition> &now) {
  std::vector<News> lines;
  const bool fails = std::any_of(now.begin(), now.end(), [](const Condition &one) { return is_of_the_attempt(one.name); });
  for (const Condition &one : before)
    if (find(now, one.name) == nullptr && !(fails && is_of_the_attempt(one.name)))
      lines.push_back(end_of(one));
  for (const Condition &one : now) {
    const Condition *was = find(before, one.name);
    if (was == nullptr || (is_of_the_attempt(one.name) && was->text != one.text))
      lines.push_back(begin_of(one));
  }
  return lines;
}

} // namespace banpush
