#include "core/reading/parse.hpp"

#include "core/bans/ban.hpp"
#include "core/driver/entry_text.hpp"
#include "core/reading/collector.hpp"
#include "core/reading/json_items.hpp"
#include "core/reading/rule_path.hpp"
#include "core/reading/xml_items.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

namespace {

Read bound(Read read, const Values &values) {
  for (Pattern *pattern : {&read.found, &read.absent, &read.list, &read.list_end, &read.record, &read.each, &read.terminal, &read.inactive,
                           &read.number, &read.skip, &read.item, &read.ours_like})
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

// How many entries a header says its list has (group `count`), against how many there are. Only the last list of a reply can
// have been cut: others are followed by a header. More than the header says are no cut, and real replies have them.
class Count {
public:
  void header(const Pattern::Match &match, const std::string &list) {
    list_ = list;
    found_ = remarks_ = 0;
    const auto count = match.group("count");
    said_ = count && !list.empty() ? whole_number_in(*count) : std::nullopt;
  }
  void one() { ++found_; }
  void remark() { ++remarks_; } // whether platforms count these is not known of all
  void check() const {
    if (said_ && found_ < *said_ && found_ + remarks_ != *said_)
      throw Error(ErrorKind::Device, fmt::format("the answer is not complete: its header says {} entries in list {}, and {} are there",
                                                 *said_, list_, found_));
  }

private:
  std::optional<std::uint64_t> said_;
  std::string list_;
  std::uint64_t found_ = 0, remarks_ = 0;
};

// Whether the last line lacks its end and is no prompt, of which texts that people keep have one.
bool ends_in_the_middle(const Driver &driver, std::string_view text) {
  if (text.empty() || text.back() == '\n')
    return false;
  const std::size_t end = text.rfind('\n');
  const std::string_view last = text.substr(end == std::string_view::npos ? 0 : end + 1);
  return std::none_of(driver.prompts.begin(), driver.prompts.end(), [&](const auto &prompt) {
    const auto match = prompt.second.match(last);
    return match && match->whole == last;
  });
}

void collect_line(const Read &read, const std::string &current, const std::string &line, Collector &collector) {
  if (const auto terminal = read.terminal.match(line)) {
    collector.terminal(current, terminal->group("number"), line);
    return;
  }
  std::string why_not;
  if (read.inactive.found_in(line))
    why_not = "inactive";
  const auto entry = std::find_if(read.entry.begin(), read.entry.end(), [&](const Pattern &pattern) { return pattern.found_in(line); });
  if (entry != read.entry.end()) {
    collect_entry(read, *entry->match(line), line, {current, why_not}, collector);
    return;
  }
  const auto number = read.number.match(line);
  collector.unknown(current, line, number ? number->group("number") : std::nullopt);
}

void collect_lines(const Driver &driver, const Read &read, std::string_view text, Collector &collector) {
  std::string current = read.list.empty() ? collector.only_list() : std::string();
  bool ours = read.list.empty();
  const bool each_names_list = read.each.has_group("list");
  std::map<std::string, bool> seen;
  Count count;
  const bool is_cut = ends_in_the_middle(driver, text);
  std::string open; // ours, as long as its end has not been met
  const auto check_end = [&open] {
    if (!open.empty())
      throw Error(ErrorKind::Device, fmt::format("the answer is not complete, it lacks the line that ends list {}", open));
  };
  const std::vector<std::string> records = records_of(read, text);
  for (const std::string &line : records) {
    if (read.list_end.found_in(line))
      open.clear();
    if (!read.list.empty()) {
      if (const auto header = read.list.match(line)) {
        current = collector.key_of(header->group("list").value_or(""));
        ours = !current.empty();
        count.header(*header, current);
        check_end();
        if (!read.list_end.empty())
          open = current;
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
    if (!read.skip.empty() && read.skip.found_in(line)) {
      count.remark();
      continue;
    }
    if (read.number.found_in(line))
      count.one();
    // Devices end each line: one that ends without is a piece of what may have been another one.
    if (is_cut && &line == &records.back())
      throw Error(ErrorKind::Device, fmt::format("the answer is cut in the middle of a line (\"{}\")", shown(line, 100)));
    collect_line(read, current, line, collector);
  }
  count.check();
  check_end();
  if (!read.list.empty())
    for (const std::string &key : read.lists)
      if (!seen[key]) {
        collector.state(key).stands = false;
        collector.state(key).why_not = "the device shows no such list";
      }
}

// What nobody knows in a list of ours may be entries: read as if it were not there, they would be added again, or never removed.
// And an entry with something unknown in it may block less than it seems to.
template <typename Items>
void collect_items(const Read &read, const Items &items, Collector &collector) {
  items.each_unknown([&](std::string_view list, std::string_view element) {
    if (read.list_at.empty() || !collector.key_of(list).empty())
      throw Error(ErrorKind::Device, fmt::format("the answer is not understood: {} has {}, which the driver does not know",
                                                 read.list_at.empty() ? "an entry" : fmt::format("list {}", list), element));
  });
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

Path bound(Path path, const Values &values) {
  path.each = bound(path.each, values);
  for (Pattern *pattern : {&path.named, &path.off, &path.calls, &path.chain, &path.place, &path.called})
    *pattern = bound(*pattern, values);
  for (std::vector<Pattern> *patterns :
       {&path.first, &path.ours, &path.ours_lacks, &path.passes, &path.drops, &path.returns, &path.bound, &path.at})
    for (Pattern &pattern : *patterns)
      pattern = bound(pattern, values);
  return path;
}

// Where the proof asks for no path, it is in force as far as that goes.
PathRuling ruling_on(const Proof &proof, const Values &values, const Reply &reply) {
  if (!proof.path)
    return {};
  return walk(bound(*proof.path, names_for(proof, values)), proof.rpc.empty() ? without_noise({}, reply.text) : leaves_of(reply.text));
}

// Whether the answer has what binds the list, where the proof says what that is; else the device's name of the list anywhere.
bool binds(const Proof &proof, const Reply &reply, const Values &values, const std::string &list) {
  if (!proof.bound_by.empty())
    return bound(proof.bound_by, names_for(proof, values)).found_in(reply.text);
  const auto name = values.find(list);
  return reply.text.find(name == values.end() ? list : name->second) != std::string::npos;
}

// What a person needs who has misspelt a place: the names that the device shows.
std::string nowhere_text(const PathRuling &ruling, const std::string &asked) {
  constexpr std::size_t most = 12;
  std::string names;
  for (std::size_t i = 0; i < std::min(ruling.places.size(), most); ++i)
    names += (i == 0 ? "" : ", ") + shown(ruling.places[i], 100);
  const std::size_t more = ruling.places.size() - std::min(ruling.places.size(), most);
  return fmt::format("the device shows nothing that is called {}{}{}{}", asked, names.empty() ? "" : ", letter for letter; it has ", names,
                     more == 0 ? "" : fmt::format(" and {} more", more));
}

void apply(const Proof &proof, const Values &values, const Reply &reply, Installed &installed) {
  std::string why_not, doubt;
  const PathRuling ruling = ruling_on(proof, values, reply);
  const bool holds = as_asked(proof.exits, proof.holds, proof.lacks, names_for(proof, values), reply);
  if (!holds)
    (proof.doubts ? doubt : why_not) = expand(proof.says, names_for(proof, values));
  else if (!ruling.unbound.empty())
    doubt =
        fmt::format("cannot tell whether its entries block anything: nothing that the device shows binds the filter {}", ruling.unbound);
  else if (ruling.says == PathRuling::Says::Nowhere)
    (proof.doubts ? doubt : why_not) = nowhere_text(ruling, names_for(proof, values)["interface"]);
  else if (ruling.says == PathRuling::Says::Unclear)
    doubt = fmt::format("cannot tell whether its entries block all they should: an earlier rule may let packets through ({})", ruling.rule);
  else if (ruling.says == PathRuling::Says::Not)
    (proof.doubts ? doubt : why_not) = ruling.rule.empty()
                                           ? expand(proof.says, names_for(proof, values))
                                           : fmt::format("a rule before the one that uses it lets packets through ({})", ruling.rule);
  for (ListState &state : installed.lists) {
    if (!state.stands || !state.in_force || std::find(proof.lists.begin(), proof.lists.end(), state.list) == proof.lists.end())
      continue;
    if (!doubt.empty())
      state.doubts.push_back(doubt);
    state.may_be_passed = state.may_be_passed || (ruling.says == PathRuling::Says::Unclear && ruling.unbound.empty());
    state.may_lack = state.may_lack || (proof.doubts && !holds);
    if (why_not.empty())
      continue;
    state.in_force = false;
    state.unbound = !binds(proof, reply, values, state.list);
    state.why_not = why_not;
  }
}

} // namespace

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
    case TextFormat::Lines: collect_lines(driver, read, text, collector); break;
    case TextFormat::Json: collect_items(read, JsonItems(read, text), collector); break;
    case TextFormat::Xml: collect_items(read, XmlItems(read, text), collector); break;
    }
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("`{}`: {}", what_was_asked(read, values), error.what()));
  }
  return std::move(collector).finish();
}

namespace {

// What stands in an answer with a warning is believed, but what is missing in it proves nothing.
void doubt(const std::vector<std::string> &lists, const Reply &reply, Installed &installed) {
  if (reply.warning.empty())
    return;
  const std::string text = fmt::format("the device warned while it was read, and may not have shown everything: {}", reply.warning);
  for (ListState &state : installed.lists)
    if (std::find(lists.begin(), lists.end(), state.list) != lists.end() &&
        std::find(state.doubts.begin(), state.doubts.end(), text) == state.doubts.end())
      state.doubts.push_back(text);
}

} // namespace

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
  for (ListState &state : installed.lists) {
    const std::string &needs = driver.list(state.list)->needs_permit;
    if (!state.stands || state.terminals != 0 || needs.empty() || (needs != "yes" && !holds(needs, values, {})))
      continue;
    state.in_force = false;
    state.why_not = "no entry permits the rest: what it does not name may be denied";
  }
  for (std::size_t i = 0; i < driver.in_force.size(); ++i)
    if (holds(driver.in_force[i].when, values, {}))
      apply(driver.in_force[i], values, answers.in_force.at(i), installed);
  for (std::size_t i = 0; i < driver.reads.size(); ++i)
    doubt(driver.reads[i].lists, answers.reads.at(i), installed);
  for (std::size_t i = 0; i < driver.in_force.size(); ++i)
    doubt(driver.in_force[i].lists, answers.in_force.at(i), installed);
  return installed;
}

bool good(const Check &check, const Values &values, const Reply &reply) {
  return as_asked(check.exits, check.holds, check.lacks, values, reply);
}
bool good(const Proof &proof, const Values &values, const Reply &reply) {
  const PathRuling ruling = ruling_on(proof, values, reply);
  return as_asked(proof.exits, proof.holds, proof.lacks, names_for(proof, values), reply) && ruling.says != PathRuling::Says::Not &&
         ruling.says != PathRuling::Says::Nowhere;
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
