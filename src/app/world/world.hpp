// What every verb begins with: the configuration in the scope the verb needs, the bans, the devices meant.
#pragma once

#include "app/words/console.hpp"
#include "app/world/names.hpp"
#include "bans/ban_table.hpp"
#include "settings/config.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace banpush {

// Names of devices or groups as the command line gives them; none: all.
using Names = std::vector<std::string>;

// What the command line says once for all verbs.
struct Settings {
  std::string config; // path
  Console console;
  std::string trace;              // file for the dialogue with devices; empty: none
  std::vector<std::string> words; // the command line, from the program's name on, for a program that goes on with it
};

// Folders with drivers/ and templates/ in them, the configuration's own first.
std::vector<std::string> data_folders(const std::string &config_path);

// The whole configuration must be right. Throws Error (Config). Names in it are not asked for: see protect().
Config load_all(const Settings &settings);
// The same without the drivers, which are not read: for `ban` and `unban`.
Config load_for_recording(const Settings &settings);
// For `flush`, `pause`, `resume`, `show`: only what these devices need must be right (empty: all devices).
// What else is wrong stands in Config::warnings, which are said on stderr.
Config load_for_rescue(const Settings &settings, const std::vector<std::string> &devices);

// The devices of these names, or all. Throws Error (Usage) for a name there is not.
std::vector<const Device *> chosen(const Config &config, const std::vector<std::string> &names);

std::unique_ptr<BanTable> open(const TableSource &source, const TableTimeouts &timeouts = {});

std::vector<std::unique_ptr<BanTable>> open_all(const Config &config, const TableTimeouts &timeouts = {});

// What a table says must never be blocked: its allowlist and where its reporters are.
struct TableCopy {
  std::vector<AllowRow> allowed;
  std::vector<std::pair<std::string, std::string>> reporters;
  bool sides = false; // whether there were side tables at all
};

// The rows of all tables, their allowlists put into every policy of the configuration, and the protected
// set that is found by itself.
struct Fetched {
  Bans bans;
  std::vector<NamedPrefix> protect;
  std::vector<std::string> notes;          // bad rows, for people
  std::map<std::string, TableCopy> copies; // by the table's name
  std::vector<std::uint32_t> times;        // for who follows the tables: as LiveBans takes them
  std::vector<std::string> unknown_hosts;  // what must be protected and cannot be found: nothing may be pushed
};
// From tables that are open already, without the protected set; Follow: news() of each tells what comes later. Throws
// Error (Table, Config): nothing is half known.
enum class Reading { Once, Follow };
Fetched fetch_rows(Config &config, const std::vector<std::unique_ptr<BanTable>> &tables, Reading reading = Reading::Once);

// What must never be blocked here, by what is fetched and by names, all of which are asked for with one bound.
struct Protection {
  std::vector<NamedPrefix> found; // without what needs names of the configuration
  NameAnswers names;
};
Protection ask_for_protection(const Config &config, const Fetched &fetched);
// Puts it into the policies and into `fetched`.
void protect(Config &config, Fetched &fetched, const Protection &protection);

// The allowlist of one table into every policy; a line that is no prefix stops everything.
void add_allowed(Config &config, const std::vector<AllowRow> &rows, const std::string &name);

} // namespace banpush
