// Places where lists are bound, and what setup refuses there.
#include "core/reading/parse.hpp"
#include "core/script/places.hpp"
#include "core/script/script.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

TEST_CASE("places: the names of one") {
  auto names = names_of_place("ge-0/0/0.7", "in");
  CHECK(names["interface"] == "ge-0/0/0.7");
  CHECK(names["physical"] == "ge-0/0/0");
  CHECK(names["unit"] == "7");
  CHECK(names["direction"] == "in");
  CHECK(names["ingress"] == "ingress");
  CHECK(names["input"] == "input");
  names = names_of_place("Ethernet1", "out");
  CHECK(names["physical"] == "Ethernet1");
  CHECK(names["unit"] == "0");
  CHECK(names["ingress"] == "egress");
  CHECK(names["input"] == "output");
  CHECK(names["type"] == "Ethernet");
  CHECK(names["slot"] == "1");
  names = names_of_place("TwentyFiveGigE1/0/1.100", "in");
  CHECK(names["type"] == "TwentyFiveGigE");
  CHECK(names["slot"] == "1/0/1.100");
  CHECK(names_of_place("1/1/1", "in")["type"].empty());
  CHECK(names_of_place("GigabitEthernet 0/0/1", "in")["type"] == "GigabitEthernet");
  CHECK(names_of_place("GigabitEthernet 0/0/1", "in")["slot"] == "0/0/1");
  CHECK(names_of_place("wan", "in")["slot"].empty());
  for (const std::string &name : place_names())
    CHECK(names.count(name) == 1);
  CHECK(names.size() == place_names().size());
}

TEST_CASE("places: a template asks for one interface, or for all where there is no place") {
  const TextTemplate rpc("x", "<interface>{{#type}}<{{type}}><name>{{slot}}</name></{{type}}>{{/type}}{{^type}}all{{/type}}</interface>\n");
  View view;
  CHECK(rpc.render(view) == "<interface>all</interface>\n");
  for (const auto &[name, value] : names_of_place("GigabitEthernet0/0/1", "in"))
    view.values[name] = value;
  CHECK(rpc.render(view) == "<interface><GigabitEthernet><name>0/0/1</name></GigabitEthernet></interface>\n");
}

TEST_CASE("places: a proof per attach is asked of each, and of none where there is none") {
  Driver driver;
  driver.in_force.resize(2);
  driver.in_force[0].per_attach = true;
  driver.in_force[0].send = "show {{interface}}";
  CHECK(at_places(driver, {}).in_force.size() == 1);
  const Driver two = at_places(driver, {{"e1", "in"}, {"e2", "out"}});
  REQUIRE(two.in_force.size() == 3);
  CHECK(expand(two.in_force[0].send, names_for(two.in_force[0], {})) == "show e1");
  CHECK(expand(two.in_force[1].send, names_for(two.in_force[1], {})) == "show e2");
  CHECK(two.in_force[2].place.empty());
}

TEST_CASE("places: setup refuses where something of others is bound, and nowhere else") {
  Driver driver;
  Refusal refusal;
  refusal.when = {"bound", "!ours"};
  refusal.says = "{{interface}} {{direction}} has {{bound}}, not {{acl}}";
  refusal.per_attach = true;
  driver.refuse.push_back(refusal);
  const Places places{{"e1", "in"}, {"e2", "out"}, {"e3", "in"}};
  Facts facts;
  facts.attach = {{{"bound", "OURS"}, {"ours", "yes"}}, {{"bound", "EDGE"}, {"ours", ""}}, {{"bound", ""}, {"ours", ""}}};
  CHECK(refusals(driver, Stage::Setup, {{"acl", "OURS"}}, facts, places) == std::vector<std::string>{"e2 out has EDGE, not OURS"});
  CHECK(refusals(driver, Stage::Unsetup, {{"acl", "OURS"}}, facts, places).empty());
}
