#include "core/script/places.hpp"

#include "core/script/script.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

namespace {

// What is known of one place: the device's values and facts, what was learnt of the place, and its names.
Facts facts_at(const Facts &facts, const Places &places, std::size_t i) {
  Facts here = facts;
  if (i < facts.attach.size())
    for (const auto &[name, value] : facts.attach[i])
      here.values[name] = value;
  for (const auto &[name, value] : names_of_place(places[i].first, places[i].second))
    here.values[name] = value;
  return here;
}

void refuse(const Refusal &refusal, const Values &values, const Facts &facts, std::vector<std::string> &texts) {
  if (!std::all_of(refusal.when.begin(), refusal.when.end(), [&](const std::string &when) { return holds(when, values, facts); }))
    return;
  Values names = values;
  for (const auto &[name, value] : facts.values)
    names[name] = value;
  texts.push_back(expand(refusal.says, names));
}

} // namespace

std::map<std::string, std::string> names_of_place(const std::string &interface, const std::string &direction) {
  const std::size_t dot = interface.rfind('.');
  const std::size_t number = interface.find_last_not_of("0123456789/.:") + 1;
  const std::string type = interface.substr(0, number); // `GigabitEthernet 0/0/1` is how some type it
  const bool in = direction == "in";
  return {{"interface", interface},
          {"direction", direction},
          {"ingress", in ? "ingress" : "egress"},
          {"input", in ? "input" : "output"},
          {"physical", interface.substr(0, dot)},
          {"unit", dot == std::string::npos ? "0" : interface.substr(dot + 1)},
          {"type", type.substr(0, type.find_last_not_of(' ') + 1)},
          {"slot", interface.substr(number)}};
}

const std::vector<std::string> &place_names() {
  static const std::vector<std::string> names{"interface", "direction", "ingress", "input", "physical", "unit", "type", "slot"};
  return names;
}

Driver at_places(Driver driver, const Places &places) {
  std::vector<Proof> proofs;
  for (const Proof &proof : driver.in_force) {
    if (!proof.per_attach) {
      proofs.push_back(proof);
      continue;
    }
    for (const auto &[interface, direction] : places) {
      proofs.push_back(proof);
      proofs.back().place = names_of_place(interface, direction);
    }
  }
  driver.in_force = std::move(proofs);
  return driver;
}

std::vector<std::string> refusals(const Driver &driver, Stage stage, const std::map<std::string, std::string> &values, const Facts &facts,
                                  const Places &places) {
  std::vector<std::string> texts;
  for (const Refusal &refusal : driver.refuse) {
    if (refusal.before != word(stage))
      continue;
    if (!refusal.per_attach) {
      refuse(refusal, values, facts, texts);
      continue;
    }
    for (std::size_t i = 0; i < places.size(); ++i)
      refuse(refusal, values, facts_at(facts, places, i), texts);
  }
  if (stage == Stage::Unsetup && texts.empty())
    for (const List &list : driver.lists)
      if (list.owned_by != List::OwnedBy::Tag && holds(list.name + "_foreign", {}, facts)) {
        const auto name = values.find(list.name);
        texts.push_back(fmt::format("list {} has entries of others; take them out first", name == values.end() ? list.name : name->second));
      }
  return texts;
}

} // namespace banpush
