// Which changes go to a device on trial.
#include "core/plan/risk.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

Addition addition(const char *block) {
  Addition one;
  one.block = Block::parse(block).value();
  one.list = "acl4";
  return one;
}

Removal removal(const char *block) {
  Removal one;
  one.block = Block::parse(block).value();
  one.list = "acl4";
  return one;
}

Limits with_floor(std::size_t floor) {
  Limits limits;
  limits.floor = floor;
  return limits;
}

} // namespace

TEST_CASE("risk: hosts of any day, up to the floor, are none") {
  Change change;
  change.add = {addition("203.0.113.1/32"), addition("2001:db8::1/128")};
  change.remove = {removal("203.0.113.9/32")};
  CHECK(risk_of(change, 1, with_floor(3)).empty());
  CHECK(risk_of(change, 1, with_floor(2)) == "3 entries, more than limits.floor (2)");
}

TEST_CASE("risk: the first entries of a device, however few") {
  Change change;
  change.add = {addition("203.0.113.1/32")};
  CHECK(risk_of(change, 0, Limits()) == "the first entries on the device");
  CHECK(risk_of(change, 1, Limits()).empty());
  CHECK(risk_of(Change(), 0, Limits()).empty());
}

TEST_CASE("risk: a network that is added, not one that goes") {
  Change change;
  change.remove = {removal("192.0.2.0/24")};
  CHECK(risk_of(change, 1, Limits()).empty());
  change.add = {addition("203.0.113.1/32"), addition("198.51.100.0/28")};
  CHECK(risk_of(change, 1, Limits()) == "a network, 198.51.100.0/28");
}

TEST_CASE("risk: a terminal entry that moves") {
  Change change;
  change.add = {addition("203.0.113.1/32")};
  change.renumber = {{"acl4", "20", "2000000000"}};
  CHECK(risk_of(change, 1, Limits()) == "the last entry of list acl4 moves");
}
