#include "app/commands/table/spool.hpp"
#include "app/commands/commands.hpp"
#include "app/record/spool_report.hpp"
#include "app/world/spool.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

const char *word_of(SpoolLine::State state) { return state == SpoolLine::State::Waits ? "waiting" : "refused"; }

Json json_of(const SpoolLine &line) {
  return {{"line", line.id},   {"state", word_of(line.state)}, {"at", time_text(line.at)}, {"ip", line.ip},
          {"what", line.what}, {"problem", line.problem}};
}

void say(const Settings &settings, const char *key, const std::vector<SpoolLine> &lines, const std::string &text) {
  if (!settings.console.json()) {
    settings.console.out(text);
    return;
  }
  Json all = Json::array();
  for (const SpoolLine &line : lines)
    all.push_back(json_of(line));
  settings.console.out(Json{{"schema", 1}, {key, std::move(all)}}.dump(2) + "\n");
}

// Throws Error (Usage) for what is no number that a line can have.
std::int64_t number_of(const std::string &text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 1)
    throw Error(ErrorKind::Usage, fmt::format("\"{}\" is no number of a line, as `spool list` shows them; nothing was done", shown(text)));
  return number;
}

// Throws Error (Usage) for a number that no line has.
std::vector<SpoolLine> chosen_lines(Spool *spool, const SpoolOptions &options) {
  if (options.lines.empty() && !options.refused)
    throw Error(ErrorKind::Usage, "which lines? Give their numbers, or --refused for all that was set aside");
  std::vector<SpoolLine> chosen;
  std::set<std::int64_t> numbers;
  for (const std::string &given : options.lines) {
    const std::int64_t id = number_of(given);
    if (!numbers.insert(id).second)
      continue; // named twice
    auto line = spool != nullptr ? spool->line(id) : std::nullopt;
    if (!line)
      throw Error(ErrorKind::Usage, fmt::format("the spool has no line {}; nothing was done", id));
    chosen.push_back(std::move(*line));
  }
  if (options.refused && spool != nullptr)
    for (SpoolLine &line : spool->lines())
      if (line.state == SpoolLine::State::Refused && !numbers.contains(line.id))
        chosen.push_back(std::move(line));
  return chosen;
}

int list(const Settings &settings, Spool *spool) {
  const auto lines = spool != nullptr ? spool->lines() : std::vector<SpoolLine>{};
  std::string text;
  for (const SpoolLine &line : lines)
    text += fmt::format("{:>6}  {:<8} {}  {}{}\n", line.id, word_of(line.state), time_text(line.at), line.what,
                        line.problem.empty() ? "" : ": " + line.problem);
  say(settings, "lines", lines, text);
  if (lines.empty())
    settings.console.note("nothing waits, and nothing was set aside");
  return 0;
}

int drop(const Settings &settings, Spool *spool, const SpoolOptions &options) {
  const auto lines = chosen_lines(spool, options);
  for (const SpoolLine &line : lines)
    if (line.state == SpoolLine::State::Waits && !options.waiting)
      throw Error(ErrorKind::Usage,
                  fmt::format("line {} merely waits for the table, and would be lost ({}); --waiting drops it all the same; "
                              "nothing was done",
                              line.id, line.what));
  std::string text;
  for (const SpoolLine &line : lines) {
    spool->drop(line.id);
    text += fmt::format("dropped, and recorded nowhere: {}\n", line.what);
  }
  say(settings, "dropped", lines, text);
  return 0;
}

int retry(const Settings &settings, Spool *spool, const SpoolOptions &options) {
  const auto lines = chosen_lines(spool, options);
  std::string text;
  for (const SpoolLine &line : lines) {
    spool->retry(line.id);
    text += fmt::format("waits again: {}\n", line.what);
  }
  say(settings, "waiting", lines, text);
  settings.console.note("it is tried with the next push");
  return 0;
}

} // namespace

int spool(const Settings &settings, const SpoolOptions &options) {
  const Config config = load_for_recording(settings);
  const SpoolLook look = look_into_spool(config.spool);
  if (!look.trouble.empty())
    throw Error(ErrorKind::Config, look.trouble);
  switch (options.action) {
  case SpoolOptions::Action::List: return list(settings, look.spool.get());
  case SpoolOptions::Action::Drop: return drop(settings, look.spool.get(), options);
  case SpoolOptions::Action::Retry: return retry(settings, look.spool.get(), options);
  }
  return 0;
}

} // namespace banpush
