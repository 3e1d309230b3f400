#include "config/document/mapping.hpp"
#include "config/document/suggestion.hpp"
#include "config/document/values.hpp"
#include "config/driver/driver_parts.hpp"
#include "config/driver/params.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace banpush {

namespace {

constexpr std::int64_t most_number = 4294967295;

bool is_charset(const Node &node, Problems &problems) {
  const auto text = text_of(node, problems);
  if (!text)
    return false;
  try {
    const Pattern trial(fmt::format("\\A[{}]+\\z", *text));
    return true;
  } catch (const Error &) {
    add_mismatch(node, problems, "the characters between [ and ] of a pattern");
    return false;
  }
}

Param param_of(const Node &node, Problems &problems) {
  Param param;
  Mapping mapping(node, problems);
  using Type = Param::Type;
  const Words<Type> types{
      {"name", Type::Name}, {"number", Type::Number}, {"prefix", Type::Prefix}, {"flag", Type::Flag}, {"secret", Type::Secret}};
  param.type = mapping.need("type", word_of<Type>, types).value_or(param.type);
  if (param.type == Type::Name) {
    if (const Node *charset = mapping.find("charset"); charset != nullptr && is_charset(*charset, problems))
      param.charset = charset->text;
    param.max = static_cast<std::size_t>(mapping.get("max", whole_of, 1, 1000).value_or(static_cast<std::int64_t>(param.max)));
  }
  if (param.type == Type::Number) {
    param.from = static_cast<long>(mapping.get("from", whole_of, -most_number, most_number).value_or(param.from));
    param.to = static_cast<long>(mapping.get("to", whole_of, -most_number, most_number).value_or(param.to));
    if (param.from > param.to)
      problems.add(node.place, fmt::format("{}: from {} to {} is empty", node.name, param.from, param.to));
  }
  if (param.type == Type::Name || param.type == Type::Number)
    param.one_of = mapping.get("one_of", texts_of);
  if (param.type != Type::Secret)
    param.standard = mapping.get("default", text_of);
  param.optional = mapping.get("optional", yes_no_of).value_or(false);
  param.only = mapping.get("for", word_of<std::string>, Words<std::string>{{"setup", "setup"}}).value_or("");
  param.about = mapping.get("about", text_of).value_or("");
  mapping.done();
  if (param.standard) {
    if (const auto objection = unfit_as_param(param, *param.standard))
      problems.add(mapping.find("default")->place, "default: " + *objection);
    else if (param.type == Type::Flag)
      param.standard = *param.standard == "yes" || *param.standard == "true" ? "yes" : "";
  }
  return param;
}

List::Numbers numbers_of(const Node &node, Problems &problems) {
  List::Numbers numbers;
  Mapping mapping(node, problems);
  const auto take = [&](const char *key, std::uint64_t standard) {
    return static_cast<std::uint64_t>(mapping.get(key, whole_of, 1, std::int64_t{1} << 62).value_or(static_cast<std::int64_t>(standard)));
  };
  numbers.from = take("from", numbers.from);
  numbers.to = take("to", numbers.to);
  numbers.step = take("step", numbers.step);
  mapping.done();
  if (numbers.from > numbers.to)
    problems.add(node.place, fmt::format("numbers: from {} to {} is empty", numbers.from, numbers.to));
  return numbers;
}

void read_holds(List &list, const Node &node, Problems &problems) {
  Mapping mapping(node, problems);
  if (const Node *families = mapping.find("families")) {
    list.families.clear();
    for (const Node *item : items_of(*families))
      if (const auto family = word_of<Family>(*item, problems, {{"4", Family::IPv4}, {"6", Family::IPv6}}))
        list.families.push_back(*family);
    if (items_of(*families).empty())
      add_mismatch(*families, problems, "4, 6 or both");
  }
  if (const Node *kinds = mapping.find("kinds")) {
    list.hosts = list.nets = false;
    for (const Node *item : items_of(*kinds))
      if (const auto kind = word_of<std::string>(*item, problems, {{"host", "host"}, {"net", "net"}}))
        (*kind == "host" ? list.hosts : list.nets) = true;
    if (items_of(*kinds).empty())
      add_mismatch(*kinds, problems, "host, net or both");
  }
  list.services = mapping.get("services", yes_no_of).value_or(false);
  mapping.done();
}

// `yes`, or what `when` of a proof may be.
std::optional<std::string> needs_permit_of(const Node &node, Problems &problems, const DriverNames &names) {
  if (node.kind == Node::Kind::Text && node.text == "yes")
    return "yes";
  return param_when_of(node, problems, names);
}

List list_of(const Node &key, const Node &node, Problems &problems, const DriverNames &names) {
  List list;
  list.name = key.text;
  Mapping mapping(node, problems);
  if (const Node *holds = mapping.find("holds"))
    read_holds(list, *holds, problems);
  using OwnedBy = List::OwnedBy;
  list.owned_by =
      mapping
          .need("owned_by", word_of<OwnedBy>, Words<OwnedBy>{{"list", OwnedBy::List}, {"numbers", OwnedBy::Numbers}, {"tag", OwnedBy::Tag}})
          .value_or(list.owned_by);
  if (const Node *numbers = mapping.find("numbers"))
    list.numbers = numbers_of(*numbers, problems);
  else if (list.owned_by == OwnedBy::Numbers)
    problems.add(node.place, fmt::format("{}: owned_by: numbers needs numbers: {{from, to}}", list.name));
  list.renumbers = mapping.get("renumbers", yes_no_of).value_or(false);
  if (list.renumbers && !list.numbers)
    problems.add(mapping.find("renumbers")->place, "renumbers: needs numbers: {from, to}");
  list.needs_permit = mapping.get("needs_permit", needs_permit_of, names).value_or("");
  if (const auto most = mapping.get("most", whole_of, 1, 1'000'000'000))
    list.most = static_cast<std::size_t>(*most);
  list.cost = mapping.get("cost", decimal_of, 0.001, 1000.0).value_or(list.cost);
  list.longest_match = mapping.get("longest_match", yes_no_of).value_or(false);
  list.specific_first = mapping.get("specific_first", yes_no_of).value_or(false);
  list.permits_first = mapping.get("permits_first", yes_no_of).value_or(false);
  list.each_once = mapping.get("each_once", yes_no_of).value_or(false);
  list.disjoint = mapping.get("disjoint", yes_no_of).value_or(false);
  list.input = mapping.get("input", program_of, names);
  list.when = mapping.get("when", param_when_of, names).value_or("");
  list.says = mapping.get("says", line_of, names).value_or("");
  if (list.when.empty() != list.says.empty())
    problems.add(node.place, fmt::format("{}: when and says go together: what a device lacks, and what a person is told", list.name));
  mapping.done();
  return list;
}

} // namespace

std::map<std::string, Param> params_of(const Node &node, Problems &problems) {
  std::map<std::string, Param> params;
  const Mapping all(node, problems);
  for (std::size_t i = 0; i < node.keys.size(); ++i)
    if (is_driver_name(node.keys[i], problems))
      params.emplace(node.keys[i].text, param_of(node.items[i], problems));
  return params;
}

std::vector<List> lists_of(const Node &node, Problems &problems, const DriverNames &names) {
  std::vector<List> lists;
  const Mapping all(node, problems);
  for (std::size_t i = 0; i < node.keys.size(); ++i)
    if (is_driver_name(node.keys[i], problems))
      lists.push_back(list_of(node.keys[i], node.items[i], problems, names));
  return lists;
}

} // namespace banpush
