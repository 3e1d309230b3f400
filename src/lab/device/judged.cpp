#include "lab/device/configuration.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush::lab {

namespace {

enum class Says { Nothing, Pass, Drop };

std::string field(const Entry &entry, const char *name) {
  const auto found = entry.fields.find(name);
  return found == entry.fields.end() ? std::string() : found->second;
}

struct Judge {
  const Description &description;
  const Configuration &in;
  const Address &from;

  const EntryList *list(const std::string &reference) const {
    const std::size_t slash = reference.find('/');
    return slash == std::string::npos ? nullptr : in.find(reference.substr(0, slash), reference.substr(slash + 1));
  }

  bool in_group(const std::string &reference) const {
    const EntryList *group = list(reference);
    return group != nullptr && std::any_of(group->entries.begin(), group->entries.end(), [&](const Entry &entry) {
             return field(entry, "inactive").empty() &&
                    (entry.net ? entry.net->covers(from) : !entry.refers.empty() && in_group(entry.refers));
           });
  }

  // An entry that looks at more than the source (`narrow`) is taken not to match: the packets asked about
  // are any packets of that source.
  bool matches(const Entry &entry) const {
    if (!field(entry, "narrow").empty() || !field(entry, "inactive").empty())
      return false;
    const std::string family = field(entry, "family_of");
    if (!family.empty() && (family == "6") != from.six)
      return false;
    if (!entry.refers.empty())
      return in_group(entry.refers);
    if (entry.net)
      return entry.net->covers(from);
    return !field(entry, "any").empty();
  }

  Says decision(const ListKind &kind, const EntryList &rules, std::string &by) const {
    for (const Entry &entry : rules.entries) {
      if (!matches(entry))
        continue;
      const std::string action = field(entry, "action");
      if (action.empty())
        continue;
      by = fmt::format("{}/{} {}", kind.name, rules.name, entry.number ? std::to_string(*entry.number) : entry.key);
      return action == "permit" || action == "accept" || action == "allow" ? Says::Pass : Says::Drop;
    }
    if (!kind.implicit_deny || rules.entries.empty())
      return Says::Nothing;
    by = fmt::format("{}/{} implicit deny", kind.name, rules.name);
    return Says::Drop;
  }

  // Dropped only where each of them drops it.
  Verdict by_any_path(const ListKind &kind, const std::map<std::string, EntryList> &paths) const {
    std::string by;
    const bool passes =
        std::any_of(paths.begin(), paths.end(), [&](const auto &path) { return decision(kind, path.second, by) != Says::Drop; });
    return {passes || paths.empty(), by};
  }
};

bool is_bound(const ListKind &kind) { return kind.judges == ListKind::Judges::Bound || kind.judges == ListKind::Judges::InTurn; }

} // namespace

Verdict judged(const Description &description, const Configuration &in, const std::string &where, const Address &from) {
  using Judges = ListKind::Judges;
  const Judge judge{description, in, from};
  std::vector<std::pair<const ListKind *, const EntryList *>> rules;
  if (const EntryList *bound = judge.list(where); bound != nullptr)
    for (const Entry &binding : bound->entries) {
      const std::string direction = field(binding, "direction"), family = field(binding, "family_of");
      const EntryList *list = judge.list(binding.refers);
      const auto kind = description.lists.find(binding.refers.substr(0, binding.refers.find('/')));
      if (list != nullptr && direction != "out" && is_bound(kind->second) && (family.empty() || (family == "6") == from.six))
        rules.emplace_back(&kind->second, list);
    }
  for (const auto &[name, kind] : description.lists)
    if (const auto all = in.lists.find(name); kind.judges == Judges::Always && all != in.lists.end())
      for (const auto &[its_name, list] : all->second)
        rules.emplace_back(&kind, &list);
  std::string last;
  for (const auto &[name, kind] : description.lists)
    if (const auto all = in.lists.find(name); kind.judges == Judges::Each && all != in.lists.end())
      if (const Verdict verdict = judge.by_any_path(kind, all->second); !verdict.passes)
        return verdict;
  for (const auto &[kind, list] : rules) {
    std::string by;
    const Says says = judge.decision(*kind, *list, by);
    if (says == Says::Drop)
      return {false, by};
    if (says == Says::Pass && kind->judges == Judges::InTurn)
      return {true, by};
    if (says == Says::Pass)
      last = by;
  }
  return {true, last};
}

} // namespace banpush::lab
