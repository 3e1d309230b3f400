// What banpush remembers on its own disk: the ledger of what stands on each device, the audit of every
// push, and which devices are left alone. Losing it loses history, never correctness.
#pragma once

#include "app/state/condition.hpp"
#include "app/words/counts.hpp"
#include "core/plan/as_read.hpp"
#include "core/plan/plan.hpp"
#include "transport/transport.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace banpush {

struct Pause {
  std::optional<Seconds> left; // seconds still to run; nothing: until `resume`
  std::string reason, actor, since;
};

// One record of the audit. Times are local.
struct AuditRecord {
  std::int64_t id = 0;
  std::string device; // empty: of this host, no device
  std::string intent, actor, started;
  std::string ended, outcome; // empty: it did not end
  std::string error, script, words;
  bool running = false;         // its process still works on it
  std::optional<Counts> counts; // of what was changed; nothing: it was not, or an older banpush wrote it
};

struct LedgerEntry {
  Block block;
  std::string list, number, jail, since;
};

class State {
public:
  // A state that cannot be opened or written is said once, in trouble(), and everything goes on without.
  explicit State(const std::string &path);
  ~State();
  State(State &&) noexcept;

  // Empty while all is well; else what was attempted and what came back.
  const std::string &trouble() const noexcept { return trouble_; }
  // The same, until something is written again.
  const std::string &failing() const noexcept { return failing_; }
  // Writes what says nothing; failing() says what came of it.
  void try_to_write();

  Remembered remembered(const std::string &device);
  // Of what stands on the device by the ledger, or was sent to it and not seen since.
  std::set<Family> families(const std::string &device);
  std::vector<LedgerEntry> ledger(const std::string &device);
  std::string verified_at(const std::string &device); // local time of the last verified read-back; empty: never
  // The device was read and holds exactly this; of a plan of a part, only what that changed is new. The ages in the plan are older by `since_fetch` by now.
  void verified(const std::string &device, const Plan &plan, const Installed &installed, double since_fetch);
  // It shows what the plan changed, but something else than is written here beside that: only the change is written, and
  // what is here stays as read before.
  void changed(const std::string &device, const Plan &plan, double since_fetch);

  // The same of a change of which the device lost some on the way, and shows this: all of it is written, as cleared once, and
  // what is not shown is in doubt.
  void lost(const std::string &device, const Plan &plan, const Installed &shown, double since_fetch);
  // Those of the entries that stood there, by this driver, when the device was last read back; none that is in doubt.
  std::set<BlockIn> held(const std::string &device, const std::string &driver, const std::vector<BlockIn> &entries);
  // What a whole reading told beside the entries; only what differs from before is written.
  void keep_as_read(const std::string &device, const AsRead &told);
  // The same after a change that is proven to be all that has changed: `gaps` are of what it added.
  void change_as_read(const std::string &device, const Change &change, const std::vector<Gap> &gaps);
  AsRead as_read(const std::string &device);

  // Seconds from the newest row's creation to the device's read-back, of entries blocked within the last
  // `within` seconds; ascending.
  std::vector<double> times_to_block(const std::string &device, Seconds within);

  // Of a push that failed, and was read back all the same: what is shown of its change is written, and nothing of it is in doubt.
  void changed_in_part(const std::string &device, const Plan &plan, const Installed &installed, double since_fetch);
  // Entries that were read, though nothing came of the push: those that nobody knew of are written, and none is taken out,
  // because limits count against what stood. Of those that the plan wants it is written what they are made of, and until when.
  void seen(const std::string &device, const Plan &plan, const Installed &installed, double since_fetch);

  // Before anything is sent: what, by whom, with which words. What the change is to do is in doubt until the device was
  // read. Returns the number of the record, 0 in trouble.
  long started(const std::string &device, const std::string &intent, const std::string &actor, const std::string &script,
               const Change &change = {});
  // The change was taken back: nothing is in doubt.
  void undone(const std::string &device);
  struct InDoubt {
    Block block;
    std::string list;
    enum class Doing { Adds, Removes } doing;
  };
  // What a push that nobody has read back was to do to an entry around the prefix.
  std::optional<InDoubt> in_doubt(const std::string &device, const Prefix &prefix);
  void ended(long record, const std::string &outcome, const std::string &error, const std::string &words,
             const std::optional<Counts> &counts = std::nullopt);

  // The latest push of a device that was begun; nothing when there was none.
  struct Push {
    std::string at, intent, actor, outcome, error; // outcome empty: it did not end
    bool running = false;                          // its process still works on it, or on another device
    std::optional<Counts> counts{};                // as in AuditRecord
  };
  std::optional<Push> last_push(const std::string &device);

  // The last records of these devices, or of all, oldest first.
  std::vector<AuditRecord> audit(const std::vector<std::string> &devices, std::size_t last);
  // Whether anything was ever written of it.
  bool is_known(const std::string &device);

  // What came of an attempt to bring a device up to date, and all that a person has to know of it from now on. A failure that
  // is not in the audit is written there when it begins.
  struct Attempt {
    std::string driver, address, actor; // where the device was then: for the time when no configuration has it any more
    std::string outcome, error;
    bool in_audit = false;
  };
  void attempted(const std::string &device, const Attempt &attempt, const std::vector<Condition> &conditions);

  struct LastAttempt {
    std::string at, since, outcome, error, actor; // since: when the first of equal outcomes was
  };
  // Of those that succeed, one after the other, only the first: what was read then has its own time.
  std::optional<LastAttempt> last_attempt(const std::string &device);

  struct Standing {
    Condition condition;
    std::string since; // local time
  };
  std::vector<Standing> conditions(const std::string &device);
  std::vector<Condition> plain_conditions(const std::string &device);

  // Devices of which something is remembered.
  struct Known {
    std::string name, driver, address; // the last two empty where nobody wrote them down
    std::size_t entries = 0;
  };
  std::vector<Known> devices();

  // A change was sent that the device takes back by itself within so many seconds, unless it is confirmed; nothing: it was,
  // or was taken back.
  void awaits_confirm(const std::string &device, std::optional<Seconds> within);
  struct Unconfirmed {
    Seconds left;          // until the device has decided
    std::string at, until; // local time
  };
  std::optional<Unconfirmed> awaits_confirm(const std::string &device);

  // What is in force on a device and would not survive its next start.
  struct Unsaved {
    std::string why;      // empty: nothing of the kind is known
    std::int64_t due = 0; // when it is to be saved, seconds since the epoch; 0: with the next pass
  };
  void unsaved(const std::string &device, const Unsaved &what);
  Unsaved unsaved(const std::string &device);

  // The lists and bindings on a device was made by `setup`, and stands since unless somebody took it away.
  void set_up(const std::string &device, bool stands);
  bool is_set_up(const std::string &device);
  // The families for which `setup` made something on the device, until a removal.
  void made(const std::string &device, const std::set<Family> &families);
  std::set<Family> made(const std::string &device);
  void nothing_made(const std::string &device);
  // What setup had made is gone, and what banpush held in it with it: none of it has been lost.
  void nothing_held(const std::string &device);
  // Lists of its driver that the device, as last seen, has not got.
  void lacks(const std::string &device, const std::set<std::string> &lists);
  std::set<std::string> lacking(const std::string &device);
  // How much the device takes at a time, as this driver has seen it lately.
  Pace pace(const std::string &device, const std::string &driver);
  void learnt(const std::string &device, const std::string &driver, Pace pace);
  // After a setup that was read back: nothing of a list that lacks is to be told any more.
  void lists_stand(const std::string &device);

  // A file of a list that others fetch, as a push read it back. Those of a device, all at once.
  struct PartRead {
    std::string path, sha256; // of all its bytes
    std::size_t entries = 0;
    bool operator==(const PartRead &) const = default;
  };
  void parts_read(const std::string &device, const std::vector<PartRead> &parts);
  std::vector<PartRead> parts_read(const std::string &device); // by path; none: no push has read one back

  std::optional<Pause> paused(const std::string &device);
  void pause(const std::string &device, std::optional<Seconds> length, const std::string &reason, const std::string &actor);
  bool resume(const std::string &device); // false: it was not paused

  // A person bans an address although somebody is logged in from there: with a line in the audit. When that was last done,
  // in seconds since the epoch; nothing: never.
  void ban_despite_login(const Prefix &address, const std::string &ban, const std::string &actor, const std::string &session);
  std::optional<std::int64_t> banned_despite_login(const Prefix &address);

  // A push is asked for: a number that grows. See app/state/turn.hpp.
  long request();
  long requested();

private:
  struct Handle; // state_handle.hpp
  template <typename Action>
  void with(const char *what, Action action);
  void write_ledger(const std::string &device, const Plan &plan, const Installed *all, double since_fetch);

  std::unique_ptr<Handle> handle_;
  std::string path_, trouble_, failing_;
};

// user@host or the name of the sudo caller: who is written down for what is done by hand.
std::string actor();

} // namespace banpush
