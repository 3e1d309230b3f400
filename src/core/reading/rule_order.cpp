#include "core/reading/rule_order.hpp"

#include "core/bans/ban.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

namespace {

std::string shown_rule(const std::string &text) { return shown(text.substr(std::min(text.find_first_not_of(" \t"), text.size())), 100); }

// Walks the rules of one list, the first to apply first.
class Walk {
public:
  Walk(Installed &found, ListState &state) : found_(found), state_(state) {}

  void meet(Rule &rule) {
    if (rule.says != Rule::Says::Ours && rule.number)
      state_.taken.push_back(*rule.number);
    switch (rule.says) {
    case Rule::Says::Ours: place(found_.entries[rule.item]); break;
    case Rule::Says::Maybe:
      place(*found_.foreign[rule.item].maybe);
      give_way(found_.foreign[rule.item]);
      break;
    case Rule::Says::Denies: give_way(found_.foreign[rule.item]); break;
    case Rule::Says::Permits:
      if (state_.terminals == 0)
        state_.permits.push_back({rule.number, rule.source, std::move(rule.text)});
      break;
    case Rule::Says::PermitsAll: end(rule); break;
    case Rule::Says::Unknown:
      if (unclear_.empty())
        unclear_ = shown_rule(rule.text);
      break;
    }
  }

  void finish() {
    if (in_doubt_ != 0)
      state_.doubts.push_back(fmt::format("cannot tell whether {} {}: an earlier rule may let packets through ({})", in_doubt_,
                                          in_doubt_ == 1 ? "entry of ours blocks all it should" : "entries of ours block all they should",
                                          unclear_));
    if (state_.terminals > 1 && state_.terminal)
      state_.doubts.push_back(fmt::format("{} rules permit everything: nothing behind the first{} is in force", state_.terminals,
                                          state_.terminal ? fmt::format(" ({})", *state_.terminal) : std::string()));
  }

private:
  const Permit *first_permit(const Prefix &prefix) const {
    const auto permit = std::find_if(state_.permits.begin(), state_.permits.end(), [&](const Permit &one) { return one.meets(prefix); });
    return permit == state_.permits.end() ? nullptr : &*permit;
  }

  void place(Entry &entry) {
    if (!entry.in_force)
      return;
    entry.behind = state_.permits.size();
    if (state_.terminals != 0) {
      entry.in_force = false;
      entry.why_not =
          state_.terminal ? fmt::format("behind the terminal entry ({})", *state_.terminal) : std::string("behind the terminal entry");
    } else if (const Permit *permit = first_permit(entry.block.prefix)) {
      entry.in_force = false;
      entry.shadowed = true;
      entry.why_not = why_shadowed(*permit, entry.block.prefix);
    } else if (!unclear_.empty()) {
      ++in_doubt_;
    }
  }

  // What somebody else's entry blocks is blocked only where nothing before it decides otherwise.
  void give_way(Foreign &foreign) const {
    const auto passes = [&](const Permit &permit) { return !permit.source || permit.source->contains(*foreign.covers); };
    if (foreign.covers && (state_.terminals != 0 || std::any_of(state_.permits.begin(), state_.permits.end(), passes)))
      foreign.covers.reset();
  }

  void end(const Rule &rule) {
    if (state_.terminals++ == 0)
      state_.terminal = rule.number;
  }

  Installed &found_;
  ListState &state_;
  std::string unclear_; // the first rule that cannot be told
  std::size_t in_doubt_ = 0;
};

} // namespace

std::string why_shadowed(const Permit &permit, const Prefix &prefix) {
  const bool whole = !permit.source || permit.source->contains(prefix);
  return fmt::format("an earlier rule lets {} through ({})", whole ? "it" : "a part of it", shown_rule(permit.text));
}

Installed in_order(Installed found, const std::string &list, std::vector<Rule> rules) {
  const auto state = std::find_if(found.lists.begin(), found.lists.end(), [&](const ListState &one) { return one.list == list; });
  if (state == found.lists.end())
    return found;
  if (std::all_of(rules.begin(), rules.end(), [](const Rule &rule) { return rule.number.has_value(); }))
    std::stable_sort(rules.begin(), rules.end(), [](const Rule &a, const Rule &b) { return a.number < b.number; });
  Walk walk(found, *state);
  for (Rule &rule : rules)
    walk.meet(rule);
  walk.finish();
  return found;
}

} // namespace banpush
