#include "help.hpp"

#include <algorithm>
#include <map>
#include <sstream>

namespace banpush {

namespace {

constexpr std::size_t columns = 80;
constexpr std::size_t column_of_text = 30;

constexpr const char *exit_codes = "Exit codes: 0 done, 1 a device failed (try again), 2 usage or configuration,\n"
                                   "3 ban table unreachable, 4 plan --exit-code found changes,\n"
                                   "5 a guard refused or held something (a person decides)\n";

const std::map<std::string, std::string> &examples() {
  static const std::map<std::string, std::string> all{
      {"init", "banpush init"},
      {"ban", "banpush ban 203.0.113.7 --jail sshd --bantime 1d --wait"},
      {"unban", "banpush unban 203.0.113.7 --wait"},
      {"allow", "banpush allow add 198.51.100.0/24 --reason \"the office\""},
      {"allow add", "banpush allow add 198.51.100.0/24 --reason \"the office\""},
      {"allow remove", "banpush allow remove 198.51.100.0/24"},
      {"allow list", "banpush allow list"},
      {"spool", "banpush spool list"},
      {"spool list", "banpush spool list"},
      {"spool drop", "banpush spool drop 12"},
      {"spool retry", "banpush spool retry --refused"},
      {"list", "banpush list --jail sshd"},
      {"explain", "banpush explain 203.0.113.7"},
      {"stats", "banpush stats --days 7"},
      {"status", "banpush status"},
      {"audit", "banpush audit edge1 --last 5 -v"},
      {"feed", "banpush feed fw1 --out fw1.txt"},
      {"prune", "banpush prune --older-than 90d"},
      {"check", "banpush check --connect edge1"},
      {"plan", "banpush plan edge1 --out edge1.plan"},
      {"push", "banpush push edge1 --plan edge1.plan"},
      {"serve", "banpush serve"},
      {"show", "banpush show edge1"},
      {"setup", "banpush setup edge1, then: banpush setup edge1 --apply"},
      {"save", "banpush save edge1"},
      {"trust", "banpush trust edge1 --fingerprint SHA256:…"},
      {"flush", "banpush flush edge1 --reason \"maintenance\""},
      {"pause", "banpush pause edge1 --for 2h --reason \"maintenance\""},
      {"resume", "banpush resume edge1"},
      {"drivers", "banpush drivers show cisco_ios"},
      {"drivers show", "banpush drivers show cisco_ios"},
      {"drivers parse", "banpush drivers parse cisco_ios --family 4 <show.txt"},
      {"drivers render", "banpush drivers render cisco_ios --add 203.0.113.7"},
      {"lab", "banpush lab up network.yaml"},
  };
  return all;
}

// The words of a text in lines of at most so many columns (UTF-8: a character counts once).
std::string wrapped(const std::string &text, std::size_t width) {
  const auto length = [](const std::string &word) {
    return static_cast<std::size_t>(std::count_if(word.begin(), word.end(), [](unsigned char byte) { return (byte & 0xC0) != 0x80; }));
  };
  std::string all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::size_t used = 0;
    if (!all.empty())
      all += '\n';
    for (std::string word; words >> word;) {
      const std::size_t more = length(word);
      if (used != 0 && used + 1 + more > width) {
        all += '\n';
        used = 0;
      }
      all += (used != 0 ? " " : "") + word;
      used += more + (used != 0 ? 1 : 0);
    }
  }
  return all;
}

class Layout : public CLI::Formatter {
public:
  Layout() { column_width(column_of_text); }
  std::string make_option_desc(const CLI::Option *option) const override {
    return wrapped(option->get_description(), columns - column_of_text);
  }
  std::string make_subcommand(const CLI::App *sub) const override {
    std::ostringstream out;
    CLI::detail::format_help(out, sub->get_display_name(true), wrapped(sub->get_description(), columns - column_of_text), column_of_text);
    return out.str();
  }
  std::string make_description(const CLI::App *app) const override {
    return wrapped(CLI::Formatter::make_description(app), columns) + "\n";
  }
};

} // namespace

std::shared_ptr<CLI::Formatter> help_layout() { return std::make_shared<Layout>(); }

std::string help_footer(const std::string &verb) {
  const auto example = examples().find(verb);
  return (example == examples().end() ? "" : "Example: " + example->second + "\n\n") + exit_codes;
}

std::string usage_of(const CLI::App &app) {
  const CLI::App *at = &app;
  std::string called = app.get_name();
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    called += " " + at->get_name();
  }
  std::istringstream lines(at->get_formatter()->make_help(at, called, CLI::AppFormatMode::Normal));
  const std::string begin = "Usage: ";
  for (std::string line; std::getline(lines, line);)
    if (line.rfind(begin, 0) == 0)
      return line.substr(begin.size());
  return called;
}

} // namespace banpush
