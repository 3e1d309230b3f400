// The one line of which every verb is a prefix: fetch, open, read, select, diff, render, guard, apply,
// read again, prove, record. Read this first.
#pragma once

#include "app/site/session.hpp"
#include "app/site/site.hpp"
#include "app/words/report.hpp"
#include "core/plan/live_selection.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace banpush {

// How far a pass goes.
enum class Depth {
  Offline, // up to the guard, against the ledger instead of the device: no connection
  Plan,    // up to the guard: nothing is sent
  Push,    // to the end
};

struct Order {
  Intent intent = Intent::Push;
  Depth depth = Depth::Push;
  std::set<std::string> forced; // limits lifted for this run, by name
  std::string actor;
  std::map<std::string, std::string> hashes;         // device → hash of a saved plan; a device whose plan differs is refused
  bool only_adds = false;                            // the table is not to be had: nothing is taken away
  std::function<void(const std::string &)> say = {}; // to whoever waits for the pass, while it goes on; may be empty
};

// A device in step with the candidates of its policy as they were at this version: what has changed since is all it needs.
struct InStep {
  std::uint64_t site; // its id
  const Site::Shared *of;
  Version version;
  LiveSelection selection;
};

// What outlives one push of a device: its session, and what it held when that was last read.
struct Kept {
  std::shared_ptr<Session> session; // null: nobody has logged in yet. Shared with who may cancel what it does
  std::optional<Installed> known;   // nothing: the device is read first
  std::optional<InStep> in_step;    // nothing: all is computed anew
};

// One device, start to end, over a session that is kept: a device that needs nothing by what is known is not even asked;
// any complaint drops what is kept. `log_in` makes the session where there is none that is open. Never throws for what a
// device does: that is in the report.
DeviceReport push_device(Site &site, const Device &device, const Order &order, Kept &kept,
                         const std::function<std::shared_ptr<Session>()> &log_in);

// Many devices, side by side, bounded by serve.workers; the report keeps their order.
Report push_devices(Site &site, const std::vector<const Device *> &devices, const Order &order);

// The sessions of one who makes several passes, by device. A configuration may change from pass to pass in its policy; what
// the sessions rest on is this one, which must outlive them.
struct Sessions {
  const Config &config;
  std::map<std::string, Kept> kept;
};
// The same over sessions that are kept. Each device is read anew; one whose session has died meanwhile is logged in to again.
Report push_devices(Site &site, const std::vector<const Device *> &devices, const Order &order, Sessions &sessions);

} // namespace banpush
