// Published output of devices, and what a person reads in it: tests/drivers/captures says which file, which
// list, which prefixes. The output itself is not part of this repository.
#include "config/driver/driver_file.hpp"
#include "core/reading/parse.hpp"
#include "core/script/script.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace banpush;
namespace fs = std::filesystem;

namespace {

const std::string root = BANPUSH_SOURCE_DIR;

struct Row {
  std::string file, driver, list, name;
  std::vector<std::string> prefixes; // sorted; `~` in front of what an entry of somebody else covers
};

std::vector<std::string> words_of(const std::string &text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;)
    words.push_back(word);
  return words;
}

std::vector<Row> rows() {
  std::ifstream file(root + "/tests/drivers/captures");
  std::vector<Row> all;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#')
      continue;
    std::vector<std::string> cells;
    std::istringstream cut(line);
    for (std::string cell; std::getline(cut, cell, '|');)
      cells.push_back(cell);
    cells.resize(5);
    Row row{words_of(cells[0]).front(), words_of(cells[1]).front(), words_of(cells[2]).front(), words_of(cells[3]).front(),
            words_of(cells[4])};
    std::sort(row.prefixes.begin(), row.prefixes.end());
    all.push_back(std::move(row));
  }
  return all;
}

fs::path captures() {
  const char *given = std::getenv("BANPUSH_CAPTURES");
  return given != nullptr ? fs::path(given) : fs::path(root) / "../shared/captures";
}

std::string text_of(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// As the ledger of a device that shows this would have it, where the platform renumbers.
Installed with_all_known(Installed installed) {
  std::vector<BlockIn> known;
  for (const Foreign &foreign : installed.foreign)
    if (foreign.maybe)
      known.emplace_back(foreign.maybe->block, foreign.maybe->list);
  std::sort(known.begin(), known.end());
  return claimed(std::move(installed), known);
}

std::vector<std::string> read_in(const Row &row, const std::string &text) {
  const Driver driver = load_driver(root + "/drivers/" + row.driver + ".yaml", {root});
  Values values = values_of(driver, {});
  values[row.list] = row.name;
  const auto read = std::find_if(driver.reads.begin(), driver.reads.end(), [&](const Read &one) {
    return one.shows == Read::Shows::Entries && std::find(one.lists.begin(), one.lists.end(), row.list) != one.lists.end();
  });
  REQUIRE(read != driver.reads.end());
  // Recorded without the word that banpush has RouterOS put behind its lists.
  const std::string whole = row.driver == "mikrotik_routeros" ? text + "end of the list\n" : text;
  const Installed installed = with_all_known(parse_read(driver, *read, values, {whole, 0, {}}));
  std::vector<std::string> found;
  for (const Entry &entry : installed.entries)
    found.push_back(entry.block.text());
  for (const Foreign &foreign : installed.foreign)
    if (foreign.covers)
      found.push_back("~" + foreign.covers->text());
  std::sort(found.begin(), found.end());
  return found;
}

} // namespace

namespace {

// Output of a device, and not a configuration that somebody made up for a parser's tests, nor what a manual prints.
bool is_of_a_device(const Row &row) {
  const std::string file = fs::path(row.file).filename().string();
  return file.compare(0, 8, "batfish_") != 0 && file.compare(0, 4, "doc_") != 0;
}

} // namespace

TEST_CASE("drivers: those whose evidence is captured are those that read published output, and no others") {
  const std::vector<Row> all = rows();
  for (const auto &file : fs::directory_iterator(root + "/drivers")) {
    const Driver driver = load_driver(file.path(), {root});
    if (driver.evidence.level == EvidenceLevel::Live)
      continue;
    INFO(driver.name);
    const bool read = std::any_of(all.begin(), all.end(), [&](const Row &row) { return row.driver == driver.name && is_of_a_device(row); });
    CHECK((driver.evidence.level == EvidenceLevel::Captured) == read);
  }
}

TEST_CASE("drivers: published output is read as a person reads it") {
  if (!fs::exists(captures())) {
    WARN("skipped: no published output in " << captures().string() << " (BANPUSH_CAPTURES names another folder)");
    return;
  }
  for (const Row &row : rows()) {
    INFO(row.file << " " << row.name);
    REQUIRE(fs::exists(captures() / row.file));
    CHECK(read_in(row, text_of(captures() / row.file)) == row.prefixes);
  }
}
