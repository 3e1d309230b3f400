#include "app/on_device.hpp"

#include "app/dead_man.hpp"
#include "app/planning.hpp"
#include "app/words/report.hpp"
#include "core/reading/used_lists.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace banpush {

namespace {

// Guards that only a look at the device brings out: what the last push said of them.
std::vector<std::string> held_lately(const std::vector<Condition> &conditions) {
  std::vector<std::string> found;
  for (const Condition &one : conditions)
    if (one.kind == Condition::Kind::Holds &&
        std::none_of(liftable.begin(), liftable.end(), [&](const char *limit) { return one.name == limit; }))
      found.push_back(one.text);
  return found;
}

// Whether the verdict is of a device, on what policy wants; else it is of policy, on a ban.
bool is_of_device(Verdict verdict) {
  return verdict == Verdict::OverBudget || verdict == Verdict::Foreign || verdict == Verdict::NotHeld || verdict == Verdict::Held ||
         verdict == Verdict::Covered;
}

// What was found out about the device before.
struct Known {
  const Device &device;
  Plan plan; // as a push without a connection would make it
  std::vector<LedgerEntry> ledger;
  Prospect prospect;
  AsRead told; // by the last reading
  std::optional<State::InDoubt> doubt;
  std::optional<State::Push> last;
};

Known known_of(Site &site, const Device &device, const Prefix &prefix, Installed installed) {
  const Driver driver = without_lists(site.config().driver(device), known_to_lack(site, device));
  Plan plan = make_decision(site, device, driver, {}, std::move(installed), Order{}).plan;
  const std::lock_guard lock(site.state_lock());
  State &state = site.state();
  return {device,
          std::move(plan),
          state.ledger(device.name),
          prospect_of(state, site.config(), device),
          state.as_read(device.name),
          state.in_doubt(device.name, prefix),
          state.last_push(device.name)};
}

// What the plan leaves out that contains the prefix, the narrowest of several. A wider ban than the one that decides says
// nothing of the address.
const LeftOut *left_out_of(const Plan &plan, const Explanation &explanation, const Prefix &prefix) {
  const LeftOut *found = nullptr;
  for (const LeftOut &one : plan.left_out)
    if (one.prefix.contains(prefix) && (found == nullptr || one.prefix.length() > found->prefix.length()) &&
        (is_of_device(one.verdict) || !explanation.walked || one.prefix.length() >= explanation.walked->length()))
      found = &one;
  return found;
}

// What a guard says and what releases it, by its name.
std::string guard_text(const Known &known, const std::string &guard) {
  for (const GuardNote &note : known.plan.guards)
    if (note.name == guard) {
      const std::string remedy = remedy_of(note, known.device.name);
      return fmt::format("{}: {}{}{}", guard, note.message, remedy.empty() ? "" : "; ", remedy);
    }
  return guard;
}

// What the next push makes of an addition.
std::string wanted_text(const Known &known, const Addition &addition) {
  const std::size_t more = known.told.more_others;
  return fmt::format("wanted in list {}; {}{}", addition.list, known.prospect.of(addition.list),
                     more == 0
                         ? std::string()
                         : fmt::format("; whether one of somebody else's entries keeps it out cannot be told: {} of them are not kept "
                                       "in the state file",
                                       more));
}

// What becomes of an entry that stands, where it is not to stay.
std::string leaving_text(const Known &known, const LedgerEntry &entry) {
  const auto is_it = [&](const Removal &one) { return one.block == entry.block && one.list == entry.list; };
  const auto &kept = known.plan.kept;
  if (const auto one = std::find_if(kept.begin(), kept.end(), [&](const KeptEntry &other) { return is_it(other.removal); });
      one != kept.end())
    return fmt::format("; no longer wanted ({}), but it stays: {}", one->removal.reason,
                       one->guard.empty() ? "what is to take its place is held" : "held by " + guard_text(known, one->guard));
  const auto &remove = known.plan.change.remove;
  const auto leaves = std::find_if(remove.begin(), remove.end(), is_it);
  if (leaves == remove.end())
    return {};
  if (!known.prospect.obstacles.empty())
    return fmt::format("; no longer wanted ({}), but it stays for now: {}", leaves->reason, fmt::join(known.prospect.obstacles, "; "));
  return "; the next push takes it away: " + leaves->reason;
}

// A push was to do something to it, and nobody has read since what came of that.
std::string doubt_text(const Known &known) {
  const char *doing = known.doubt->doing == State::InDoubt::Doing::Adds ? "add it to" : "take it from";
  const std::string what = fmt::format("{} list {}", doing, known.doubt->list);
  if (!known.last)
    return fmt::format("a push was to {}, and the device was not read since", what);
  if (known.last->running)
    return fmt::format("a push of {} is under way, which is to {}", known.last->at, what);
  return fmt::format("the push of {} was to {}, and {}; the device was not read since", known.last->at, what,
                     known.last->outcome.empty() ? "did not end" : "failed: " + known.last->error);
}

// Of the entries that hold the prefix the narrowest that blocks it; else the narrowest. Null: none does.
const LedgerEntry *standing(const Known &known, const Prefix &prefix) {
  const LedgerEntry *found = nullptr;
  for (auto one = known.ledger.rbegin(); one != known.ledger.rend(); ++one) {
    if (!one->block.prefix.contains(prefix))
      continue;
    if (!passes(known.told.gaps, {one->block, one->list}, prefix) && known.prospect.list(one->list) == nullptr)
      return &*one;
    found = found == nullptr ? &*one : found;
  }
  return found;
}

void tell_standing(const Known &known, const LedgerEntry &entry, const Prefix &prefix, OnDevice &made) {
  made.since = entry.since;
  made.reason = entry.block.prefix == prefix ? "in list " + entry.list : "within " + entry.block.text() + " of list " + entry.list;
  const Condition *list = known.prospect.list(entry.list);
  const auto passing = passes(known.told.gaps, {entry.block, entry.list}, prefix);
  made.state = list == nullptr && !passing ? "present" : "not in force";
  if (list != nullptr)
    made.reason += "; " + list->text;
  else if (passing)
    made.reason += "; " + *passing;
  else
    for (const ListDoubt &doubt : known.told.doubts)
      if (doubt.list == entry.list)
        made.reason += "; " + doubt.why;
  made.reason += leaving_text(known, entry);
}

void tell_absent(const Known &known, const Explanation &explanation, const Prefix &prefix, OnDevice &made) {
  const Plan &plan = known.plan;
  made.state = made.read_at.empty() ? "unknown" : "absent";
  const auto adds =
      std::find_if(plan.change.add.begin(), plan.change.add.end(), [&](const Addition &one) { return one.block.prefix.contains(prefix); });
  const auto stops = std::find_if(explanation.steps.begin(), explanation.steps.end(),
                                  [](const PolicyStep &step) { return step.result == PolicyStep::Result::Stops; });
  if (adds != plan.change.add.end()) {
    made.reason = wanted_text(known, *adds);
  } else if (const LeftOut *one = left_out_of(plan, explanation, prefix)) {
    made.state = "left out";
    const std::string by = "held by the limit ";
    made.reason = one->verdict == Verdict::Held && one->reason.starts_with(by)
                      ? "held by " + guard_text(known, one->reason.substr(by.size()))
                      : fmt::format("{}: {}", word(one->verdict), one->reason);
  } else {
    made.reason = stops == explanation.steps.end() ? "not wanted here" : stops->name + ": " + stops->text;
  }
}

} // namespace

const Condition *Prospect::list(const std::string &name) const {
  const auto found = std::find_if(conditions.begin(), conditions.end(), [&](const Condition &one) { return one.name == "list " + name; });
  return found == conditions.end() ? nullptr : &*found;
}

std::string Prospect::of(const std::string &name) const {
  std::vector<std::string> against = obstacles;
  if (const Condition *of_list = list(name))
    against.push_back("no push brings it there now: " + of_list->text);
  if (!against.empty())
    return fmt::format("{}", fmt::join(against, "; "));
  const auto held = held_lately(conditions);
  return held.empty() ? "the next push brings it"
                      : fmt::format("the next push brings it, unless it is among what was {}", fmt::join(held, "; "));
}

Prospect prospect_of(State &state, const Config &config, const Device &device) {
  Prospect made{{}, state.plain_conditions(device.name)};
  if (state.paused(device.name))
    made.obstacles.push_back(fmt::format("paused: no push goes there until `banpush resume {}`", device.name));
  if (config.driver(device).evidence.level < EvidenceLevel::Captured && !device.accept_unproven)
    made.obstacles.push_back(fmt::format("pushes are refused: the driver {} is unproven", device.driver));
  if (const auto unconfirmed = state.awaits_confirm(device.name))
    made.obstacles.push_back(text_of(*unconfirmed));
  for (const Condition &one : made.conditions)
    if (one.kind == Condition::Kind::Attempt)
      made.obstacles.push_back("the last push failed: " + one.text);
    else if (one.kind == Condition::Kind::Refuses)
      made.obstacles.push_back("the last push was " + one.text);
  return made;
}

OnDevice on_device(Site &site, const Device &device, const Explanation &explanation, const Prefix &prefix,
                   const std::vector<std::string> &against) {
  FromLedger ledger = from_ledger(site, device);
  OnDevice made;
  made.device = device.name;
  made.read_at = ledger.read_at;
  {
    const std::lock_guard lock(site.state_lock());
    if (!site.state().trouble().empty()) {
      made.state = "unknown";
      made.reason = site.state().trouble();
      made.is_known = false;
      return made;
    }
  }
  Known known = known_of(site, device, prefix, std::move(ledger.installed));
  known.prospect.obstacles.insert(known.prospect.obstacles.begin(), against.begin(), against.end());
  for (const Wanted &one : known.plan.wanted)
    if (one.candidate.block.prefix.contains(prefix))
      made.until = moment_text(one.candidate.until, site.moment());
  if (const LedgerEntry *stands = standing(known, prefix))
    tell_standing(known, *stands, prefix, made);
  else
    tell_absent(known, explanation, prefix, made);
  if (known.doubt) {
    made.reason = fmt::format("{}; as it was read before: {}, {}", doubt_text(known), made.state, made.reason);
    made.state = "unknown";
  }
  return made;
}

} // namespace banpush
