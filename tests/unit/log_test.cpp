// The service's log: its forms, and that docs/events.md has each event.
#include "app/words/log.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

using namespace banpush;

namespace {

const auto moment = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'796'040'000'007));

std::string text_of_file(const std::filesystem::path &path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// `device_changed` is Event::DeviceChanged.
std::string enumerator(const std::string &name) {
  std::string result;
  bool begins = true;
  for (const char c : name) {
    if (c != '_')
      result += begins ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    begins = c == '_';
  }
  return result;
}

} // namespace

TEST_CASE("log: a line for people, with a level where the journal reads it") {
  const LogLine line{Event::DeviceUnreachable, "edge1: cannot connect; `banpush check edge1 --connect`, \"no route\"", "edge1", {}, {}};
  CHECK(written(line, LogForm::Text, Reader::Other, moment) ==
        "banpush: edge1: cannot connect; `banpush check edge1 --connect`, \"no route\"");
  CHECK(written(line, LogForm::Text, Reader::Journal, moment).substr(0, 13) == "<3>banpush: e");
  CHECK(written({Event::GuardHolds, "x", {}, {}, {}}, LogForm::Text, Reader::Journal, moment) == "<4>banpush: x");
  CHECK(written({Event::TablesNote, "x", {}, {}, {}}, LogForm::Text, Reader::Journal, moment) == "<5>banpush: x");
  CHECK(written({Event::ServiceStarted, "x", {}, {}, {}}, LogForm::Json, Reader::Journal, moment).substr(0, 4) == "<6>{");
}

TEST_CASE("log: JSON, one document a line") {
  const LogLine changed{Event::DeviceChanged, "edge1: 2 added, 1 removed in 0.50 s", "edge1", {}, LogLine::Change{2, 1, 0.5}};
  CHECK(written(changed, LogForm::Json, Reader::Other, moment) ==
        R"({"schema":1,"time":"2026-11-30T12:00:00.007Z","level":"info","event":"device_changed","device":"edge1","added":2,"removed":1,)"
        R"("seconds":0.5,"message":"edge1: 2 added, 1 removed in 0.50 s"})");
  const auto list =
      nlohmann::json::parse(written({Event::ListInForce, "edge1: back", "edge1", "acl4", {}}, LogForm::Json, Reader::Other, moment));
  CHECK((list["list"] == "acl4" && !list.contains("guard") && !list.contains("added")));
  const auto guard =
      nlohmann::json::parse(written({Event::GuardReleased, "edge1: free", "edge1", "storm", {}}, LogForm::Json, Reader::Other, moment));
  CHECK((guard["guard"] == "storm" && !guard.contains("list")));
}

TEST_CASE("log: nobody's text makes a second line, or goes on without end") {
  const std::string hostile = "edge1: said \"a\nbanpush: edge2: saved\r\x1b[2J\xe2\x80\xa8\xff\"";
  for (const LogForm form : {LogForm::Text, LogForm::Json}) {
    const std::string line = written({Event::DeviceFailed, hostile, "edge1", {}, {}}, form, Reader::Other, moment);
    INFO(line);
    for (const char c : line)
      CHECK((static_cast<unsigned char>(c) >= ' ' && c != 127));
    CHECK(line.find("\xe2\x80\xa8") == std::string::npos);
    CHECK(written({Event::DeviceFailed, std::string(1'000'000, 'x'), "edge1", {}, {}}, form, Reader::Other, moment).size() < 2200);
    const std::string behind_quote = std::string(1999, 'x') + '"' + std::string(2000, 'y');
    CHECK(written({Event::DeviceFailed, behind_quote, "edge1", {}, {}}, form, Reader::Other, moment).size() < 2200);
  }
}

TEST_CASE("log: an error of several parts is an event for each") {
  CHECK(parts_of("one") == std::vector<std::string>{"one"});
  CHECK(parts_of("one\n\ntwo\n") == std::vector<std::string>{"one", "two"});
  CHECK(parts_of("").empty());
}

TEST_CASE("log: docs/events.md has each event with its level, and no other; each is logged somewhere") {
  const std::filesystem::path source = BANPUSH_SOURCE_DIR;
  std::map<std::string, std::string> documented;
  std::istringstream page(text_of_file(source / "docs/events.md"));
  for (std::string line; std::getline(page, line);) {
    if (line.rfind("| `", 0) != 0)
      continue;
    const std::size_t end = line.find('`', 3), level = end + 4;
    CHECK(documented.emplace(line.substr(3, end - 3), line.substr(level, line.find(' ', level) - level)).second);
  }
  std::string code;
  for (const auto &file : std::filesystem::recursive_directory_iterator(source / "src/app"))
    if (file.path().extension() == ".cpp" && file.path().filename() != "event.cpp")
      code += text_of_file(file.path());
  std::set<std::string> names;
  for (const EventKind &kind : all_events()) {
    INFO(kind.name);
    CHECK(names.insert(kind.name).second);
    CHECK(documented[kind.name] == word(kind.level));
    const std::size_t used = code.find("Event::" + enumerator(kind.name));
    REQUIRE(used != std::string::npos);
  }
  for (const auto &[name, level] : documented) {
    INFO(name);
    CHECK(names.count(name) == 1);
  }
}
