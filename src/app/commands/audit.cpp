// `banpush audit`: who did what to which device when, and what came of it.
#include "app/commands/commands.hpp"
#include "app/state/state.hpp"
#include "app/words/report.hpp"
#include "core/bans/ban.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

constexpr std::size_t longest_script = 1 << 20; // shown of one record

// What a push that was killed left behind is no outcome.
std::string outcome_of(const AuditRecord &record) {
  return !record.outcome.empty() ? record.outcome : record.running ? "under way" : "never ended";
}

Json json_of(const AuditRecord &record) {
  return {{"id", record.id},
          {"device", record.device},
          {"intent", record.intent},
          {"actor", record.actor},
          {"started", record.started},
          {"ended", record.ended.empty() ? Json(nullptr) : Json(record.ended)},
          {"outcome", outcome_of(record)},
          {"error", record.error},
          {"changed", to_json(record.counts)},
          {"script", shown(record.script, longest_script)},
          {"words", shown(record.words, longest_script)}};
}

Colour colour_of(const AuditRecord &record) {
  return record.outcome == word(Outcome::Changed) || record.outcome == word(Outcome::InSync) ? Colour::Green
         : record.outcome == word(Outcome::Failed) || record.outcome.empty()                 ? Colour::Red
                                                                                             : Colour::Yellow;
}

// Each line of a device's text by itself, so that its line ends stay and nothing else of it does.
std::string indented(const char *what, const std::string &text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    if (!line.empty() && line.back() == '\r')
      line.remove_suffix(1);
    out += fmt::format("    {} {}\n", what, shown(line, 2000));
    at = end + 1;
  }
  return out;
}

std::string text_of(const Console &console, const AuditRecord &record) {
  std::string out = fmt::format(
      "{}  {}  {} by {}: {}{}{}\n", record.started, record.device.empty() ? "this host" : console.paint(Colour::Bold, record.device),
      record.intent, shown(record.actor, 80), console.paint(colour_of(record), outcome_of(record)),
      record.counts ? ", " + done_text(*record.counts) : std::string(), record.error.empty() ? "" : ": " + shown(record.error, 500));
  if (console.verbose())
    out += indented(">", record.script) + indented("<", record.words);
  return out;
}

} // namespace

int audit(const Settings &settings, const AuditOptions &options) {
  const Config config = load_all(settings);
  State state(config.state);
  for (const std::string &name : options.devices)
    if (config.device(name) == nullptr && !state.is_known(name))
      throw Error(ErrorKind::Usage, fmt::format("\"{}\" is no device of the configuration, and the audit has nothing of it", shown(name)));
  const auto records = state.audit(options.devices, options.last);
  if (!state.trouble().empty())
    throw Error(ErrorKind::Config, state.trouble());
  if (settings.console.json()) {
    Json all = Json::array();
    for (const AuditRecord &record : records)
      all.push_back(json_of(record));
    settings.console.out(Json{{"schema", 1}, {"audit", std::move(all)}}.dump(2) + "\n");
    return 0;
  }
  std::string out;
  for (const AuditRecord &record : records)
    out += text_of(settings.console, record);
  if (settings.console.verbose()) // scripts as they were
    settings.console.out(out);
  else
    settings.console.tell(out);
  if (records.empty())
    settings.console.note("the audit has no record of that");
  return 0;
}

} // namespace banpush
