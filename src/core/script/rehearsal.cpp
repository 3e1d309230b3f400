#include "core/script/rehearsal.hpp"

#include "core/address/slug.hpp"
#include "core/script/script.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

namespace {

// Addresses of documentation (RFC 5737, RFC 3849), of every length that a name or a line may have.
std::vector<std::string> texts_of(const List &list, Family family) {
  const bool v4 = family == Family::IPv4;
  std::vector<std::string> texts;
  if (list.hosts && v4)
    texts = {"203.0.113.7/32"};
  else if (list.hosts)
    texts = {"2001:db8::7/128", "2001:db8:1111:2222:3333:4444:5555:6666/128"};
  if (list.nets)
    texts.emplace_back(v4 ? "198.51.100.128/25" : "2001:db8:7::/48");
  return texts;
}

std::vector<Block> samples(const List &list) {
  std::vector<Block> blocks;
  for (const Family family : list.families)
    for (const std::string &text : texts_of(list, family))
      blocks.push_back({Prefix::require(text), {}});
  if (list.services && !blocks.empty())
    blocks.push_back({blocks.front().prefix, Service::parse("tcp/22").value()});
  return blocks;
}

// What platforms call an entry may be a name that only they know, and it may be none.
enum class Numbered { ByBanpush, ByNobody, ByTheDevice };

struct Sample {
  Change add, remove;
  Installed installed; // what is removed
};

Sample sample_of(const Driver &driver, const List &list, Numbered numbered) {
  Sample sample;
  std::uint64_t number = list.numbers ? list.numbers->from : 0;
  for (const Block &block : samples(list)) {
    std::string text;
    if (numbered == Numbered::ByBanpush)
      text = std::to_string(number);
    else if (numbered == Numbered::ByTheDevice)
      text = slug_of(block.prefix, driver.most_slug);
    sample.add.add.push_back({block, list.name, text, {}, 0, 0});
    sample.remove.remove.push_back({block, list.name, text, {}, true});
    Entry entry;
    entry.block = block;
    entry.list = list.name;
    entry.number = text;
    sample.installed.entries.push_back(std::move(entry));
    number += list.numbers ? list.numbers->step : 0;
  }
  std::sort(sample.installed.entries.begin(), sample.installed.entries.end(),
            [](const Entry &a, const Entry &b) { return a.block < b.block; });
  return sample;
}

template <typename Item>
std::vector<std::pair<Block, std::string>> spots(const std::vector<Item> &items) {
  std::vector<std::pair<Block, std::string>> all;
  for (const Item &item : items)
    all.emplace_back(item.block, item.list);
  std::sort(all.begin(), all.end());
  return all;
}

std::string wrong_with(const Rendering &rendering, const Change &change, const Installed &installed) {
  try {
    const Change spoken = read_back(rendering.driver, rendering.values, render(rendering, change), installed);
    if (spots(spoken.add) == spots(change.add) && spots(spoken.remove) == spots(change.remove))
      return {};
    return "its `script` patterns read something else there than its templates were given";
  } catch (const Error &error) {
    return error.what();
  }
}

// Of one list, over one transport, on a device that is as `facts` say.
std::string wrong_with(const Rendering &rendering, const List &list) {
  const auto of = [&](Numbered numbered) {
    const Sample sample = sample_of(rendering.driver, list, numbered);
    if (std::string wrong = wrong_with(rendering, sample.add, {}); !wrong.empty())
      return "what is added to it cannot be read back: " + wrong;
    const std::string wrong = wrong_with(rendering, sample.remove, sample.installed);
    return wrong.empty() ? wrong : "what is removed from it cannot be read back: " + wrong;
  };
  if (list.numbers)
    return of(Numbered::ByBanpush);
  const std::string wrong = of(Numbered::ByNobody);
  return wrong.empty() || of(Numbered::ByTheDevice).empty() ? std::string() : wrong;
}

} // namespace

std::vector<std::string> rehearse(const Driver &driver, const Values &values) {
  Facts none, all; // what may be asked for, absent and there
  for (const Fact &fact : driver.facts)
    all.values[fact.name] = "yes";
  std::vector<std::string> wrong;
  for (const List &list : driver.lists)
    for (const TransportKind kind : driver.transports)
      for (const Facts *facts : {&none, &all})
        if (kind != TransportKind::Nftables) // whose scripts are those of exec
          if (const std::string text =
                  wrong_with({driver, kind == TransportKind::File ? TransportKind::Exec : kind, values, *facts, {}, 0, false, {}}, list);
              !text.empty())
            wrong.push_back(fmt::format("driver {}, list {}: {}", driver.name, list.name, text));
  std::sort(wrong.begin(), wrong.end());
  wrong.erase(std::unique(wrong.begin(), wrong.end()), wrong.end());
  return wrong;
}

} // namespace banpush
