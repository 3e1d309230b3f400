#include "core/digest.hpp"
#include "core/plan/plan.hpp"
#include "core/reading/rule_order.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

namespace banpush {

namespace {

// Gives numbers of banpush's own range in one list: never one that is in use, never at or behind the first terminal entry.
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
      movable_ = movable_ && state->terminals < 2; // of two, one is somebody else's
    }
    last_ = end_ = std::min(terminal_.value_or(range_.to + 1), range_.to + 1);
    next_ = range_.from;
  }

  // The next free one on the grid of `step`; off the grid when that is full; behind the terminal entry, which then has to move,
  // when there is none below it. Nothing where none is free.
  std::optional<std::string> give() {
    for (; next_ < end_; next_ += range_.step)
      if (used_.insert(next_).second)
        return std::to_string(next_);
    while (last_ > range_.from) {
      --last_;
      if (used_.insert(last_).second)
        return std::to_string(last_);
    }
    if (movable_ && terminal_ && *terminal_ <= range_.to && !renumbering_) {
      renumbering_ = Renumbering{name_, std::to_string(*terminal_), std::to_string(range_.to + 1)};
      last_ = end_ = range_.to + 1;
      return give();
    }
    return std::nullopt;
  }

  const std::optional<Renumbering> &renumbering() const noexcept { return renumbering_; }

  std::string none_free() const {
    return terminal_ && *terminal_ <= range_.to
               ? fmt::format("no number from {} on is free below the entry that permits everything ({})", range_.from, *terminal_)
               : fmt::format("no number from {} to {} is free", range_.from, range_.to);
  }

private:
  void take(const std::string &text) {
    std::uint64_t value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{})
      used_.insert(value);
  }

  List::Numbers range_;
  std::string name_;
  std::set<std::uint64_t> used_;
  std::uint64_t end_ = 0, next_ = 1, last_ = 0;
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
  case Verdict::Split: return "wanted in narrower entries instead";
  case Verdict::OverBudget: return "over budget";
  case Verdict::Foreign: return "held by an entry of somebody else";
  case Verdict::NotHeld: return "no list of the driver holds it";
  case Verdict::Held: return "held back";
  case Verdict::Absent: return "no longer in the ban table";
  }
  return "?";
}

std::string reason_of(const Why &why) {
  switch (why.of) {
  case Why::Of::Entry: break;
  case Why::Of::Part: return "a part of it: " + reason_of(why.verdict);
  case Why::Of::Wider: return "the wider ban that it is a part of: " + reason_of(why.verdict);
  }
  return reason_of(why.verdict);
}

// What selection left out, to tell why an entry that policy wants has no place here any more.
class NoPlace {
public:
  explicit NoPlace(const Selection &selection) : selection_(selection) {}

  std::string why(const Block &block) {
    for (const Wanted &one : selection_.wanted)
      if (one.candidate.block == block)
        return fmt::format("it goes into the list {}", one.list);
    if (const LeftOut *one = left_out(block.prefix))
      return text(*one);
    const auto is_same = [&](const Wanted &one) { return one.candidate.block.prefix == block.prefix && one.candidate.block != block; };
    return std::any_of(selection_.wanted.begin(), selection_.wanted.end(), is_same) ? "wanted for other services instead"
                                                                                    : reason_of(Verdict::Wanted);
  }

  // Why the wider entry that is to take the place of this one has no place; empty where it has.
  std::string why_not_covered(const Prefix &prefix) {
    for (unsigned length = 0; length < prefix.length(); ++length)
      if (const LeftOut *one = left_out(prefix.with_length(length)); one != nullptr && one->verdict != Verdict::Covered)
        return fmt::format("policy wants it in {}, which is left out: {}", one->prefix.text(), text(*one));
    return {};
  }

private:
  const LeftOut *left_out(const Prefix &prefix) {
    if (!known_) {
      known_.emplace();
      for (const LeftOut &one : selection_.left_out)
        known_->emplace(one.prefix, &one);
    }
    const auto found = known_->find(prefix);
    return found == known_->end() ? nullptr : found->second;
  }

  static std::string text(const LeftOut &one) {
    return one.verdict == Verdict::OverBudget ? "over budget: others are worth more" : one.reason;
  }

  const Selection &selection_;
  std::optional<std::map<Prefix, const LeftOut *>> known_; // made when it is first asked
};

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

// The numbers of a change, given list by list.
class Given {
public:
  Given(const Driver &driver, const Installed &installed) : driver_(driver), installed_(installed) {}

  // Gives the addition its number where its list has numbers; false, and counted, where none is free.
  bool number(Addition &addition) {
    const List *list = driver_.list(addition.list);
    if (!list->numbers)
      return true;
    const auto number = of(*list).give();
    if (number)
      addition.number = *number;
    else
      ++without_[addition.list];
    return number.has_value();
  }

  std::vector<Renumbering> renumberings() const {
    std::vector<Renumbering> all;
    for (const auto &[name, given] : numbers_)
      if (given.renumbering())
        all.push_back(*given.renumbering());
    return all;
  }

  std::vector<GuardNote> notes() const {
    std::vector<GuardNote> notes;
    for (const auto &[name, count] : without_)
      notes.push_back({"numbers", fmt::format("list {}: {}; {} wanted {} held back", name, numbers_.at(name).none_free(), count,
                                              count == 1 ? "entry is" : "entries are")});
    return notes;
  }

private:
  Numbers &of(const List &list) { return numbers_.try_emplace(list.name, list, installed_, driver_.has(Stage::Renumber)).first->second; }

  const Driver &driver_;
  const Installed &installed_;
  std::map<std::string, Numbers> numbers_;
  std::map<std::string, std::size_t> without_;
};

// Wanted entries that stand, or will, where an earlier rule of somebody else lets their packets through.
class Shadowed {
public:
  explicit Shadowed(const Installed &installed) : installed_(installed) {}

  void stands(const Entry &entry) {
    if (entry.shadowed)
      count(entry.list, entry.block.prefix, entry.why_not);
  }
  void comes(const Addition &addition) {
    const ListState *state = installed_.state(addition.list);
    if (state == nullptr || addition.number.empty())
      return;
    const std::uint64_t number = std::stoull(addition.number);
    for (const Permit &permit : state->permits)
      if (permit.number && *permit.number < number && permit.meets(addition.block.prefix))
        return count(addition.list, addition.block.prefix, why_shadowed(permit, addition.block.prefix));
  }

  std::vector<GuardNote> notes() const {
    std::vector<GuardNote> notes;
    for (const auto &[list, found] : lists_)
      notes.push_back({"shadowed",
                       fmt::format("list {}: {} not in force: {}: {}", list,
                                   found.count == 1 ? "an entry is there but" : fmt::format("{} entries are there but", found.count),
                                   found.first.text(), found.why),
                       GuardNote::Effect::Passes, list});
    return notes;
  }

private:
  struct Found {
    std::size_t count = 0;
    Prefix first;
    std::string why;
  };
  void count(const std::string &list, const Prefix &prefix, const std::string &why) {
    Found &found = lists_[list];
    if (found.count++ == 0) {
      found.first = prefix;
      found.why = why;
    }
  }

  const Installed &installed_;
  std::map<std::string, Found> lists_;
};

using Spots = std::set<BlockIn>;

// Entries that are as much in force as they can be; of two of the same, one counts.
Spots standing_in(const Installed &installed) {
  Spots standing;
  for (const Entry &entry : installed.entries)
    if (entry.settled() && installed.is_in_force(entry.list))
      standing.insert({entry.block, entry.list});
  return standing;
}

Addition addition_of(const Wanted &one, const Bans &bans) {
  Addition addition;
  addition.block = one.candidate.block;
  addition.list = one.list;
  addition.jail = one.candidate.bans == 0 ? std::string() : bans.name(one.candidate.jail);
  addition.count = one.candidate.bans;
  addition.until = one.candidate.until;
  return addition;
}

} // namespace

Difference diff(const Driver &driver, const Selection &selection, const Bans &bans, const Candidates &candidates,
                const Installed &installed, const Remembered &remembered) {
  std::set<Block> unknown; // nothing of the table, and nobody knows that it ever was in there
  const Reasons reasons = [&](const Block &block) {
    const std::optional<Making> made_of = remembered.made_of(block);
    const Why why = candidates.why(block.prefix, made_of);
    if (!made_of && why == Why{} && !remembered.has_ended(block))
      unknown.insert(block);
    return !explains(why) && remembered.has_ended(block) ? Why{Verdict::Expired, Why::Of::Entry} : why;
  };
  Difference difference = diff_for(driver, selection, bans, reasons, installed);
  for (Removal &one : difference.change.remove)
    if (!one.explained && unknown.contains(one.block))
      one.reason = "not in the ban table";
  return difference;
}

Difference diff_for(const Driver &driver, const Selection &selection, const Bans &bans, const Reasons &reasons,
                    const Installed &installed) {
  Difference difference;
  const Spots standing = standing_in(installed);
  Spots wanted, without_number;
  Given given(driver, installed);
  Shadowed shadowed(installed);
  std::map<std::string, std::size_t> held;
  for (const Wanted &one : selection.wanted) {
    const BlockIn spot{one.candidate.block, one.list};
    wanted.insert(spot);
    if (!installed.is_in_force(one.list)) {
      ++held[one.list];
      continue;
    }
    if (standing.count(spot) != 0)
      continue;
    Addition addition = addition_of(one, bans);
    if (!given.number(addition)) {
      without_number.insert(spot);
      difference.left_out.push_back({one.candidate.block.prefix, Verdict::Held, fmt::format("list {}: no number is free", one.list)});
      continue;
    }
    shadowed.comes(addition);
    difference.change.add.push_back(std::move(addition));
  }
  difference.change.renumber = given.renumberings();

  NoPlace no_place(selection);
  Spots seen; // a second one of the same is surplus
  std::map<std::string, std::size_t> out_of_use;
  for (const Entry &entry : installed.entries) {
    const BlockIn spot{entry.block, entry.list};
    if (!installed.is_in_force(entry.list)) {
      ++out_of_use[entry.list];
    } else if (wanted.count(spot) == 0) {
      const Why why = reasons(entry.block);
      std::string text = why.verdict == Verdict::Wanted    ? no_place.why(entry.block)
                         : why.verdict == Verdict::Covered ? no_place.why_not_covered(entry.block.prefix)
                                                           : std::string();
      difference.change.remove.push_back(removal(entry, text.empty() ? reason_of(why) : std::move(text), explains(why)));
    } else if (entry.settled()) {
      if (!seen.insert(spot).second)
        difference.change.remove.push_back(removal(entry, "there twice", true));
      else
        shadowed.stands(entry);
    } else if (repairs_by_both(driver, entry.list) && without_number.count(spot) == 0) {
      difference.change.remove.push_back(removal(entry, "not in force: " + entry.why_not, true));
    }
  }
  const auto append = [&](std::vector<GuardNote> notes) {
    difference.notes.insert(difference.notes.end(), std::make_move_iterator(notes.begin()), std::make_move_iterator(notes.end()));
  };
  append(given.notes());
  append(shadowed.notes());

  for (const ListState &state : installed.lists) {
    if (state.stands && state.in_force)
      continue;
    const std::size_t waiting = held[state.list], there = out_of_use[state.list];
    if (waiting == 0 && there == 0)
      continue;
    const char *what = state.stands ? "is not in force" : "does not exist on the device";
    difference.notes.push_back(
        {"in_force",
         fmt::format("list {} {}: {}; {} wanted {} held back{}", state.list, what, state.why_not, waiting,
                     waiting == 1 ? "entry is" : "entries are",
                     there == 0 ? std::string()
                                : fmt::format(", {} on the device {} absent", there, there == 1 ? "counts as" : "count as")),
         GuardNote::Effect::Holds, state.list});
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
