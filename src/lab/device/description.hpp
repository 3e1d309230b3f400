// One emulated platform as data: a device.yaml, loaded and checked. docs/lab.md describes each key; the
// names here are the keys there.
#pragma once

#include "core/driver/pattern.hpp"
#include "core/driver/text_template.hpp"
#include "lab/device/address.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace banpush::lab {

enum class Verb {
  Say,
  Show,
  Refuse,
  Enter,
  Leave,
  Open,
  Drop,
  Add,
  Remove,
  Move,
  Empty,
  Resequence,
  Note,
  Set,
  Put,
  Ask,
  Secret,
  Edit,
  Commit,
  Confirm,
  Revert,
  Rollback,
  Discard,
  Timer,
  Save,
  Reload,
  Close,
  Wait,
  Whole,
  If,
  Do,
};

struct Action;

struct Answer {
  Pattern like;
  std::vector<Action> then;
};

// One thing a device does on a line. `texts` holds its words by key, the empty key for an action that is
// one word; they are templates over the line's groups and the session's values.
struct Action {
  Verb verb = Verb::Say;
  std::map<std::string, TextTemplate> texts;
  std::map<std::string, TextTemplate> values; // set, put, note: name → value; add: fields besides the groups
  Pattern items;                              // add, remove: cuts the text `of` up, and each piece is one entry
  std::vector<Answer> answers;                // ask
  std::vector<Action> then, otherwise;        // if, secret (good, wrong), do; ask: any other answer
};

struct Rule {
  std::vector<Pattern> lines;       // any of them, whole
  std::string head;                 // the words of the first that are plain text, for the caret under a wrong line
  std::string when;                 // a value; `!name` for its absence
  std::set<std::string> attributes; // names that `k=v` words in the group `attributes` may have
  std::vector<Action> actions;
  std::map<std::string, std::vector<Action>> on; // by outcome, instead of its words
};

struct Mode {
  std::string name;
  TextTemplate prompt;
  std::size_t short_name = 0;    // characters of the host name in {{short}} here; 0: as everywhere
  std::string inside;            // the mode that `leave` leads to
  bool inherits = false;         // lines of that mode are understood here too, and lead back there
  std::vector<std::string> also; // lines of these modes are understood here, without leaving
  std::vector<Rule> rules;
  std::map<std::string, TextTemplate> says;
};

// What the device does about something its lists do not take.
enum class Rigour { Refuse, Silent, Replace, Merge, Keep, Drop };

// A kind of list the device keeps, and the rules it enforces on each of them.
struct ListKind {
  std::string name;
  TextTemplate key;   // two entries with the same are the same entry
  TextTemplate line;  // an entry as it is shown
  TextTemplate saved; // an entry as it stands in the configuration; the same unless given
  struct Numbers {
    std::uint64_t from = 1, to = 4294967295, first = 10, step = 10;
    enum class Next { AfterLast, Multiple, Lowest } next = Next::AfterLast; // for an entry without a number
    bool kept = true;                                                       // no: a reload counts anew from `first` by `step`
  };
  std::optional<Numbers> numbers;
  Rigour duplicate = Rigour::Refuse; // the same entry again
  Rigour taken = Rigour::Refuse;     // another entry at an occupied number
  Rigour missing = Rigour::Refuse;   // removal of what is not there
  Rigour no_list = Rigour::Refuse;   // removal of a list that is not there
  Rigour in_use = Rigour::Keep;      // removal of a list something refers to: refuse or keep (it goes)
  Rigour last_member =
      Rigour::Keep;              // removal of the only entry: refuse and keep of a list that something refers to; drop takes the list along
  Rigour overlap = Rigour::Keep; // an entry that overlaps another: refuse or keep
  Rigour dangling = Rigour::Keep; // an entry that refers to a list that is not there
  BitsBehind bits_behind = BitsBehind::Masked;
  bool sorted = false;             // shown by key, not by arrival
  std::optional<std::size_t> most; // entries
  std::set<std::string> clashes;   // kinds that share its name space
  // Whether its entries decide about packets. Each: every list of the kind is a path of its own, and a packet passes by any. InTurn:
  // of several that are bound the first with a rule for the packet decides.
  enum class Judges { No, Bound, Always, Each, InTurn } judges = Judges::No;
  bool implicit_deny = false; // what no entry matches is dropped, once there is an entry
  std::map<std::string, TextTemplate> says;
};

struct Terminal {
  std::string newline = "\r\n";
  TextTemplate echo; // on | off | repaint, over the values of the login
  std::string echo_end = "\r\n";
  std::string after_blank; // follows each blank that is echoed
  std::string before_prompt, after_prompt;
  std::string probe;      // sent at login, in front of the first prompt
  std::string pager;      // empty: never pages
  std::string pager_gone; // what wipes the pager's text away
  std::string pager_quit = "q";
  std::string pager_rest;        // keys that show all the rest
  bool wrap = false;             // long lines are cut at the width
  bool scroll = false;           // a typed line longer than the width is shown scrolled, behind a `$`
  std::size_t type_ahead = 4096; // bytes that wait while the device works; more are lost
  std::string end_key;           // the line that Ctrl-Z stands for; empty: none
};

// How a command's output is filtered: `show … | include X`.
struct Pipe {
  Pattern like;
  enum class Does { Keep, Drop, Section, Begin, NoPager, Count } does = Does::Keep;
};

struct Description {
  std::string file, name, train;
  std::string about;
  std::vector<std::string> sources;
  std::string hostname = "lab";
  std::size_t short_name = 0;   // characters of the host name in {{short}}; 0: all
  Pattern login_name;           // cuts the login name up: group `user`, others become values
  Fields values;                // of a session, at its start
  Fields settings;              // of the configuration, at the start
  std::string start;            // the mode after login
  std::vector<Action> greeting; // at the start of a shell
  Terminal terminal;
  std::map<std::string, Mode> modes;
  std::map<std::string, ListKind> lists;
  std::map<std::string, TextTemplate> shows;
  std::map<std::string, TextTemplate> says;
  std::vector<Pipe> pipes;
  std::string pipe_sign = "|";
  std::string joins;      // what parts commands on one line; empty: nothing does
  std::string config;     // what the platform comes with, typed before a network file's
  std::string types;      // the mode in which lines of a network file's `config` are typed
  std::string management; // kind/name of the list that holds what is bound where sessions come in
  enum class Saves { ByCommand, ByCommit, Always } saves = Saves::ByCommand; // what a reload finds
  std::size_t sessions = 16;                                                 // at the same time
  bool sessions_at_login = true; // one too many logs in and is told; else the connection is refused
  bool keyboard_interactive = false;
  std::chrono::milliseconds shown_after{0}; // how long what a session changed is not shown yet
  std::string configuration;                // the show that is the whole configuration

  // How a saved running configuration is written. Blocks: an indented line belongs to the line it stands below. Statements: each
  // line says all, or braces do. Sections: a line that names a path, and commands below it.
  enum class SavedAs { Blocks, Statements, Sections } saved_as = SavedAs::Blocks;
  std::string statement = "set ";                // what a statement begins with that stood in braces
  Pattern passage;                               // a line after which free text stands, up to a line with the group `end` in it
  std::string passage_end;                       // where that pattern has no such group
  std::map<std::string, std::string> stands_for; // driver → train, besides the driver of the folder's own name
};

// Throws Error (Config) with everything that is wrong, each `file:line:column: …`. `train` names one of the
// file's `trains`, laid over the rest; empty for none.
Description read_description(const std::string &file, const std::string &train);

} // namespace banpush::lab
