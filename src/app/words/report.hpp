// What a pass says of each device: for people on a terminal, and as JSON for scripts.
#pragma once

#include "app/words/console.hpp"
#include "core/plan/as_read.hpp"
#include "core/plan/plan.hpp"

#include <cstdint>
#include <ctime>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace banpush {

enum class Outcome { InSync, Planned, Changed, Refused, Failed };
const char *word(Outcome outcome) noexcept;

// What a device takes back by itself unless it is confirmed, and whether a change goes to it that way.
struct DeadManUse {
  std::string kind;  // `confirmed commit`, `revert timer`; empty: the platform has none
  std::string needs; // what lacks for it, a fact or param by the driver's name; empty: nothing
  bool used = false;
  std::string why;                             // it is used, or not
  Seconds within = 0;                          // that the device waits for the confirm
  std::vector<std::string> proved, not_judged; // what answered before the confirm; what had not answered before the change

  std::string text() const;
};
nlohmann::json to_json(const DeadManUse &dead_man);

struct DeviceReport {
  std::string device, driver;
  Outcome outcome = Outcome::InSync;
  std::optional<Plan> plan;      // as far as it got
  std::optional<ErrorKind> kind; // what failed it
  std::optional<DeadManUse> dead_man;
  std::string error;              // what was attempted, on what, what came back
  std::vector<std::string> notes; // what a person should know all the same
  std::string words;              // the device's own, for the audit and -v
  double seconds = 0;
  std::optional<std::time_t> moment; // of which the plan's ends are; nothing: now
  bool read = false;                 // the device was asked what it holds; else all of this is by what it held when it was last read
  bool paused = false;
  std::vector<Gap> gaps;     // of what was added, as read back
  bool in_audit = false;     // what failed it is written down there already
  std::string unsaved;       // why what is in force would not survive the device's next start; empty: nothing of the kind is known
  std::int64_t save_due = 0; // when that is saved, seconds since the epoch; 0: with the next pass
  bool save_failed = false;  // in this pass
  std::string unconfirmed;   // a change that the device may take back by itself; empty: there is none
  Seconds left_alone = 0;    // for which no other is sent because of it
  std::string renamed;       // the device calls itself otherwise than when it was logged in to; empty: it does not
  bool held() const;         // a guard held or refused something
};

struct Report {
  std::vector<DeviceReport> devices;
  std::vector<std::string> notes; // about the pass as a whole (state not writable, rows that are no bans)
  bool table_gone = false;        // only what waits in the spool was pushed
  std::size_t bad_rows = 0;       // of all tables: no bans

  // INTERFACE's rule: 3 the table cannot be reached · 1 a device failed · 5 a guard refused or held · 4 changes (only for plan --exit-code) · 0.
  int exit_code() const;
  bool has_changes() const;
};

// `plan --json` and `push --json`; the names are INTERFACE.md's.
nlohmann::json to_json(const Report &report);

enum class Detail { Plan, Push };
// Ten lines a person can take in, then the script for Detail::Plan.
std::string to_text(const Report &report, Detail detail, const Console &console);

// `until 2026-11-23 12:00`, `permanent`.
std::string until_text(Seconds until, std::optional<std::time_t> from = std::nullopt);
// The moment so many seconds from then (or now) in local time, `2026-11-23 12:00:00`; `permanent` for ever.
std::string moment_text(Seconds until, std::optional<std::time_t> from = std::nullopt);

} // namespace banpush
