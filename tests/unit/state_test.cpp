#include "app/state/state.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace banpush {

namespace {

class Folder {
public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "banpush-state-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string state() const { return path_ / "state.db"; }

private:
  std::filesystem::path path_;
};

Installed holding(const std::vector<std::string> &blocks) {
  Installed installed;
  for (const std::string &text : blocks) {
    Entry entry;
    entry.block = *Block::parse(text);
    entry.list = "acl4";
    installed.entries.push_back(entry);
  }
  return installed;
}

Change adding(const std::string &block) {
  Change change;
  Addition addition;
  addition.block = *Block::parse(block);
  addition.list = "acl4";
  change.add.push_back(addition);
  return change;
}

Change removing(const std::string &block) {
  Change change;
  Removal removal;
  removal.block = *Block::parse(block);
  removal.list = "acl4";
  change.remove.push_back(removal);
  return change;
}

} // namespace

TEST_CASE("state: what was to come back and did not stays known, so that limits count against it") {
  const Folder folder;
  State state(folder.state());
  state.seen("edge", holding({"203.0.113.7/32", "203.0.113.8/32"}));
  REQUIRE(state.ledger("edge").size() == 2);
  state.started("edge", "push", "test", "", adding("203.0.113.7/32")); // the device had lost it
  state.seen("edge", holding({"203.0.113.8/32"}));
  CHECK(state.ledger("edge").size() == 2);
  state.started("edge", "push", "test", "", removing("203.0.113.7/32"));
  state.seen("edge", holding({"203.0.113.8/32"}));
  CHECK(state.ledger("edge").size() == 1);
}

TEST_CASE("state: how much a device takes is known by device and driver") {
  const Folder folder;
  State state(folder.state());
  CHECK(state.pace("edge1", "cisco_ios") == Pace{});
  state.learnt("edge1", "cisco_ios", {1800, 0});
  state.learnt("edge1", "cisco_ios", {900, 1790});
  CHECK(state.pace("edge1", "cisco_ios") == Pace{900, 1790});
  CHECK(state.pace("edge1", "frr") == Pace{});
  CHECK(state.pace("edge2", "cisco_ios") == Pace{});
  CHECK(state.trouble().empty());
}

TEST_CASE("state: families are those of what stands, or was sent and not seen since") {
  const Folder folder;
  State state(folder.state());
  CHECK(state.families("edge").empty());
  state.seen("edge", holding({"203.0.113.7/32"}));
  CHECK(state.families("edge") == std::set{Family::IPv4});
  state.started("edge", "push", "test", "", adding("2001:db8::7/128"));
  CHECK(state.families("edge") == std::set{Family::IPv4, Family::IPv6});
}

} // namespace banpush
