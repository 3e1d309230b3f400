// A reply that was cut, at whatever byte: it is refused, or nothing would be planned on it, or it reads the same.
#include "driver_case.hpp"

#include <fmt/format.h>

#include <set>

using namespace driver_case;

namespace {

// Drivers whose platform shows neither an end nor a count in this reply: that a prompt follows is all the proof there is. Whoever
// adds one here names it in docs/platforms.md, too.
const std::set<std::string> without_means{"cisco_asa",     "cisco_ios_group", "cisco_nxos",    "extreme_exos",
                                          "juniper_junos", "nokia_sros",      "paloalto_panos"};

// Entries in lists on which a pass would plan.
std::set<std::string> usable_entries(const Installed &installed) {
  std::set<std::string> found;
  for (const Entry &entry : installed.entries) {
    const ListState *list = installed.state(entry.list);
    if (entry.in_force && (list == nullptr || (list->stands && list->in_force)))
      found.insert(fmt::format("{} {} {}", entry.list, entry.block.text(), entry.number));
  }
  return found;
}

std::set<std::string> unusable_lists(const Installed &installed) {
  std::set<std::string> found;
  for (const ListState &list : installed.lists)
    if (!list.stands || !list.in_force)
      found.insert(list.list);
  return found;
}

// Why the cut reply is taken for a whole one of something else; empty where all is well.
std::string taken_for(const Case &one, const Installed &whole) {
  Installed cut;
  try {
    cut = one.installed();
  } catch (const Error &) {
    return {};
  }
  const std::set<std::string> is = usable_entries(cut), unusable = unusable_lists(cut);
  for (const std::string &entry : usable_entries(whole))
    if (is.count(entry) == 0 && unusable.count(entry.substr(0, entry.find(' '))) == 0)
      return "without " + entry;
  const std::set<std::string> was = usable_entries(whole);
  for (const std::string &entry : is)
    if (was.count(entry) == 0)
      return "with " + entry;
  return {};
}

// A program's exit status proves its output whole.
bool is_program(const std::string &asked) { return asked.front() == '$'; }

// Where lines end is where a cut shows least; every byte is tried in one case of each driver, as that takes its time.
enum class Cuts { AtLineEnds, Everywhere };

// The first cut of any reply of the case that is taken for something else.
std::string first_bad_cut(Case one, Cuts cuts) {
  Installed whole;
  try {
    whole = one.installed();
  } catch (const Error &) {
    return {};
  }
  for (auto &[asked, reply] : one.said) {
    const std::string text = is_program(asked) ? std::string() : reply.text;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (cuts == Cuts::AtLineEnds && at != 0 && text[at - 1] != '\n')
        continue;
      reply.text = text.substr(0, at);
      if (const std::string bad = taken_for(one, whole); !bad.empty())
        return fmt::format("`{}` cut at byte {} of {} (behind \"{}\") reads {}", asked, at, text.size(),
                           text.substr(at > 40 ? at - 40 : 0, at > 40 ? 40 : at), bad);
    }
    if (!is_program(asked))
      reply.text = text;
  }
  return {};
}

} // namespace

TEST_CASE("drivers: a reply that was cut is refused, or reads the same") {
  for (const fs::path &folder : folders_in(root / "tests/drivers")) {
    const std::string name = folder.filename().string();
    DYNAMIC_SECTION(name) {
      const Driver driver = load_driver((root / "drivers" / (name + ".yaml")).string(), {root.string()});
      std::string bad;
      for (const fs::path &path : folders_in(folder)) {
        const Cuts cuts = path.filename() == "change" ? Cuts::Everywhere : Cuts::AtLineEnds;
        if (const std::string found = first_bad_cut(Case(path, driver), cuts); !found.empty() && bad.empty())
          bad = path.filename().string() + ": " + found;
      }
      if (without_means.count(name) == 0) {
        CHECK(bad == "");
      } else {
        CHECK(bad != ""); // else it has means, and does not belong there
        const std::string page = text_of(root / "docs/platforms.md").value_or("");
        CHECK_THAT(page.substr(std::min(page.find("## What proves a reply whole"), page.size())), Catch::Contains("`" + name + "`"));
      }
    }
  }
}

TEST_CASE("drivers: JSON that nests too deep is an answer that is refused, wherever in it") {
  const Driver driver = load_driver(std::string(BANPUSH_SOURCE_DIR) + "/drivers/linux_nft.yaml", {BANPUSH_SOURCE_DIR});
  const auto set_with = [](const std::string &member) {
    return R"({"nftables": [{"set": {"family": "inet", "name": "hosts4", "table": "banpush", )" + member + "}}]}";
  };
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']'),
                    quoted = R"("comment": "\"]})" + std::string(1000, '[') + R"(")";
  for (const std::string &text : {set_with("\"x\": " + deep), set_with("\"elem\": [" + deep + "]"), deep})
    CHECK_THROWS_WITH(parse_read(driver, driver.reads.front(), values_of(driver, {}), {R"({"nftables": [)" + text + "]}", 0, {}}),
                      Catch::Contains("nests values more than 200 deep"));
  CHECK(parse_read(driver, driver.reads.front(), values_of(driver, {}), {set_with(quoted), 0, {}}).entries.empty());
}
