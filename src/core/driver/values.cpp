#include "core/driver/values.hpp"

namespace banpush {

Values values_of(const Driver &driver, const std::map<std::string, std::string> &params) {
  Values values;
  for (const List &list : driver.lists)
    values[list.name] = list.name;
  for (const auto &[name, param] : driver.params) {
    const auto given = params.find(name);
    std::string value = given != params.end() ? given->second : param.standard.value_or("");
    if (param.type == Param::Type::Flag && (value == "no" || value == "false"))
      value.clear();
    values[name] = std::move(value);
  }
  return values;
}

bool holds(const std::string &when, const Values &values, const Facts &facts) {
  if (when.empty())
    return true;
  if (when.front() == '!')
    return !holds(when.substr(1), values, facts);
  const auto fact = facts.values.find(when);
  if (fact != facts.values.end())
    return !fact->second.empty();
  const auto value = values.find(when);
  return value != values.end() && !value->second.empty();
}

Pattern bound(const Pattern &pattern, const Values &values) {
  if (pattern.empty() || pattern.text().find("{{") == std::string::npos)
    return pattern;
  Values quoted;
  for (const auto &[name, value] : values)
    quoted[name] = Pattern::quoted(value);
  return Pattern(expand(pattern.text(), quoted));
}

} // namespace banpush
