#include "core/digest.hpp"
#include "core/plan.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

namespace banpush {

namespace {

// Gives numbers in one list: never one that is in use, never at or behind the terminal entry.
class Numbers {
public:
  // `movable`: the driver can move the terminal entry behind the range.
  Numbers(const List &list, const Installed &installed, bool movable) : range_(*list.numbers), name_(list.name), movable_(movable) {
    for (const Entry &entry : installed.entries)
      if (entry.list == list.name)
        take(entry.number);
    if (const ListState *state = installed.state(list.name)) {
      used_.insert(state->taken.begin(), state->taken.end());
      terminal_ = state->terminal;
      end_ = terminal_.value_or(end_);
    }
    end_ = std::min(end_, range_.to + 1);
    next_ = range_.from;
    last_ = end_;
  }

  // The next free one on the grid of `step`; off the grid, and below `from`, when the grid is full; behind the
  // terminal entry, which then has to move, when there is none below it.
  std::string give() {
    for (; next_ < end_; next_ += range_.step)
      if (used_.insert(next_).second)
        return std::to_string(next_);
    while (last_ > 1) {
      --last_;
      if (last_ < end_ && used_.insert(last_).second)
        return std::to_string(last_);
    }
    if (movable_ && terminal_ && *terminal_ <= range_.to && !renumbering_) {
      renumbering_ = Renumbering{name_, std::to_string(*terminal_), std::to_string(range_.to + 1)};
      last_ = end_ = range_.to + 1;
      return give();
    }
    throw Error(ErrorKind::Device, fmt::format("list {}: no number is free below the terminal entry ({})", name_, end_));
  }

  const std::optional<Renumbering> &renumbering() const noexcept { return renumbering_; }

private:
  void take(const std::string &text) {
    std::uint64_t value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{})
      used_.insert(value);
  }

  List::Numbers range_;
  std::string name_;
  std::set<std::uint64_t> used_;
  std::uint64_t end_ = std::numeric_limits<std::uint64_t>::max(), next_ = 1;
  std::uint64_t last_;
  std::optional<std::uint64_t> terminal_;
  bool movable_;
  std::optional<Renumbering> renumbering_;
};

std::string reason_of(Verdict verdict) {
  switch (verdict) {
  case Verdict::Wanted: return "not wanted on this device";
  case Verdict::Expired: return "its time has run out";
  case Verdict::Unbanned: return "unbanned";
  case Verdict::Ignored: return "filtered by policy";
  case Verdict::NoQuorum: return "not enough reports for the quorum";
  case Verdict::Future: return "dated in the future";
  case Verdict::Allowed: return "allowed";
  case Verdict::Protected: return "protected";
  case Verdict::Reserved: return "reserved address space";
  case Verdict::TooShort: return "wider than the shortest prefix";
  case Verdict::Covered: return "covered by a wider entry";
  case Verdict::OverBudget: return "over the budget";
  case Verdict::Foreign: return "held by an entry of somebody else";
  case Verdict::NotHeld: return "no list of the driver holds it";
  case Verdict::Held: return "held back";
  case Verdict::Absent: return "no row of the table names it";
  }
  return "?";
}

// What selection left out, to tell why an entry that policy wants has no place here any more.
class NoPlace {
public:
  explicit NoPlace(const Selection &selection) : selection_(selection) {}

  std::string why(const Prefix &prefix) {
    if (!known_) {
      known_.emplace();
      for (const LeftOut &one : selection_.left_out)
        known_->emplace(one.prefix, &one);
    }
    const auto found = known_->find(prefix);
    if (found == known_->end())
      return reason_of(Verdict::Wanted);
    return found->second->verdict == Verdict::OverBudget ? "over the budget: others are worth more" : found->second->reason;
  }

private:
  const Selection &selection_;
  std::optional<std::map<Prefix, const LeftOut *>> known_; // made when it is first asked
};

bool usable(const Installed &installed, const std::string &list) {
  const ListState *state = installed.state(list);
  return state == nullptr || (state->stands && state->in_force);
}

Removal removal(const Entry &entry, std::string reason, bool explained) {
  Removal made;
  made.block = entry.block;
  made.list = entry.list;
  made.number = entry.number;
  made.reason = std::move(reason);
  made.explained = explained;
  return made;
}

// Repairing an entry by removing and adding it again works where the two cannot undo each other.
bool repairs_by_both(const Driver &driver, const std::string &list) { return !driver.add_first || driver.list(list)->numbers.has_value(); }

} // namespace

Difference diff(const Driver &driver, const Selection &selection, const Bans &bans, const Candidates &candidates,
                const Installed &installed) {
  Difference difference;
  std::map<std::string, std::size_t> out_of_use;
  std::set<std::pair<Block, std::string>> standing; // in force, seen once: a second one of the same is surplus
  std::set<std::pair<Block, std::string>> wanted;
  for (const Wanted &one : selection.wanted)
    wanted.insert({one.candidate.block, one.list});

  NoPlace no_place(selection);
  for (const Entry &entry : installed.entries) {
    if (!usable(installed, entry.list)) {
      ++out_of_use[entry.list];
      continue;
    }
    const bool is_wanted = wanted.count({entry.block, entry.list}) != 0;
    if (is_wanted && entry.in_force && standing.insert({entry.block, entry.list}).second)
      continue;
    if (is_wanted && entry.in_force) {
      difference.change.remove.push_back(removal(entry, "there twice", true));
    } else if (is_wanted) {
      if (repairs_by_both(driver, entry.list))
        difference.change.remove.push_back(removal(entry, "not in force: " + entry.why_not, true));
    } else {
      const Verdict verdict = candidates.verdict(entry.block.prefix);
      difference.change.remove.push_back(
          removal(entry, verdict == Verdict::Wanted ? no_place.why(entry.block.prefix) : reason_of(verdict), explains(verdict)));
    }
  }

  std::map<std::string, Numbers> numbers;
  std::map<std::string, std::size_t> held;
  for (const Wanted &one : selection.wanted) {
    if (!usable(installed, one.list)) {
      ++held[one.list];
      continue;
    }
    if (standing.count({one.candidate.block, one.list}) != 0)
      continue;
    Addition addition;
    addition.block = one.candidate.block;
    addition.list = one.list;
    if (const List *list = driver.list(one.list); list->numbers)
      addition.number = numbers.try_emplace(one.list, *list, installed, driver.has(Stage::Renumber)).first->second.give();
    addition.jail = one.candidate.bans == 0 ? std::string() : bans.name(one.candidate.jail);
    addition.count = one.candidate.bans;
    addition.until = one.candidate.until;
    difference.change.add.push_back(std::move(addition));
  }

  for (const auto &[name, given] : numbers)
    if (given.renumbering())
      difference.change.renumber.push_back(*given.renumbering());

  for (const ListState &state : installed.lists) {
    if (state.stands && state.in_force)
      continue;
    const std::size_t waiting = held[state.list], there = out_of_use[state.list];
    if (waiting == 0 && there == 0)
      continue;
    const char *what = state.stands ? "is not in force" : "does not stand";
    difference.notes.push_back(
        {"in_force",
         fmt::format("list {} {}: {}; {} wanted {} held back{}", state.list, what, state.why_not, waiting,
                     waiting == 1 ? "entry is" : "entries are",
                     there == 0 ? std::string()
                                : fmt::format(", {} on the device {} absent", there, there == 1 ? "counts as" : "count as")),
         false});
    for (const Wanted &one : selection.wanted)
      if (one.list == state.list)
        difference.left_out.push_back({one.candidate.block.prefix, Verdict::Held, fmt::format("list {} {}", state.list, what)});
  }
  return difference;
}

std::string hash_of(const Plan &plan) {
  std::string text = plan.device + "\n" + plan.driver + "\n" + (plan.intent == Intent::Flush ? "flush" : "push") + "\n";
  for (const Wanted &one : plan.wanted)
    text += "w " + one.candidate.block.text() + " " + one.list + "\n";
  for (const Entry &entry : plan.installed.entries)
    text += fmt::format("i {} {} {} {}\n", entry.block.text(), entry.list, entry.number, entry.in_force ? 1 : 0);
  for (const Foreign &foreign : plan.installed.foreign)
    text += "f " + foreign.list + " " + (foreign.covers ? foreign.covers->text() : std::string()) + "\n";
  text += plan.script.text();
  return sha256(text);
}

} // namespace banpush
