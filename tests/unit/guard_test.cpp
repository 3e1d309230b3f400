// The guard is last before the wire: a script that says anything but the plan is not cleared.
#include "config/driver/driver_file.hpp"
#include "core/plan/plan.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

const Driver &nft() {
  static const Driver driver = load_driver(std::string(BANPUSH_SOURCE_DIR) + "/drivers/linux_nft.yaml", {BANPUSH_SOURCE_DIR});
  return driver;
}

struct Case {
  Values values = values_of(nft(), {});
  Facts facts;
  Policy policy;
  Limits limits;
  std::vector<NamedPrefix> protect;
  Plan plan;
  bool unproven = false;

  explicit Case(std::initializer_list<const char *> add, std::initializer_list<const char *> remove = {}) {
    plan.device = "here";
    plan.driver = "linux_nft";
    for (const char *text : add) {
      Addition addition;
      addition.block.prefix = Prefix::require(text);
      addition.list = nft().list_for(addition.block.prefix, false)->name;
      plan.change.add.push_back(addition);
    }
    for (const char *text : remove) {
      Removal removal;
      removal.block.prefix = Prefix::require(text);
      removal.list = nft().list_for(removal.block.prefix, false)->name;
      plan.change.remove.push_back(removal);
    }
    plan.script = render(Rendering{nft(), TransportKind::Exec, values, facts, {}, 0, false, {}}, plan.change);
  }

  Guard::Ruling ruling() const { return Guard{nft(), values, policy, limits, protect, {}, unproven}.rule(plan); }
  std::string said() const {
    const auto made = ruling();
    CHECK(made.cleared.has_value() == made.notes.empty());
    return made.notes.empty() ? "cleared" : made.notes.front().name + ": " + made.notes.front().message;
  }
  std::vector<std::string> &lines() { return plan.script.change.at(0).lines; }
};

} // namespace

TEST_CASE("a script that says the plan is cleared") {
  CHECK(Case({"203.0.113.7", "198.51.100.0/24", "2001:db8::1", "2001:db8:1::/48"}, {"192.0.2.1"}).said() == "cleared");
}

TEST_CASE("one more line than the plan is refused") {
  Case one({"203.0.113.7"});
  one.lines().push_back("add element inet banpush hosts4 { 203.0.113.8 }");
  CHECK_THAT(one.said(), Catch::StartsWith("script: ") && Catch::Contains("203.0.113.8/32"));
  one.lines().back() = "flush ruleset";
  CHECK_THAT(one.said(), Catch::Contains("flush ruleset"));
  one.lines().back() = "delete element inet banpush hosts4 { 203.0.113.7 }";
  CHECK_THAT(one.said(), Catch::StartsWith("script: "));
  one.lines().back() = "add element inet banpush other { 203.0.113.7 }";
  CHECK_THAT(one.said(), Catch::Contains("a list that is not ours"));
}

TEST_CASE("an object that entries refer to holds what its name says, and is one of the change") {
  const auto said = [](const char *name, const char *line, const char *spoilt) {
    const Driver driver = load_driver(std::string(BANPUSH_SOURCE_DIR) + "/drivers/" + name + ".yaml", {BANPUSH_SOURCE_DIR});
    Values values = values_of(driver, {});
    values["admin"] = "banpush";
    Change change;
    Addition addition;
    addition.block.prefix = Prefix::require("203.0.113.7");
    addition.list = driver.list_for(addition.block.prefix, false)->name;
    change.add.push_back(addition);
    const Facts facts;
    Script script = render(Rendering{driver, TransportKind::Cli, values, facts, {}, 0, false, {}}, change);
    CHECK(read_back(driver, values, script, {}).add.size() == 1);
    bool found = false;
    for (Step &step : script.change)
      for (std::string &one : step.lines)
        if (one == line) {
          one = spoilt;
          found = true;
        }
    CHECK(found);
    try {
      read_back(driver, values, script, {});
    } catch (const Error &error) {
      return std::string(error.what());
    }
    return std::string("read");
  };
  CHECK(said("paloalto_panos", "set address ban-203-0-113-7-32 ip-netmask 203.0.113.7/32",
             "set address ban-203-0-113-7-32 ip-netmask 10.0.0.0/8")
            .find("gives 10.0.0.0/8 to the object of 203.0.113.7/32") != std::string::npos);
  CHECK(
      said("paloalto_panos", "set address ban-203-0-113-7-32 ip-netmask 203.0.113.7/32", "set address ban-10-0-0-0-8 ip-netmask 10.0.0.0/8")
          .find("which the change neither adds nor removes") != std::string::npos);
  CHECK(said("fortinet_fortios", "set subnet 203.0.113.7 255.255.255.255", "set subnet 10.0.0.0 255.0.0.0")
            .find("gives 10.0.0.0/8 to the object of 203.0.113.7/32") != std::string::npos);
  CHECK(said("fortinet_fortios", "set subnet 203.0.113.7 255.255.255.255", "set subnet 203.0.113.7 255.0.255.0")
            .find("no block can be read") != std::string::npos);
}

TEST_CASE("a request over NETCONF is one element") {
  const Driver driver = load_driver(std::string(BANPUSH_SOURCE_DIR) + "/drivers/yang_set.yaml", {BANPUSH_SOURCE_DIR});
  const Values values = values_of(driver, {});
  Script script;
  Step step;
  step.kind = TransportKind::Netconf;
  step.lines = {"<validate><source><candidate/></source></validate>"};
  script.change.push_back(step);
  CHECK_NOTHROW(read_back(driver, values, script, {}));
  script.change.front().lines.push_back("<delete-config><target><startup/></target></delete-config>");
  CHECK_THROWS_WITH(read_back(driver, values, script, {}), Catch::Matchers::Contains("more than one element"));
}

TEST_CASE("one block less than the plan is refused") {
  Case one({"203.0.113.7", "203.0.113.8"});
  one.lines()[0] = "add element inet banpush hosts4 { 203.0.113.7 }";
  CHECK_THAT(one.said(), Catch::Contains("203.0.113.8/32"));
}

TEST_CASE("another prefix than the planned one is refused") {
  Case one({"198.51.100.0/24"});
  one.lines()[0] = "add element inet banpush nets4 { 198.51.0.0/16 }";
  CHECK_THAT(one.said(), Catch::Contains("198.51.0.0/16") && Catch::Contains("198.51.100.0/24"));
}

TEST_CASE("protected, allowed and too wide prefixes never pass, whatever came before") {
  Case one({"203.0.113.7"});
  one.protect = {{Prefix::require("203.0.113.0/28"), "the office"}};
  CHECK_THAT(one.said(), Catch::StartsWith("protected: ") && Catch::Contains("the office"));
  one.protect.clear();
  one.policy.allow = {{Prefix::require("203.0.113.7"), "policy.allow"}};
  CHECK_THAT(one.said(), Catch::StartsWith("allow: "));
  Case wide({"198.51.0.0/16"});
  CHECK_THAT(wide.said(), Catch::StartsWith("shortest: "));
  Case around({"203.0.113.0/24"}); // the protected host lies in it
  around.protect = {{Prefix::require("203.0.113.7"), "the bastion"}};
  CHECK_THAT(around.said(), Catch::StartsWith("protected: "));
}

TEST_CASE("a removal of what is protected passes: it opens, it does not block") {
  Case one({}, {"203.0.113.7"});
  one.protect = {{Prefix::require("203.0.113.7"), "the bastion"}};
  CHECK(one.said() == "cleared");
}

TEST_CASE("the hash follows what the plan rests on and does") {
  Case one({"203.0.113.7"}), same({"203.0.113.7"}), other({"203.0.113.8"});
  CHECK(hash_of(one.plan) == hash_of(same.plan));
  CHECK(hash_of(one.plan) != hash_of(other.plan));
  same.plan.installed.entries.emplace_back();
  CHECK(hash_of(one.plan) != hash_of(same.plan));
}
