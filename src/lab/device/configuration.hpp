// What an emulated device keeps: lists of entries, and the rules it enforces when they are changed.
#pragma once

#include "lab/device/description.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace banpush::lab {

struct Entry {
  std::optional<std::uint64_t> number;
  Fields fields;          // what the line said, and the forms of its address
  std::optional<Net> net; // its address, where it says one
  std::string key;        // ListKind::key rendered
  std::string refers;     // `kind/name` of a list it stands for; empty: none

  friend bool operator==(const Entry &, const Entry &) = default;
};

struct EntryList {
  std::string name;
  Fields notes;
  std::vector<Entry> entries;

  friend bool operator==(const EntryList &, const EntryList &) = default;
};

struct Configuration {
  std::map<std::string, std::map<std::string, EntryList>> lists; // by kind, by name
  Fields settings;

  EntryList *find(const std::string &kind, const std::string &name);
  const EntryList *find(const std::string &kind, const std::string &name) const;
  // Whether any entry stands for this list.
  bool in_use(const std::string &kind, const std::string &name) const;
  // Whether the list that `kind/name` speaks of is there; the empty reference stands.
  bool stands(const std::string &reference) const;

  friend bool operator==(const Configuration &, const Configuration &) = default;
};

// What came of a change. An outcome names what the device objects to (`duplicate`, `full`: the keys of
// `says`); empty when it was done. `about` is the entry in question.
struct Change {
  std::string outcome;
  std::optional<Entry> about;
};

// A view of plain fields; numbers and the like are text.
View view_of(const Fields &fields);
// An entry as templates see it: its fields, number, key and refers.
View view_of(const Entry &entry);

// What a line says of an entry.
struct Said {
  Fields fields;
  std::string refers_kind, refers_name; // what it stands for
  std::optional<std::size_t> place;     // how many others stand before it, where entries have no numbers; else all
};

// Creates the list when it is not there. Outcomes: clash.
Change open_list(const Description &description, Configuration &in, const ListKind &kind, const std::string &name);
// Outcomes: no_list, in_use.
Change drop_list(Configuration &in, const ListKind &kind, const std::string &name);
// Outcomes: unknown (no address), bad_number, duplicate, taken, overlap, full. `most` is the
// device's own limit, when it has one.
Change add_entry(const ListKind &kind, EntryList &list, const Said &said, std::optional<std::size_t> most);
// By the number said, or else by the key of what is said. Outcomes: missing, last_member.
Change remove_entry(const Configuration &in, const ListKind &kind, EntryList &list, const Said &said, bool by_number);
// To the front of the list, by the key of what is said. Outcome: missing.
Change move_entry(const ListKind &kind, EntryList &list, const Said &said);
// Outcome: last_member.
Change empty_list(const Configuration &in, const ListKind &kind, EntryList &list);
void resequence(EntryList &list, std::uint64_t first, std::uint64_t step);
// What stands against a candidate as a whole: dangling, last_member; empty when nothing does.
std::string objection(const Description &description, const Configuration &candidate);
// What a reload makes of a configuration: kinds whose numbers are not kept are counted anew.
Configuration reloaded(const Description &description, Configuration saved);

// Whether a packet from this address passes: the deciding entry as `kind/name number`, empty when none decides.
struct Verdict {
  bool passes = true;
  std::string by;
};
// `where` is the `kind/name` of the list that holds what is bound where the packet comes in.
Verdict judged(const Description &description, const Configuration &in, const std::string &where, const Address &from);

} // namespace banpush::lab
