// What is sent to a device: steps of their own type, made only by rendering a driver's templates.
#pragma once

#include "core/bans/ban.hpp"
#include "core/driver/driver.hpp"
#include "core/driver/installed.hpp"
#include "core/driver/values.hpp"

#include <optional>
#include <string>
#include <vector>

namespace banpush {

// One delivery: lines to a CLI or one RPC body (argv empty), or a program with its standard input.
struct Step {
  Stage stage = Stage::Change;
  TransportKind kind = TransportKind::Cli;
  std::vector<std::string> argv;  // exec
  std::vector<std::string> lines; // without line ends. CLI: sent one by one. exec: standard input. NETCONF: one RPC body
  Pattern until, expect;
  std::vector<Question> ask; // answers expanded
  Window window;
  std::chrono::seconds silence{30};
  std::vector<int> exits{0};

  // The bytes of the lines, each with its line end.
  std::string text() const;
};

struct Script {
  std::vector<Step> change; // from the first changing stage to commit
  std::vector<Step> confirm, cancel, abort, leave, save;
  std::vector<Step> abort_unarmed; // instead of abort, where the time to confirm never began to run

  bool empty() const noexcept { return change.empty() && save.empty(); }
  // For people and for comparison: exactly what goes over the wire, exec steps as `$ argv` and then
  // their standard input; confirm, cancel and save labelled.
  std::string text() const;
};

struct Addition {
  Block block;
  std::string list;
  std::string number;      // given before rendering where the list has numbers
  std::string jail;        // for plan and audit; never rendered
  std::uint32_t count = 0; // rows in force
  Seconds until = 0;
  bool put_back = false; // it was there when the device was last read back, and had gone since
};

struct Removal {
  Block block;
  std::string list;
  std::string number;
  std::string reason;    // one clause
  bool explained = true; // expiry, unban, allow, policy, flush: counted by no limit
};

// A list below whose terminal entry no number is free: the entry is moved behind the list's number range.
struct Renumbering {
  std::string list;
  std::string terminal; // its number as read
  std::string number;   // where it goes
};

struct Change {
  std::vector<Renumbering> renumber; // before anything else
  std::vector<Addition> add;
  std::vector<Removal> remove;
  bool empty() const noexcept { return add.empty() && remove.empty(); }
};

// What rendering needs to know of the device.
struct Rendering {
  const Driver &driver;
  TransportKind transport;
  const Values &values;
  const Facts &facts;
  std::vector<std::string> run_with; // put before every argv
  unsigned confirm_seconds = 0;      // 0: no dead-man
  bool save = false;
  std::vector<std::pair<std::string, std::string>> attach; // interface, direction
};

// Throws Error (Device) where numbers run out, a line grows past the limit, or a template yields what
// is not one line a line.
Script render(const Rendering &rendering, const Change &change);

// The steps of one stage that carries no entries: Save, Abort, Undo.
std::vector<Step> render_stage(const Rendering &rendering, Stage stage);

// Setup or Unsetup, with what belongs to any change: confirm and cancel only where the stage's own lines make the device's time
// to confirm run. Empty where it has nothing to say beside what opens, closes and commits.
Script render_setup(const Rendering &rendering, Stage stage);

// The blocks a script's own lines add and remove, read back through the driver's `script` patterns.
// `installed` resolves removals by number. Throws Error (Guard) naming a line that is none of them.
Change read_back(const Driver &driver, const Values &values, const Script &script, const Installed &installed);

} // namespace banpush
