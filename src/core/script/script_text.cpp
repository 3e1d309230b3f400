#include "core/script/script.hpp"

#include <fmt/format.h>

namespace banpush {

namespace {

std::string joined(const std::vector<std::string> &words) {
  std::string out;
  for (const std::string &word : words) {
    const bool plain = !word.empty() && word.find_first_of(" \t'\"\\$&;|<>(){}*?#~`!") == std::string::npos;
    out += out.empty() ? "" : " ";
    out += plain ? word : fmt::format("'{}'", word);
  }
  return out;
}

void print(std::string &out, const std::vector<Step> &steps) {
  for (const Step &step : steps) {
    if (!step.argv.empty())
      out += "$ " + joined(step.argv) + "\n";
    out += step.text();
  }
}

} // namespace

std::string Step::text() const {
  std::string out;
  for (const std::string &line : lines) {
    out += line;
    out += '\n';
  }
  return out;
}

std::string Script::text() const {
  std::string out;
  print(out, change);
  const auto labelled = [&out](const char *label, const std::vector<Step> &steps) {
    if (steps.empty())
      return;
    out += fmt::format("! {}\n", label);
    print(out, steps);
  };
  labelled("confirm", confirm);
  labelled("cancel, instead of confirm, when the device cannot be reached anew", cancel);
  labelled("save", save);
  return out;
}

} // namespace banpush
