#include "app/state/condition.hpp"

#include "app/words/report.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

const std::string waits = "a change of 12:00:00 was not confirmed: left alone until 12:02:00";

DeviceReport failed(ErrorKind kind, const std::string &error) {
  DeviceReport report;
  report.device = "edge1";
  report.outcome = Outcome::Failed;
  report.kind = kind;
  report.error = error;
  return report;
}

DeviceReport read_in_step() {
  DeviceReport report;
  report.device = "edge1";
  report.plan = Plan{};
  return report;
}

std::vector<std::string> names(const std::vector<Condition> &conditions) {
  std::vector<std::string> found;
  for (const Condition &one : conditions)
    found.push_back(one.name);
  return found;
}

using Names = std::vector<std::string>;

// `event: text`
Names lines(const std::vector<News> &all) {
  Names found;
  for (const News &one : all)
    found.push_back(std::string(word(one.event)) + ": " + one.text);
  return found;
}

} // namespace

TEST_CASE("conditions: a failure begins, changes its words, and ends") {
  const auto first = conditions_after(failed(ErrorKind::Connect, "no route"), {});
  CHECK(names(first) == Names{"unreachable"});
  CHECK(lines(news({}, first)) == Names{"device_unreachable: no route"});
  CHECK(news(first, conditions_after(failed(ErrorKind::Connect, "no route"), first)).empty());
  const auto second = conditions_after(failed(ErrorKind::Auth, "refused"), first);
  CHECK(names(second) == Names{"login"});
  CHECK(lines(news(first, second)) == Names{"device_login_failed: refused"});
  CHECK(lines(news(second, conditions_after(read_in_step(), second))) == Names{"device_answers: lets us log in again"});
}

TEST_CASE("conditions: a device that was renamed under the session") {
  DeviceReport report = read_in_step();
  report.renamed = "was renamed: its prompt says core7 where it said edge1 when banpush logged in";
  const auto now = conditions_after(report, {});
  CHECK(names(now) == Names{"renamed"});
  CHECK(lines(news({}, now)) == Names{"device_renamed: " + report.renamed});
  CHECK(lines(news(now, conditions_after(read_in_step(), now))) == Names{"device_named_again: calls itself as it did at the login"});
}

TEST_CASE("conditions: what an attempt could not look at is as it was") {
  DeviceReport held = read_in_step();
  held.plan->guards.push_back({"remove", "40 of 40 would go", GuardNote::Effect::Holds});
  ListState &list = held.plan->installed.lists.emplace_back();
  list.list = "acl4";
  list.stands = false;
  const auto before = conditions_after(held, {});
  CHECK(names(before) == Names{"list acl4", "remove"});
  const auto begun = news({}, before), over = news(before, {});
  REQUIRE((begun.size() == 2 && over.size() == 2));
  CHECK((begun[0].event == Event::ListNotInForce && begun[0].of == "acl4"));
  CHECK((begun[1].event == Event::GuardHolds && begun[1].of == "remove"));
  CHECK((over[0].event == Event::ListInForce && over[0].of == "acl4"));
  CHECK((over[1].event == Event::GuardReleased && over[1].of == "remove"));
  const auto unreachable = conditions_after(failed(ErrorKind::Connect, "no route"), before);
  CHECK(names(unreachable) == Names{"unreachable", "list acl4", "remove"});
  CHECK(names(conditions_after(read_in_step(), unreachable)).empty());
}

TEST_CASE("conditions: an attempt that was not made says nothing of whether the device answers") {
  DeviceReport lost = failed(ErrorKind::Connect, "no second session");
  lost.unconfirmed = waits;
  const auto before = conditions_after(lost, {});
  CHECK(names(before) == Names{"unreachable", "unconfirmed"});

  DeviceReport left_alone = failed(ErrorKind::Device, waits);
  left_alone.unconfirmed = waits;
  const auto then = conditions_after(left_alone, before);
  CHECK(names(then) == Names{"unconfirmed", "unreachable"});
  CHECK(news(before, then).empty());

  DeviceReport paused;
  paused.outcome = Outcome::Refused;
  paused.paused = true;
  paused.unconfirmed = waits;
  auto now = then;
  for (int round = 0; round < 3; ++round)
    now = conditions_after(paused, now);
  CHECK(names(now) == Names{"unconfirmed", "unreachable"});
  paused.unconfirmed.clear();
  CHECK(names(conditions_after(paused, now)) == Names{"unreachable"});
}

TEST_CASE("conditions: somebody's saved plan is no matter of the device") {
  DeviceReport report = read_in_step();
  report.plan->guards.push_back({"moved", "make a new one", GuardNote::Effect::Refuses});
  CHECK(conditions_after(report, {}).empty());
}
