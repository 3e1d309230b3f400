#include "core/bans/ban.hpp"
#include "core/driver/entry_text.hpp"
#include "core/reading/xml_items.hpp"
#include "core/script/script.hpp"

#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

namespace banpush {

namespace {

// Reads one script, line by line, knowing which list the lines are about.
class Reader {
public:
  Reader(const Driver &driver, const Values &values, const Installed &installed) : driver_(driver) {
    for (const Entry &entry : installed.entries)
      if (!entry.number.empty())
        by_number_[{entry.list, entry.number}] = entry.block;
    for (const ListState &state : installed.lists)
      if (state.terminal)
        terminals_[state.list] = std::to_string(*state.terminal);
    for (const Spoken::Says &says : driver.spoken.add)
      add_.push_back({bound(says.line, values), bound(says.item, values)});
    for (const Spoken::Says &says : driver.spoken.remove)
      remove_.push_back({bound(says.line, values), bound(says.item, values)});
    for (const Pattern &pattern : driver.spoken.frame)
      frame_.push_back(bound(pattern, values));
    for (const List &list : driver.lists)
      keys_[values.at(list.name)] = list.name;
  }

  void line(const std::string &text) {
    for (const Spoken::Says &says : add_)
      if (const auto match = says.line.match(text)) {
        entries(says, *match, text,
                [&](const Block &block, const std::string &list, const std::string &number) { add(block, list, number); });
        return;
      }
    for (const Spoken::Says &says : remove_)
      if (const auto match = says.line.match(text)) {
        // A number that is no entry's may be that of the terminal entry, on its way.
        if (says.item.empty() && is_of_nobody(*match) && is_frame(text))
          return;
        entries(says, *match, text,
                [&](const Block &block, const std::string &list, const std::string &number) { remove(block, list, number); });
        return;
      }
    if (is_frame(text))
      return;
    throw Error(ErrorKind::Guard,
                fmt::format("driver {}: the line \"{}\" is none that its `script` patterns know", driver_.name, shown(text, 120)));
  }

  // A request over NETCONF: what it edits must be entries added or removed, and nothing else.
  void request(const std::string &text) {
    const XmlRequest xml(text);
    if (xml.replaces_all())
      throw Error(ErrorKind::Guard, fmt::format("driver {}: a request would replace the whole configuration", driver_.name));
    const auto each = [&](const std::string &path, const auto &found) {
      return xml.each(path, driver_.spoken.shapes, [&](const Pieces &pieces, std::string_view element) {
        const auto named = pieces("list");
        one(named ? key_of(*named, std::string(element)) : std::string(), pieces, std::string(element), found);
      });
    };
    const std::size_t added = each(
        driver_.spoken.xml_add, [&](const Block &block, const std::string &list, const std::string &number) { add(block, list, number); });
    const std::size_t removed = each(driver_.spoken.xml_remove, [&](const Block &block, const std::string &list,
                                                                    const std::string &number) { remove(block, list, number); });
    if (xml.edits() > added + removed)
      throw Error(ErrorKind::Guard, fmt::format("driver {}: <{}> edits {} elements, of which {} are entries that its `script` paths know",
                                                driver_.name, xml.operation(), xml.edits(), added + removed));
  }

  // What is defined for the entries is what these say.
  Change finish() && {
    std::set<Block> known;
    for (const Addition &one : change_.add)
      known.insert(one.block);
    for (const Removal &one : change_.remove)
      known.insert(one.block);
    for (const auto &[block, line] : defined_)
      if (!known.contains(block))
        throw Error(ErrorKind::Guard, fmt::format("driver {}: the line \"{}\" is about {}, which the change neither adds nor removes",
                                                  driver_.name, shown(line, 120), block.text()));
    return std::move(change_);
  }

private:
  // What is known by its number alone, and has none of the numbers that were read.
  bool is_of_nobody(const Pattern::Match &match) const {
    return !match.group("address") && !match.group("prefix") && !match.group("slug") && !match.group("list") && match.group("number") &&
           by_number_.find({current_, std::string(*match.group("number"))}) == by_number_.end();
  }

  bool is_frame(const std::string &text) {
    for (const Pattern &pattern : frame_)
      if (const auto match = pattern.match(text)) {
        const auto terminal = match->group("terminal");
        const auto known = terminals_.find(current_);
        if (terminal && (known == terminals_.end() || known->second != *terminal))
          continue;
        frame(*match, text);
        return true;
      }
    return false;
  }

  void add(const Block &block, const std::string &list, const std::string &number) {
    Addition addition;
    addition.block = block;
    addition.list = list;
    addition.number = number;
    change_.add.push_back(std::move(addition));
  }

  void remove(const Block &block, const std::string &list, const std::string &number) {
    Removal removal;
    removal.block = block;
    removal.list = list;
    removal.number = number;
    change_.remove.push_back(std::move(removal));
  }

  // Which list the next lines are about: by the device's name for it, or, where two lists may be called the same, by a group of the key's name.
  void frame(const Pattern::Match &match, const std::string &text) {
    if (const auto name = match.group("list"))
      current_ = key_of(*name, text);
    for (const List &list : driver_.lists)
      if (match.group(list.name))
        current_ = list.name;
    object(match, text);
  }

  // An object that the entries refer to: by its name (slug), and what it holds, in the same line or in one below.
  void object(const Pattern::Match &match, const std::string &text) {
    const bool holds = match.group("prefix") || match.group("address");
    if (match.group("slug")) {
      object_ = object_block([&match](std::string_view name) { return name == "slug" ? match.group(name) : std::nullopt; }, text);
      defined_.emplace_back(*object_, text);
    }
    if (!holds)
      return;
    const Block block = object_block([&match](std::string_view name) { return match.group(name); }, text);
    if (object_ && block != *object_)
      throw Error(ErrorKind::Guard, fmt::format("driver {}: the line \"{}\" gives {} to the object of {}", driver_.name, shown(text, 120),
                                                block.text(), object_->text()));
    defined_.emplace_back(block, text);
  }

  Block object_block(const Pieces &pieces, const std::string &text) const {
    if (const EntryText entry = entry_of(in_our_words(driver_, pieces)); entry.block)
      return *entry.block;
    throw Error(ErrorKind::Guard, fmt::format("driver {}: no block can be read out of the line \"{}\"", driver_.name, shown(text, 120)));
  }

  std::string key_of(std::string_view name, const std::string &text) const {
    const auto key = keys_.find(std::string(name));
    if (key == keys_.end())
      throw Error(ErrorKind::Guard,
                  fmt::format("driver {}: the line \"{}\" is about a list that is not ours", driver_.name, shown(text, 120)));
    return key->second;
  }

  template <typename Found>
  void entries(const Spoken::Says &says, const Pattern::Match &match, const std::string &text, Found found) const {
    const auto named = match.group("list");
    const std::string list = named ? key_of(*named, text) : current_;
    if (says.item.empty()) {
      one(
          list, [&match](std::string_view name) { return match.group(name); }, text, found);
      return;
    }
    const auto all = says.item.all(match.group("entries").value_or(""));
    if (all.empty())
      throw Error(ErrorKind::Guard, fmt::format("driver {}: no entry is found in the line \"{}\"", driver_.name, shown(text, 120)));
    for (const Pattern::Match &item : all)
      one(
          list, [&item](std::string_view name) { return item.group(name); }, text, found);
  }

  template <typename Found>
  void one(std::string list, const Pieces &pieces, const std::string &text, Found found) const {
    const std::string number(pieces("number").value_or(""));
    const EntryText entry = entry_of(in_our_words(driver_, pieces));
    if (entry.block) {
      if (list.empty())
        if (const List *holder = driver_.list_for(entry.block->prefix, !entry.block->service.is_any()))
          list = holder->name;
      found(*entry.block, list, number);
      return;
    }
    // A removal by number alone: what the device showed under that number in this read.
    const auto there = by_number_.find({list, number});
    if (there == by_number_.end())
      throw Error(ErrorKind::Guard, fmt::format("driver {}: no block can be read out of the line \"{}\"", driver_.name, shown(text, 120)));
    found(there->second, list, number);
  }

  const Driver &driver_;
  std::map<std::pair<std::string, std::string>, Block> by_number_; // of what the device showed
  std::map<std::string, std::string> terminals_;                   // of each list, the number of what permits everything
  std::vector<Spoken::Says> add_, remove_;
  std::vector<Pattern> frame_;
  std::map<std::string, std::string> keys_;
  std::string current_;
  std::optional<Block> object_;                        // that the next lines are about
  std::vector<std::pair<Block, std::string>> defined_; // by a line
  Change change_;
};

} // namespace

Change read_back(const Driver &driver, const Values &values, const Script &script, const Installed &installed) {
  Reader reader(driver, values, installed);
  for (const Step &step : script.change) {
    if (step.kind == TransportKind::Netconf)
      reader.request(step.text());
    else
      for (const std::string &line : step.lines)
        reader.line(line);
  }
  return std::move(reader).finish();
}

} // namespace banpush
