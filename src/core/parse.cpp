#include "core/parse.hpp"

#include "core/ban.hpp"
#include "core/entry_text.hpp"
#include "core/json_items.hpp"
#include "core/script.hpp"
#include "core/xml_items.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace banpush {

namespace {

Read bound(Read read, const Values &values) {
  for (Pattern *pattern : {&read.found, &read.absent, &read.list, &read.record, &read.each, &read.terminal, &read.inactive, &read.number,
                           &read.skip, &read.item, &read.ours_like})
    *pattern = bound(*pattern, values);
  for (Pattern &pattern : read.entry)
    pattern = bound(pattern, values);
  return read;
}

std::string first_line(std::string_view text) {
  while (!text.empty() && (text.front() == '\n' || text.front() == ' '))
    text.remove_prefix(1);
  text = text.substr(0, text.find('\n'));
  return text.empty() ? "nothing" : fmt::format("\"{}\"", shown(text, 160));
}

std::string what_was_asked(const Read &read, const Values &values) {
  if (!read.send.empty())
    return expand(read.send, values);
  std::string words;
  for (const std::string &word : read.run)
    words += (words.empty() ? "" : " ") + expand(word, values);
  return words.empty() ? "rpc " + read.rpc : words;
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

// Collects what one read shows, list by list.
class Collector {
public:
  Collector(const Driver &driver, const Read &read, const Values &values) : driver_(driver), read_(read) {
    for (const std::string &key : read.lists) {
      ListState state;
      state.list = key;
      found_.lists.push_back(std::move(state));
      const auto value = values.find(key);
      names_[value == values.end() ? key : value->second] = key;
    }
  }

  // The key of the list a device calls so; empty when it is none of ours.
  std::string key_of(std::string_view name) const {
    const auto key = names_.find(std::string(name));
    return key == names_.end() ? std::string() : key->second;
  }
  std::string only_list() const { return read_.lists.size() == 1 ? read_.lists.front() : std::string(); }

  ListState &state(const std::string &key) {
    return *std::find_if(found_.lists.begin(), found_.lists.end(), [&](const ListState &state) { return state.list == key; });
  }

  // `list`: the key, or empty where the reply does not say and family and kind decide.
  void entry(const Pieces &shown, std::string list, std::string_view text, const std::string &why_not) {
    const Pieces pieces = in_our_words(driver_, shown);
    const EntryText read = entry_of(pieces);
    if (const auto named = pieces("list"); named && list.empty())
      list = key_of(*named);
    const Prefix *prefix = read.block ? &read.block->prefix : read.covers ? &*read.covers : nullptr;
    if (list.empty() && prefix != nullptr)
      list = list_of(*prefix, read.block && !read.block->service.is_any());
    if (list.empty() || !read.block || !is_ours(pieces, list) || !may_hold(list, read.block->prefix)) {
      foreign(list, text, read, pieces("number"));
      return;
    }
    Entry entry;
    entry.block = *read.block;
    entry.list = list;
    if (const auto number = pieces("number"))
      entry.number = std::string(*number);
    if (const auto hits = pieces("hits"))
      entry.hits = number_in(*hits).value_or(0);
    entry.why_not = why_not.empty() ? terminal_text(list) : why_not;
    entry.in_force = entry.why_not.empty();
    found_.entries.push_back(std::move(entry));
  }

  void foreign(const std::string &list, std::string_view text, const EntryText &read, std::optional<std::string_view> number) {
    if (!list.empty() && number)
      if (const auto taken = number_in(*number))
        state(list).taken.push_back(*taken);
    found_.foreign.push_back({list, std::string(text), read.covers, read.around});
  }

  void terminal(const std::string &list, std::optional<std::string_view> number) {
    behind_.emplace(list, number ? std::string(*number) : std::string());
    if (!list.empty() && number)
      state(list).terminal = number_in(*number);
  }

  Installed finish() && {
    std::stable_sort(found_.entries.begin(), found_.entries.end(), [](const Entry &a, const Entry &b) { return a.block < b.block; });
    return std::move(found_);
  }

private:
  std::string list_of(const Prefix &prefix, bool service) const {
    for (const std::string &key : read_.lists) {
      const List *list = driver_.list(key);
      const bool family = std::find(list->families.begin(), list->families.end(), prefix.family()) != list->families.end();
      if (family && (prefix.is_host() ? list->hosts : list->nets) && (!service || list->services))
        return key;
    }
    return {};
  }

  // Lists partition blocks: what banpush would have put elsewhere is not ours.
  bool may_hold(const std::string &key, const Prefix &prefix) const {
    const List *list = driver_.list(key);
    return (prefix.is_host() ? list->hosts : list->nets) &&
           std::find(list->families.begin(), list->families.end(), prefix.family()) != list->families.end();
  }

  bool is_ours(const Pieces &pieces, const std::string &key) const {
    if (pieces("foreign"))
      return false;
    const List *list = driver_.list(key);
    if (list->owned_by == List::OwnedBy::Numbers) {
      const auto number = pieces("number");
      const auto value = number ? number_in(*number) : std::nullopt;
      return value && list->numbers && *value >= list->numbers->from && *value <= list->numbers->to;
    }
    if (read_.ours_at.empty())
      return true;
    const auto mark = pieces(read_.ours_at);
    return mark && read_.ours_like.found_in(*mark);
  }

  std::string terminal_text(const std::string &list) const {
    const auto behind = behind_.find(list);
    if (behind == behind_.end())
      return {};
    return behind->second.empty() ? "behind the terminal entry" : fmt::format("behind the terminal entry ({})", behind->second);
  }

  const Driver &driver_;
  const Read &read_;
  std::map<std::string, std::string> names_;  // device's name → key
  std::map<std::string, std::string> behind_; // lists whose terminal entry has been met → its number
  Installed found_;
};

Pieces pieces_of(const Pattern::Match &match) {
  return [&match](std::string_view name) { return match.group(name); };
}

// Lines as the driver wants them looked at: joined to records where it says where one starts.
std::vector<std::string> records_of(const Read &read, std::string_view text) {
  std::vector<std::string> records;
  bool open = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    const bool starts = !read.record.empty() && read.record.found_in(line);
    const bool header = !read.list.empty() && read.list.found_in(line);
    if (open && !starts && !header && !line.empty()) {
      const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
      records.back() += " " + std::string(line.substr(indent));
      continue;
    }
    open = starts;
    records.emplace_back(line);
  }
  return records;
}

// What stands in one line: which list it is about, and why it is not in force, if so.
struct Line {
  const std::string &list, &why_not;
};

void collect_entry(const Read &read, const Pattern::Match &match, const std::string &text, const Line &line, Collector &collector) {
  const auto several = read.item.empty() ? std::nullopt : match.group("entries");
  if (!several) {
    collector.entry(pieces_of(match), line.list, text, line.why_not);
    return;
  }
  for (const Pattern::Match &item : read.item.all(*several))
    if (!read.skip.found_in(item.whole))
      collector.entry(pieces_of(item), line.list, item.whole, line.why_not);
}

void collect_lines(const Read &read, std::string_view text, Collector &collector) {
  std::string current = read.list.empty() ? collector.only_list() : std::string();
  bool ours = read.list.empty();
  const bool each_names_list = read.each.has_group("list");
  std::map<std::string, bool> seen;
  for (const std::string &line : records_of(read, text)) {
    if (!read.list.empty()) {
      if (const auto header = read.list.match(line)) {
        current = collector.key_of(header->group("list").value_or(""));
        ours = !current.empty();
        if (ours)
          seen[current] = true;
        continue;
      }
    }
    if (each_names_list) {
      const auto looked_at = read.each.match(line);
      if (!looked_at)
        continue;
      current = collector.key_of(looked_at->group("list").value_or(""));
      ours = !current.empty();
    }
    if (!ours || line.find_first_not_of(" \t") == std::string::npos)
      continue;
    if (!read.each.empty() && !read.each.found_in(line))
      continue;
    if (!read.skip.empty() && read.skip.found_in(line))
      continue;
    if (const auto terminal = read.terminal.match(line)) {
      collector.terminal(current, terminal->group("number"));
      continue;
    }
    std::string why_not;
    if (read.inactive.found_in(line))
      why_not = "inactive";
    const auto entry = std::find_if(read.entry.begin(), read.entry.end(), [&](const Pattern &pattern) { return pattern.found_in(line); });
    if (entry != read.entry.end()) {
      collect_entry(read, *entry->match(line), line, {current, why_not}, collector);
      continue;
    }
    const auto number = read.number.match(line);
    collector.foreign(current, line, {}, number ? number->group("number") : std::nullopt);
  }
  if (!read.list.empty())
    for (const std::string &key : read.lists)
      if (!seen[key]) {
        collector.state(key).stands = false;
        collector.state(key).why_not = "the device shows no such list";
      }
}

template <typename Items>
void collect_items(const Read &read, const Items &items, Collector &collector) {
  std::map<std::string, bool> seen;
  items.each([&](std::string_view list_name, const Pieces &pieces, std::string_view text) {
    std::string key;
    if (!read.list_at.empty()) {
      key = collector.key_of(list_name);
      if (key.empty())
        return;
      seen[key] = true;
    }
    if (!text.empty())
      collector.entry(pieces, key.empty() ? collector.only_list() : key, text, {});
  });
  if (read.list_at.empty())
    return;
  for (const std::string &key : read.lists)
    if (!seen[key]) {
      collector.state(key).stands = false;
      collector.state(key).why_not = "the device shows no such list";
    }
}

// An entry of ours counts only where the second read shows it, too.
void keep_in_force(Installed &installed, const Read &read, const Installed &shown_there) {
  for (Entry &entry : installed.entries) {
    if (std::find(read.lists.begin(), read.lists.end(), entry.list) == read.lists.end() || !entry.in_force)
      continue;
    const auto there = std::lower_bound(shown_there.entries.begin(), shown_there.entries.end(), entry.block,
                                        [](const Entry &a, const Block &b) { return a.block < b; });
    if (there == shown_there.entries.end() || there->block != entry.block) {
      entry.in_force = false;
      entry.why_not = "configured, but not in use";
    }
  }
}

// No exit status asked for: any will do.
bool as_asked(const std::vector<int> &exits, const std::vector<Pattern> &holds, const std::vector<Pattern> &lacks, const Values &values,
              const Reply &reply) {
  if (!exits.empty() && std::find(exits.begin(), exits.end(), reply.exit) == exits.end())
    return false;
  const std::string text = without_noise({}, reply.text);
  return std::all_of(holds.begin(), holds.end(), [&](const Pattern &pattern) { return bound(pattern, values).found_in(text); }) &&
         std::none_of(lacks.begin(), lacks.end(), [&](const Pattern &pattern) { return bound(pattern, values).found_in(text); });
}

void apply(const Proof &proof, const Values &values, const Reply &reply, Installed &installed) {
  if (good(proof, values, reply))
    return;
  for (ListState &state : installed.lists)
    if (state.stands && state.in_force && std::find(proof.lists.begin(), proof.lists.end(), state.list) != proof.lists.end()) {
      state.in_force = false;
      state.why_not = expand(proof.says, names_for(proof, values));
    }
}

} // namespace

Pattern bound(const Pattern &pattern, const Values &values) {
  if (pattern.empty() || pattern.text().find("{{") == std::string::npos)
    return pattern;
  Values quoted;
  for (const auto &[name, value] : values)
    quoted[name] = Pattern::quoted(value);
  return Pattern(expand(pattern.text(), quoted));
}

std::string without_noise(const std::vector<Pattern> &noise, std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    std::string_view line = text.substr(at, end == std::string_view::npos ? std::string_view::npos : end - at);
    while (!line.empty() && (line.back() == '\r' || line.back() == '\0'))
      line.remove_suffix(1);
    if (std::any_of(noise.begin(), noise.end(), [&](const Pattern &pattern) { return pattern.found_in(line); })) {
      if (out.size() > 1 && out.compare(out.size() - 2, 2, "\n\n") == 0)
        out.pop_back(); // devices begin such a line with a line end
    } else {
      for (const char c : line)
        if (c != '\0' && c != '\r')
          out += c;
      if (end != std::string_view::npos)
        out += '\n';
    }
    at = end == std::string_view::npos ? text.size() : end + 1;
  }
  return out;
}

Installed parse_read(const Driver &driver, const Read &unbound, const Values &values, const Reply &reply) {
  const Read read = bound(unbound, values);
  const std::string text = without_noise(driver.noise, reply.text);
  Collector collector(driver, read, values);
  if (read.absent.found_in(text) || (!reply.errors.empty() && read.absent.found_in(reply.errors))) {
    for (const std::string &key : read.lists) {
      collector.state(key).stands = false;
      collector.state(key).why_not =
          fmt::format("`{}` says {}", what_was_asked(read, values), first_line(text.empty() ? reply.errors : text));
    }
    return std::move(collector).finish();
  }
  if (std::find(read.exits.begin(), read.exits.end(), reply.exit) == read.exits.end())
    throw Error(ErrorKind::Device, fmt::format("`{}` ended with status {}: {}", what_was_asked(read, values), reply.exit,
                                               first_line(reply.errors.empty() ? text : reply.errors)));
  if (!read.found.empty() && !read.found.found_in(text))
    throw Error(ErrorKind::Device, fmt::format("`{}`: the answer is not complete, it lacks what ends one ({}); it was {}",
                                               what_was_asked(read, values), read.found.text(), first_line(text)));
  try {
    switch (read.format) {
    case TextFormat::Lines: collect_lines(read, text, collector); break;
    case TextFormat::Json: collect_items(read, JsonItems(read, text), collector); break;
    case TextFormat::Xml: collect_items(read, XmlItems(read, text), collector); break;
    }
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("`{}`: {}", what_was_asked(read, values), error.what()));
  }
  return std::move(collector).finish();
}

Installed parse(const Driver &driver, const Values &values, const Answers &answers) {
  Installed installed;
  for (const List &list : driver.lists) {
    ListState state;
    state.list = list.name;
    installed.lists.push_back(std::move(state));
  }
  for (std::size_t i = 0; i < driver.reads.size(); ++i) {
    const Read &read = driver.reads[i];
    if (read.shows != Read::Shows::Entries)
      continue;
    Installed part = parse_read(driver, read, values, answers.reads.at(i));
    installed.entries.insert(installed.entries.end(), std::make_move_iterator(part.entries.begin()),
                             std::make_move_iterator(part.entries.end()));
    installed.foreign.insert(installed.foreign.end(), std::make_move_iterator(part.foreign.begin()),
                             std::make_move_iterator(part.foreign.end()));
    for (ListState &state : part.lists)
      *std::find_if(installed.lists.begin(), installed.lists.end(), [&](const ListState &mine) { return mine.list == state.list; }) =
          std::move(state);
  }
  std::stable_sort(installed.entries.begin(), installed.entries.end(), [](const Entry &a, const Entry &b) { return a.block < b.block; });
  for (std::size_t i = 0; i < driver.reads.size(); ++i)
    if (driver.reads[i].shows == Read::Shows::InForce)
      keep_in_force(installed, driver.reads[i], parse_read(driver, driver.reads[i], values, answers.reads.at(i)));
  for (std::size_t i = 0; i < driver.in_force.size(); ++i)
    if (holds(driver.in_force[i].when, values, {}))
      apply(driver.in_force[i], values, answers.in_force.at(i), installed);
  return installed;
}

bool good(const Check &check, const Values &values, const Reply &reply) {
  return as_asked(check.exits, check.holds, check.lacks, values, reply);
}
bool good(const Proof &proof, const Values &values, const Reply &reply) {
  return as_asked(proof.exits, proof.holds, proof.lacks, names_for(proof, values), reply);
}

Values names_for(const Proof &proof, Values values) {
  for (const auto &[name, value] : proof.place)
    values[name] = value;
  return values;
}

std::string learn(const Fact &fact, const Values &values, const Reply &reply) {
  if (!fact.exits.empty() && std::find(fact.exits.begin(), fact.exits.end(), reply.exit) == fact.exits.end())
    return {};
  const std::string text = without_noise({}, reply.text);
  const Pattern pattern = bound(fact.address.empty() ? fact.holds : fact.address, values);
  const auto match = pattern.match(text);
  if (!match)
    return {};
  return std::string(match->group(fact.address.empty() ? "value" : "address").value_or(fact.address.empty() ? "yes" : ""));
}

} // namespace banpush
