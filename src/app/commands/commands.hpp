// The verbs: each takes what the command line said and returns the exit code. They throw Error for what
// stops them; main turns its kind into the code.
#pragma once

#include "app/world/world.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace banpush {

// Exit codes of INTERFACE.md.
int exit_code_of(ErrorKind kind) noexcept;

struct InitOptions {
  bool index = false;
};
int init(const Settings &settings, const InitOptions &options);

struct CheckOptions {
  Names devices;
  bool connect = false;
};
int check(const Settings &settings, const CheckOptions &options);

struct PlanOptions {
  Names devices;
  bool offline = false, exit_code = false;
  std::string out; // file the plan is saved to
};
int plan(const Settings &settings, const PlanOptions &options);

struct PushOptions {
  Names devices;
  std::string plan; // file of a saved plan
  Names force;
  bool repair = false; // lift all that can be lifted
  int turn = -1;       // descriptor of a turn that another process left to this one, for what bans have asked for
  std::string shows;   // for `ban --wait`, which started this: a prefix, and what to say is which devices show it
};
int push(const Settings &settings, const PushOptions &options);

// Serves until SIGTERM; SIGHUP reads the configuration anew.
int serve(const Settings &settings);

struct BanOptions {
  std::string ip, jail = "manual", protocol = "tcp", port, bantime, hostname, reason;
  bool wait = false, no_push = false, even_if_logged_in = false;
  std::optional<int> restored; // fail2ban's <restored>: 1 when it says again after a restart what it held before
  bool prolonged = false;      // fail2ban holds what it has banned for longer
  std::string since;           // fail2ban's <time>: when what is restored or prolonged began
};
int ban(const Settings &settings, const BanOptions &options);

struct UnbanOptions {
  std::string ip, jail, hostname;
  std::string by = "operator"; // or fail2ban, whose own unban counts where honour_unban says so
  bool wait = false, no_push = false;
};
int unban(const Settings &settings, const UnbanOptions &options);

struct AllowOptions {
  enum class Action { List, Add, Remove } action = Action::List;
  std::string prefix, reason;
  bool no_push = false;
};
int allow(const Settings &settings, const AllowOptions &options);

struct ListOptions {
  std::string jail, hostname, ip;
  bool all = false; // also what is over
  bool bad = false; // only rows that are no bans
};
int list(const Settings &settings, const ListOptions &options);

int show(const Settings &settings, const std::string &device);

struct SetupOptions {
  std::string device;
  bool apply = false, remove = false;
};
int setup(const Settings &settings, const SetupOptions &options);
int save(const Settings &settings, const Names &devices);

struct FlushOptions {
  Names devices;
  bool all = false;
  std::string reason;
};
int flush(const Settings &settings, const FlushOptions &options);

struct PauseOptions {
  Names devices;
  std::string length, reason;
};
int pause(const Settings &settings, const PauseOptions &options);
int resume(const Settings &settings, const PauseOptions &options);

struct TrustOptions {
  std::string device;
  Names fingerprints; // what is expected, of the device and of its jump host
  bool yes = false;
  bool replace = false; // a key that is stored already, by another one
};
int trust(const Settings &settings, const TrustOptions &options);

int drivers_list(const Settings &settings);
int drivers_show(const Settings &settings, const std::string &driver);
struct ParseOptions {
  std::string driver, list;
  int family = 0; // 0: both
};
int drivers_parse(const Settings &settings, const ParseOptions &options);
struct RenderOptions {
  std::string driver, installed;
  Names add, remove;
  Names params; // name=value
};
int drivers_render(const Settings &settings, const RenderOptions &options);

// One address: every row, every step of each policy, every device.
int explain(const Settings &settings, const std::string &ip);
struct StatsOptions {
  std::size_t days = 30; // 1: by the hour
};
int stats(const Settings &settings, const StatsOptions &options);
struct StatusOptions {
  Names devices;       // all by default
  bool ghosts = false; // where they and the tables differ, instead
  unsigned watch = 0;  // seconds from one time to the next; 0: once
};
// Devices as they were last read, pushed and paused.
int status(const Settings &settings, const StatusOptions &options);

struct AuditOptions {
  Names devices; // all by default
  std::size_t last = 20;
};
int audit(const Settings &settings, const AuditOptions &options);

struct FeedOptions {
  std::string feed; // empty: all are listed
  std::string out;  // file
};
// What firewalls fetch of a feed, or which feeds there are.
int feed(const Settings &settings, const FeedOptions &options);

// Becomes banpush-lab with these words.
int lab(const Settings &settings, const Names &words);

int prune(const Settings &settings, const std::string &older_than);

} // namespace banpush
