// The immutable plan of one device, and the guard that is last before the wire.
#pragma once

#include "core/driver/driver.hpp"
#include "core/policy/policy.hpp"
#include "core/script/script.hpp"

#include <array>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace banpush {

enum class Intent { Push, Flush };

struct GuardNote {
  // Holds: something, and the rest goes on. Refuses: the whole push of this device. Passes: nothing is held back, but what stands is
  // not all in force.
  enum class Effect { Holds, Refuses, Passes };

  std::string name; // add, remove, storm, span, in_force, unproven, capacity, protected, numbers, shadowed, …
  std::string message;
  Effect effect = Effect::Holds;
  std::string list{}; // in_force, shadowed: the list that it is about; else empty

  bool refuses() const noexcept { return effect == Effect::Refuses; }
};

// The limits that a person may lift for one run, as `--force` names them.
inline constexpr std::array<const char *, 4> liftable{"add", "remove", "storm", "span"};

// Throws Error (Usage) naming what `--force` cannot lift.
std::set<std::string> forced_limits(const std::vector<std::string> &names);

// What a person may do about it: the command that lets it go, or what else; empty where the message says so.
std::string remedy_of(const GuardNote &note, const std::string &device);
// `held by NAME: …`, `refused by NAME: …`, or what is not in force; each with its remedy.
std::string said_of(const GuardNote &note, const std::string &device);

struct Wanted {
  Candidate candidate;
  std::string list;
  Making made_of{};
};
// Writes down what each was made of, as `candidates` and their `origins` say; all sorted by block.
void name_origins(std::vector<Wanted> &wanted, const std::vector<Candidate> &candidates,
                  const std::vector<std::pair<Prefix, Origin>> &origins);

// A removal that is kept out of a change, and by which guard; empty: what was to take its place is held.
struct KeptEntry {
  Removal removal;
  std::string guard;
};

struct Plan {
  // Part: of a device that is in step with its candidates, only what has changed of wanted and installed.
  enum class Extent { Whole, Part };

  std::string device, driver;
  Intent intent = Intent::Push;
  Extent extent = Extent::Whole;
  std::vector<Wanted> wanted; // sorted by block
  Installed installed;
  Change change;
  std::vector<LeftOut> left_out;
  std::vector<KeptEntry> kept;
  std::vector<GuardNote> guards;
  std::string risk; // as risk_of() says
  Script script;
  std::string hash; // of wanted, installed, change and script: what the plan rests on and does; empty for a part
};

// What is wanted of the candidates on this device, as far as its lists, its budget and what stands
// there allow. Pure and stable: select ∘ select = select.
struct Selection {
  std::vector<Wanted> wanted;
  std::vector<LeftOut> left_out;
};
struct Capacity {
  std::optional<std::size_t> ipv4, ipv6; // entries a family may take
};
Selection select(const Driver &driver, const Candidates &candidates, const Bans &bans, const Policy &policy, Capacity capacity,
                 const Installed &installed);

// A change, and what is kept out of it for now and why.
struct Difference {
  Change change;
  std::vector<GuardNote> notes;
  std::vector<LeftOut> left_out;
  std::vector<KeptEntry> kept;
};

// What the ledger remembers of this device: what limits are counted against, and what its entries were made of.
struct Remembered {
  std::vector<Block> blocks;                     // sorted; what the last verified push left there
  std::vector<std::pair<Block, Seconds>> ended;  // and of them, those whose time has run out since, of all that they were made of
  std::vector<Block> strange;                    // and those of which nobody knows what they were made of; sorted
  std::vector<std::pair<Block, Origin>> origins; // of those that are not the ban of their own prefix alone; sorted by block

  bool has(const Block &block) const noexcept;
  bool has_ended(const Block &block) const noexcept;
  std::optional<Making> made_of(const Block &block) const; // nothing: not known
};

// Why a block is not wanted any more.
using Reasons = std::function<Why(const Block &block)>;

// What turns installed into wanted. An entry that is not in force is removed and added again. Nothing
// is planned in a list that does not stand or is not in force.
Difference diff(const Driver &driver, const Selection &selection, const Bans &bans, const Candidates &candidates,
                const Installed &installed, const Remembered &remembered = {});
Difference diff_for(const Driver &driver, const Selection &selection, const Bans &bans, const Reasons &reasons, const Installed &installed);

// Takes out of the change what a limit or the storm breaker holds, one note for each that did.
Difference hold(const Change &change, const Limits &limits, const Installed &installed, const Remembered &remembered,
                const std::vector<Wanted> &wanted, const std::set<std::string> &forced);

// The only thing a transport is given. Made by guard alone.
class Cleared {
public:
  const Plan &plan() const noexcept { return *plan_; }

private:
  friend struct Guard;
  explicit Cleared(const Plan &plan) noexcept : plan_(&plan) {}
  const Plan *plan_;
};

// Last before the wire: reads the blocks back out of the script and finds exactly the change; rechecks
// protected, allow, shortest, evidence. The notes say what refuses; Cleared is there only when none does.
struct Guard {
  const Driver &driver;
  const Values &values;
  const Policy &policy;
  const Limits &limits;
  const std::vector<NamedPrefix> &protect;
  std::set<std::string> forced;
  bool accept_unproven = false;

  struct Ruling {
    std::vector<GuardNote> notes;
    std::optional<Cleared> cleared;
  };
  Ruling rule(const Plan &plan) const;
};

// SHA-256 in hex of what the plan rests on and does.
std::string hash_of(const Plan &plan);

} // namespace banpush
