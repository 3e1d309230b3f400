// One way to one platform as data: what drivers/NAME.yaml and templates/NAME/ say, loaded and checked.
// docs/driver-format.md describes each key; the names here are the keys there.
#pragma once

#include "core/address/prefix.hpp"
#include "core/driver/pattern.hpp"
#include "core/driver/text_template.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace banpush {

enum class TransportKind { Cli, Exec, Netconf, Nftables, File };
// cli, exec, netconf, nftables, file: as in YAML, and the first three as what a part's `when` may ask for.
const char *word(TransportKind kind) noexcept;

// How sure the project is that the driver is right, worst first. Below Captured it plans, but pushes
// only with `accept_unproven: yes`.
enum class EvidenceLevel { Believed, Documented, Captured, Live };

enum class TextFormat { Lines, Json, Xml };

// What a template may name beside the fixed view, typed so that nothing else gets in.
struct Param {
  enum class Type { Name, Number, Prefix, Flag, Secret } type = Type::Name;
  std::string charset = "A-Za-z0-9_.-"; // of a Name, as in a bracket expression; a Name is never empty unless `optional`
  std::size_t max = 63;                 // characters of a Name
  long from = 0, to = 4294967295;       // of a Number
  std::vector<std::string> one_of;
  std::optional<std::string> standard; // YAML key `default`; a param without one must be given, unless optional
  bool optional = false;               // may be absent: then it is empty and false in templates
  std::string only;                    // YAML key `for`: asked for only by this stage (setup)
  std::string about;
};

struct Question {
  Pattern question;
  std::string answer; // sent with a line end; templates' params and facts may stand in it
};

// What may be on its way to a command line without the device having answered. It begins with the bytes that the platform is
// known to take and grows as the device shows that it takes more (transport/cli/cli_pace.hpp).
struct Window {
  unsigned lines = 100'000; // at most; 1 is lock-step
  unsigned bytes = 256;     // to begin with
  unsigned most = 65'536;   // bytes that are never exceeded
};

// One set on the device that banpush owns (or of which it owns the marked entries).
struct List {
  std::string name;                                         // the key; a param of the same name gives the device's name for it
  std::vector<Family> families{Family::IPv4, Family::IPv6}; // YAML: holds.families [4, 6]
  bool hosts = true, nets = true;                           // YAML: holds.kinds [host, net]
  bool services = false;                                    // YAML: holds.services
  enum class OwnedBy { List, Numbers, Tag } owned_by = OwnedBy::List;
  struct Numbers {
    std::uint64_t from = 1, to = 4294967295, step = 1;
  };
  std::optional<Numbers> numbers;  // entries carry numbers, given by banpush in this range; what has another one is somebody else's
  bool renumbers = false;          // the platform gives numbers anew by itself: what the ledger knows is ours by any number
  std::string needs_permit;        // `yes`, or when (as in Proof): without an entry that permits the rest it is not in force
  std::optional<std::size_t> most; // entries the platform takes
  double cost = 1;                 // slots of the budget one entry takes
  // The most specific entry decides (routes): an entry of somebody else holds only the very same prefix, not what lies in it.
  bool longest_match = false;
  // Of its entries that meet a packet the most specific one decides, in whatever order they are shown.
  bool specific_first = false;
  bool permits_first = false; // what of others lets packets through does so whatever of ours meets them
  // A prefix stands in it once: an entry of somebody else, whatever it does, keeps ours of the same prefix out.
  bool each_once = false;
  // Two entries may not overlap (interval sets): what lies in a wider one of ours, or meets a foreign one, is left out.
  bool disjoint = false;
  std::vector<std::string> input; // exec: the program whose standard input takes changes to this list, instead of Driver::input
  std::string when;               // a fact that is always learnt, or a param; `!name` for its absence: else the device has no such list
  std::string says;               // for people, when that does not hold
};

// One shape of an entry in JSON or XML: group name → pointer from the item. The first shape all of
// whose pointers resolve wins. Group names as in Read::entry.
using Shape = std::map<std::string, std::string>;

// How one command of the device is turned into entries (or into the proof that entries are in force).
struct Read {
  std::vector<std::string> lists; // keys of Driver::lists
  enum class Shows { Entries, InForce } shows = Shows::Entries;
  std::string send;             // CLI: the line
  std::vector<std::string> run; // exec: argv
  std::string rpc;              // NETCONF: name of the template with the RPC body
  TextFormat format = TextFormat::Lines;
  std::vector<int> exits{0};  // exec: statuses that are no failure
  Pattern found;              // what a complete reply must contain; always asked for unless `empty_is_none`
  bool empty_is_none = false; // the program's exit status alone proves the reply complete (exec)
  Pattern absent;             // the device says the list does not stand there (`No such file or directory`)
  // lines
  Pattern list;     // a header: entries that follow belong to group `list`
  Pattern list_end; // the line that ends a list: where ours has none, the reply is cut
  Pattern record;   // a record starts here; lines up to the next start are joined by one blank
  Pattern each;     // only these lines are looked at; all others are skipped in silence. Its group `list` says whose the line is
  std::vector<Pattern>
      entry; // groups: prefix | slug | address [wildcard|netmask|length], first+last (a range), protocol, port, number, hits, list, tag; foreign, permit, deny (when one takes part, the entry is somebody else's whatever else it is)
  Pattern item;     // cuts the group `entries` of an entry into entries of their own, where one line has several; groups as there
  Pattern terminal; // the entry behind which nothing is in force; group `number`
  Pattern inactive; // a line that would be an entry but is switched off
  Pattern number;   // the number any line of the list carries, ours or not; group `number`
  Pattern skip;     // lines of the reply that are neither entry nor foreign (headers, rulers)
  // json, xml
  std::string items;     // the lists of the reply (JSON pointer with `*` for every member; XPath)
  std::string list_at;   // YAML `list` for json and xml: the list's name, from an item
  std::string entries;   // the entries, from an item
  bool per_list = false; // YAML `per: list`: asked for each of its lists by itself; the template knows the list
  std::string beside; // json, xml: what else an item and its entries may have, from the item. Anything that no path names is not understood
  std::vector<Shape> shapes; // YAML `entry` for json and xml
  // an entry of ours, where lists are owned by tag: group or pointer, and what it must be
  std::string ours_at;
  Pattern ours_like;
};

// The rules a packet meets, in their order: one of them drops by our list, and what those before it do decides whether it gets
// there.
struct Path {
  Pattern each; // the lines of rules; its group `rule` names the rule a line is of. Without one each such line begins a rule
  // Rules that packets meet before the others, wherever they are shown: those of an earlier pattern before those of a later.
  std::vector<Pattern> first;
  std::vector<Pattern> ours, ours_lacks; // all and none of which the rule has that drops by our list, and by nothing else
  std::vector<Pattern> passes;           // one of which a rule has that lets everything through
  std::vector<Pattern> drops;            // one of which a rule has that lets nothing through; of all others it cannot be told
  Pattern named;                         // the line that has a filter's name; groups `filter` (as in `each`) and `name`
  std::vector<Pattern> bound;            // a line that binds a filter to a place, by its name; group `name`. With `named`
  // The lines of places where filters are bound; group `place`. `bound` is then looked for in all lines of one together, and of the
  // filters of a place packets meet those of an earlier pattern first, and those of one pattern in the order in which they are shown.
  Pattern place;
  std::vector<Pattern> at; // all of which the place has that is asked for
  Pattern
      called; // a place's name as the device spells it; groups `name`, `type` for what stands before it, and `unit` for what comes behind a dot
  Pattern off;                  // a line that says that a filter is switched off; group `filter`
  Pattern calls;                // a rule that hands packets to a chain of rules and may get them back; group `chain`
  Pattern chain;                // a line of such a chain: group `chain`, and `rule` where the line is a rule of it
  std::vector<Pattern> returns; // a rule of such a chain that only hands packets back. With `calls`
};

// A proof that what a list holds is in force: the rule that uses it stands. All proofs of a list must hold.
struct Proof {
  std::vector<std::string> lists;
  std::string send;
  std::vector<std::string> run;
  std::string rpc;
  std::vector<int> exits{0};
  std::vector<Pattern> holds;               // each must be found in the reply
  std::vector<Pattern> lacks;               // none may be
  Pattern bound_by;                         // what binds the list, in the reply; empty: the list's name anywhere
  std::optional<Path> path;                 // and the rules in the reply let packets come to the one that drops
  bool doubts = false;                      // YAML level: warning. What does not hold is no proof of the contrary: it is said, no more
  std::string says;                         // for people, when it does not hold: `no rule in chain INPUT jumps to {{chain4}}`
  std::string when;                         // a param, a fact that is always learnt, or attach; `!name` for its absence
  bool per_attach = false;                  // YAML `per: attach`: asked once for each place where the device's lists are bound
  std::map<std::string, std::string> place; // the names of that place (core/script/places.hpp), once it is known
};

// Something learnt at open: a named value for `when` and for templates.
struct Fact {
  std::string name;
  std::string send;
  std::vector<std::string> run;
  std::string rpc;              // NETCONF; without one what the device's hello says is looked at
  std::vector<int> exits;       // empty: any status will do
  Pattern holds;                // true when found; with a group `value` the value is what it matched
  Pattern address;              // group `address`: seen_from
  std::string only;             // YAML `for`: learnt only before this stage (setup, which stands for its removal too)
  std::optional<Family> family; // what it is about: not asked where no list of that family is used
  bool per_attach = false;      // YAML `per: attach`: learnt of each place where the device's lists are bound
};

// What setup, or its removal, will not do: replace what others have bound. It says so and sends nothing.
struct Refusal {
  std::string before = "setup";  // setup | unsetup | reading (nothing is asked of its lists)
  std::vector<std::string> when; // facts, LIST_stands, LIST_in_force, params; `!name` for absence; all must hold
  std::string says;              // for people; params, facts and the names of the place may stand in it
  bool per_attach = false;       // one of `when` is known of places only: asked of each
};

// For `check --connect`: something about the device that a person should know (uRPF off, routes leak).
struct Check {
  std::string name;
  std::string send;
  std::vector<std::string> run;
  std::vector<int> exits;
  std::vector<Pattern> holds, lacks;
  bool fatal = false; // YAML level: error | warning
  std::string says;   // for people, when it does not hold
  std::string when;   // a fact, capability or param; `!name` for its absence
};

// One template of a stage and how it is delivered. A stage is there when it has parts.
struct Part {
  std::string template_name;      // the file in templates/DRIVER/; the stage's own name unless given
  std::vector<std::string> lists; // rendered when one of these changes; empty: any
  std::vector<std::string> input; // exec: the program that takes it on standard input; empty: the list's, or the driver's
  std::vector<std::string> run;   // exec: a program of its own, no template
  std::string when;               // a fact, capability, param or the transport (cli, exec, netconf); `!name` for its absence
  Pattern until;                  // the prompt that must end it, resolved from Driver::prompts
  Pattern expect;                 // must be found in the output of the stage
  std::vector<Question> ask;      // questions it may answer; any other ends the push
  std::optional<Window> window;
  std::optional<std::chrono::seconds> silence;
  std::vector<int> exits{0};
};

enum class Stage { Open, Change, Remove, Add, Close, Commit, Confirm, Cancel, Abort, Leave, Save, Setup, Unsetup, Undo, Renumber };
const char *word(Stage stage) noexcept;

// How the guard reads blocks back out of the lines of changing stages. Every line must be one of these.
struct Spoken {
  struct Says {
    Pattern line; // groups as in Read::entry; `number` alone names an installed entry; `entries` is cut up by item
    Pattern item;
  };
  std::vector<Says> add, remove;
  std::vector<Pattern>
      frame; // lines that are no entry; group `list`, or one called as the key of a list, says which list the next lines are about; with groups as in Read::entry it defines an object that entries refer to
  // XML bodies: the path to each added or removed element, and the shape of its block
  std::string xml_add, xml_remove;
  std::vector<Shape> shapes;
};

struct DeadMan {
  enum class Kind { Commit, Timer } kind = Kind::Commit;
  enum class Unit { Second, Minute } unit = Unit::Second; // YAML: seconds | minutes
  unsigned least = 1;
  unsigned most = std::numeric_limits<unsigned>::max(); // both in units; without a documented one there is no greatest

  // What the device makes of a time to confirm, both in seconds: whole units of its own, none less than its least, none
  // more than its most.
  std::int64_t taken(std::int64_t confirm) const noexcept;

  std::string when;
  std::vector<Check> refuse; // asked right before; where one does not hold, the change is refused with what it says
};

struct Evidence {
  EvidenceLevel level = EvidenceLevel::Believed;
  std::string source;
};

struct Driver {
  std::string name; // the file's name without .yaml
  std::string file; // where it was loaded from
  std::string about;
  std::string sets; // the kind of object it keeps, for the support matrix: `ACL`, `object-group`, `blackhole route`, `nft set`
  std::vector<TransportKind> transports; // the first is used unless the device says
  Evidence evidence;
  std::map<std::string, Param> params;
  std::map<std::string, Pattern> prompts;
  std::string login_suffix;         // put behind the user name at an SSH login: some consoles take their settings there
  Pattern password_question;        // how keyboard-interactive asks for the password, in other words than `password`
  std::vector<Question> login;      // what it may ask before its first prompt (`Press any key to continue`); anything else ends the login
  std::vector<std::string> session; // sent after login, never part of a plan
  std::vector<std::string> goodbye; // lines that end the session
  struct Enable {
    std::string send;   // `enable`
    Pattern password;   // the question the enable secret answers
    std::string prompt; // the name of the prompt that proves it
  };
  std::optional<Enable> enable;
  Pattern pager;
  std::string pager_answer = " ";
  std::vector<Pattern> noise, harmless, busy, fatal;
  Window window;
  std::chrono::seconds silence{30};
  std::string newline = "\n";
  std::vector<Fact> facts;
  std::vector<List> lists;
  std::vector<Read> reads;
  std::vector<Proof> in_force;
  std::vector<Check> checks;
  std::vector<Refusal> refuse;
  // Words that stand where banpush has numbers or other words: `www` → `80` (only read), `ahp` → `ah`.
  std::map<std::string, std::string> ports, protocols;
  std::chrono::milliseconds settle{0}; // how long what was accepted may take to be shown
  std::vector<std::string> input;      // exec: the program that takes the change on standard input
  bool batch_whole = false;            // all changing stages for one program are one input
  bool add_first = true;               // YAML order: [add, remove] or [remove, add]
  std::size_t chunk = 512;             // entries a rendering of add or remove
  std::map<Stage, std::vector<Part>> stages;
  std::map<std::string, TextTemplate> templates;
  Spoken spoken; // YAML `script`
  std::optional<DeadMan> dead_man;
  std::map<std::string, std::string> namespaces; // XML prefix → URI
  std::optional<std::size_t> most_entries;       // YAML limits.entries
  std::size_t most_line = 4096;                  // YAML limits.line: bytes a line may have
  std::size_t most_slug = 64;                    // YAML limits.slug: characters that `slug` may have
  std::string saves;                             // YAML `saves`: what stands for saving where nothing needs it (`always`) or empty

  const List *list(std::string_view name) const noexcept;
  // The list that takes this block; nothing when none holds its family, kind or service.
  const List *list_for(const Prefix &prefix, bool with_service) const noexcept;
  bool has(Stage stage) const { return stages.count(stage) != 0; }
};

} // namespace banpush
