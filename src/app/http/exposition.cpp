#include "app/http/exposition.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::string_view others = "other";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c == '\\' || c == '"')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  return out;
}

} // namespace

void Exposition::metric(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type == Type::Gauge ? "gauge" : "counter");
}

void Exposition::value(double value, const Labels &labels) {
  text_ += name_;
  for (std::size_t i = 0; i < labels.size(); ++i)
    text_ += fmt::format("{}{}=\"{}\"", i == 0 ? "{" : ",", labels[i].first, escaped(labels[i].second));
  text_ += fmt::format("{} {}\n", labels.empty() ? "" : "}",
                       std::floor(value) == value && std::fabs(value) < 1e15 ? fmt::format("{:.0f}", value) : fmt::format("{}", value));
}

std::vector<std::pair<std::string, std::size_t>> largest(std::vector<std::pair<std::string, std::size_t>> counts, std::size_t most) {
  std::sort(counts.begin(), counts.end(),
            [](const auto &a, const auto &b) { return std::pair(b.second, a.first) < std::pair(a.second, b.first); });
  std::size_t rest = 0;
  while (counts.size() > most) {
    rest += counts.back().second;
    counts.pop_back();
  }
  if (rest == 0)
    return counts;
  // Somebody may have chosen this name; one series has one value.
  const auto chosen = std::find_if(counts.begin(), counts.end(), [](const auto &one) { return one.first == others; });
  if (chosen != counts.end())
    chosen->second += rest;
  else
    counts.emplace_back(others, rest);
  return counts;
}

} // namespace banpush
