#include "lab/device/configuration.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace banpush::lab {

namespace {

bool same_slot(const Entry &a, const Entry &b) { return a.number && b.number && *a.number == *b.number; }

std::string value(const Fields &fields, const char *name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

bool overlap(const Entry &a, const Entry &b) { return a.net && b.net && (a.net->covers(b.net->address) || b.net->covers(a.net->address)); }

std::uint64_t next_number(const ListKind::Numbers &numbers, const EntryList &list) {
  using Next = ListKind::Numbers::Next;
  std::uint64_t highest = 0;
  for (const Entry &entry : list.entries)
    highest = std::max(highest, entry.number.value_or(0));
  if (numbers.next == Next::Lowest) {
    std::uint64_t number = numbers.first;
    const auto taken = [&] {
      return std::any_of(list.entries.begin(), list.entries.end(), [&](const Entry &entry) { return entry.number == number; });
    };
    while (taken())
      number += numbers.step;
    return number;
  }
  if (list.entries.empty())
    return numbers.first;
  return numbers.next == Next::Multiple ? (highest / numbers.step + 1) * numbers.step : highest + numbers.step;
}

// The number a line says; nothing when it says none.
std::optional<std::uint64_t> said_number(const Fields &fields, bool &wrong) {
  const std::string text = value(fields, "number");
  if (text.empty())
    return std::nullopt;
  wrong = text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos;
  return wrong ? std::nullopt : std::optional(std::stoull(text));
}

void place(const ListKind &kind, EntryList &list, Entry entry, const Said &said) {
  const auto size = static_cast<std::ptrdiff_t>(list.entries.size());
  auto at = list.entries.begin() + std::min(size, static_cast<std::ptrdiff_t>(said.place.value_or(list.entries.size())));
  if (entry.number)
    at = std::upper_bound(list.entries.begin(), list.entries.end(), entry,
                          [](const Entry &a, const Entry &b) { return a.number < b.number; });
  else if (kind.sorted)
    at = std::upper_bound(list.entries.begin(), list.entries.end(), entry, [](const Entry &a, const Entry &b) { return a.key < b.key; });
  list.entries.insert(at, std::move(entry));
}

// An entry out of what a line says; an outcome when that makes none.
Change entry_of(const ListKind &kind, const Said &said) {
  Entry entry;
  entry.fields = said.fields;
  const auto forms = address_forms(said.fields, kind.bits_behind);
  if (!forms)
    return {"unknown", {}};
  for (const auto &[name, text] : forms->fields)
    entry.fields[name] = text;
  entry.net = forms->net;
  if (!said.refers_name.empty())
    entry.refers = said.refers_kind + "/" + said.refers_name;
  if (kind.numbers) {
    bool wrong = false;
    entry.number = said_number(said.fields, wrong);
    if (wrong)
      return {"bad_number", entry};
    entry.fields.erase("number");
  }
  entry.key = kind.key.render(view_of(entry));
  return {"", std::move(entry)};
}

} // namespace

EntryList *Configuration::find(const std::string &kind, const std::string &name) {
  return const_cast<EntryList *>(std::as_const(*this).find(kind, name));
}

const EntryList *Configuration::find(const std::string &kind, const std::string &name) const {
  const auto all = lists.find(kind);
  if (all == lists.end())
    return nullptr;
  const auto one = all->second.find(name);
  return one == all->second.end() ? nullptr : &one->second;
}

bool Configuration::in_use(const std::string &kind, const std::string &name) const {
  const std::string what = kind + "/" + name;
  for (const auto &[other, all] : lists)
    for (const auto &[its_name, list] : all)
      for (const Entry &entry : list.entries)
        if (entry.refers == what)
          return true;
  return false;
}

bool Configuration::stands(const std::string &reference) const {
  const std::size_t slash = reference.find('/');
  return slash == std::string::npos || find(reference.substr(0, slash), reference.substr(slash + 1)) != nullptr;
}

View view_of(const Fields &fields) {
  View view;
  for (const auto &[name, text] : fields)
    view.values[name] = text;
  return view;
}

View view_of(const Entry &entry) {
  View view = view_of(entry.fields);
  view.values["number"] = entry.number ? std::to_string(*entry.number) : std::string();
  view.values["key"] = entry.key;
  view.values["refers"] = entry.refers.substr(entry.refers.find('/') + 1);
  return view;
}

Change open_list(const Description &description, Configuration &in, const ListKind &kind, const std::string &name) {
  for (const auto &[other, its] : description.lists)
    if (other != kind.name && (kind.clashes.count(other) != 0 || its.clashes.count(kind.name) != 0) && in.find(other, name) != nullptr)
      return {"clash", {}};
  in.lists[kind.name].try_emplace(name, EntryList{name, {}, {}});
  return {};
}

Change drop_list(Configuration &in, const ListKind &kind, const std::string &name) {
  if (in.find(kind.name, name) == nullptr)
    return {kind.no_list == Rigour::Refuse ? "no_list" : "", {}};
  if (kind.in_use == Rigour::Refuse && in.in_use(kind.name, name))
    return {"in_use", {}};
  in.lists[kind.name].erase(name);
  return {};
}

Change add_entry(const ListKind &kind, EntryList &list, const Said &said, std::optional<std::size_t> most) {
  Change made = entry_of(kind, said);
  if (!made.outcome.empty())
    return made;
  Entry entry = std::move(*made.about);
  if (entry.number && (*entry.number < kind.numbers->from || *entry.number > kind.numbers->to))
    return {"bad_number", entry};
  const auto same = std::find_if(list.entries.begin(), list.entries.end(), [&](const Entry &other) { return other.key == entry.key; });
  if (same != list.entries.end()) {
    if (kind.duplicate == Rigour::Refuse && same_slot(*same, entry) && kind.taken == Rigour::Silent)
      return {"", *same}; // the very same line again
    if (kind.duplicate == Rigour::Refuse)
      return {"duplicate", *same};
    if (kind.duplicate == Rigour::Silent)
      return {"", *same};
    if (kind.duplicate == Rigour::Merge) {
      for (const auto &[name, text] : entry.fields)
        if (!text.empty())
          same->fields[name] = text;
      if (!entry.refers.empty())
        same->refers = entry.refers;
      if (entry.net)
        same->net = entry.net;
      return {"", *same};
    }
    if (kind.duplicate == Rigour::Replace) {
      list.entries.erase(same);
    }
  }
  if (kind.numbers && !entry.number)
    entry.number = next_number(*kind.numbers, list);
  if (entry.number && *entry.number > kind.numbers->to)
    return {"bad_number", entry};
  const auto slot = std::find_if(list.entries.begin(), list.entries.end(), [&](const Entry &other) { return same_slot(other, entry); });
  if (slot != list.entries.end()) {
    if (kind.taken != Rigour::Replace)
      return {"taken", *slot};
    list.entries.erase(slot);
  }
  if (kind.overlap == Rigour::Refuse)
    for (const Entry &other : list.entries)
      if (overlap(other, entry))
        return {"overlap", other};
  for (const auto &limit : {kind.most, most})
    if (limit && list.entries.size() >= *limit)
      return {"full", entry};
  place(kind, list, entry, said);
  return {"", std::move(entry)};
}

Change remove_entry(const Configuration &in, const ListKind &kind, EntryList &list, const Said &said, bool by_number) {
  auto found = list.entries.end();
  if (by_number) {
    bool wrong = false;
    const auto number = said_number(said.fields, wrong);
    found = std::find_if(list.entries.begin(), list.entries.end(), [&](const Entry &entry) { return number && entry.number == number; });
  } else {
    const Change made = entry_of(kind, said);
    if (!made.outcome.empty())
      return made;
    found = std::find_if(list.entries.begin(), list.entries.end(), [&](const Entry &entry) {
      return entry.key == made.about->key && (!made.about->number || made.about->number == entry.number);
    });
  }
  if (found == list.entries.end())
    return {kind.missing == Rigour::Refuse ? "missing" : "", {}};
  if (kind.last_member == Rigour::Refuse && list.entries.size() == 1 && in.in_use(kind.name, list.name))
    return {"last_member", *found};
  Entry gone = *found;
  list.entries.erase(found);
  return {"", std::move(gone)};
}

Change move_entry(const ListKind &kind, EntryList &list, const Said &said) {
  const Change made = entry_of(kind, said);
  if (!made.outcome.empty())
    return made;
  const auto found =
      std::find_if(list.entries.begin(), list.entries.end(), [&](const Entry &entry) { return entry.key == made.about->key; });
  if (found == list.entries.end())
    return {"missing", {}};
  std::rotate(list.entries.begin(), found, found + 1);
  return {};
}

Change empty_list(const Configuration &in, const ListKind &kind, EntryList &list) {
  if (kind.last_member == Rigour::Refuse && !list.entries.empty() && in.in_use(kind.name, list.name))
    return {"last_member", {}};
  list.entries.clear();
  return {};
}

void resequence(EntryList &list, std::uint64_t first, std::uint64_t step) {
  for (Entry &entry : list.entries) {
    entry.number = first;
    first += step;
  }
}

Configuration reloaded(const Description &description, Configuration saved) {
  for (auto &[name, all] : saved.lists) {
    for (auto &[its_name, list] : all) {
      const auto lasts = [](const Entry &entry) { return value(entry.fields, "volatile").empty(); };
      list.entries.erase(std::stable_partition(list.entries.begin(), list.entries.end(), lasts), list.entries.end());
    }
    const auto kind = description.lists.find(name);
    if (kind == description.lists.end() || !kind->second.numbers || kind->second.numbers->kept)
      continue;
    for (auto &[its_name, list] : all)
      resequence(list, kind->second.numbers->first, kind->second.numbers->step);
  }
  return saved;
}

std::string objection(const Description &description, const Configuration &candidate) {
  for (const auto &[name, all] : candidate.lists)
    for (const auto &[its_name, list] : all) {
      const ListKind &kind = description.lists.at(name);
      if (kind.last_member == Rigour::Refuse && list.entries.empty() && candidate.in_use(name, its_name))
        return "last_member";
      for (const Entry &entry : list.entries)
        if (kind.dangling == Rigour::Refuse && !candidate.stands(entry.refers))
          return "dangling";
    }
  return {};
}

} // namespace banpush::lab
