#include "app/words/log.hpp"

#include "core/bans/ban.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

// Our own commands stand between backticks and a device's words between quotes, which shown() takes for somebody's attempt at
// a shell: a log is none.
std::string for_log(std::string_view text) {
  constexpr std::size_t most = 2000;
  const bool is_cut = text.size() > most;
  if (is_cut) {
    std::size_t end = most;
    while (end != 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) // within a character of UTF-8
      --end;
    text = text.substr(0, end);
  }
  std::string line;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("`\"");
    line += shown(text.substr(0, end), most);
    if (end == std::string_view::npos)
      break;
    line += text[end];
    text.remove_prefix(end + 1);
  }
  return is_cut ? line + "…" : line;
}

// RFC 3339, in UTC.
std::string utc(std::chrono::system_clock::time_point moment) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(moment);
  const auto parts_of_second =
      std::chrono::duration_cast<std::chrono::milliseconds>(moment - std::chrono::system_clock::from_time_t(seconds));
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min, parts.tm_sec, parts_of_second.count());
}

bool is_of_a_list(Event event) noexcept { return event == Event::ListNotInForce || event == Event::ListInForce; }

std::string json_of(const LogLine &line, std::chrono::system_clock::time_point moment) {
  nlohmann::ordered_json document{{"schema", 1}, {"time", utc(moment)}, {"level", word(level_of(line.event))}, {"event", word(line.event)}};
  if (!line.device.empty())
    document["device"] = line.device;
  if (!line.of.empty())
    document[is_of_a_list(line.event) ? "list" : "guard"] = line.of;
  if (line.change) {
    document["added"] = line.change->added;
    document["removed"] = line.change->removed;
    document["seconds"] = line.change->seconds;
  }
  document["message"] = for_log(line.text);
  return document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace

Reader reader_of_stderr() {
  const char *stream = std::getenv("JOURNAL_STREAM");
  struct stat about {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &about) != 0)
    return Reader::Other;
  return fmt::format("{}:{}", about.st_dev, about.st_ino) == stream ? Reader::Journal : Reader::Other;
}

std::string written(const LogLine &line, LogForm form, Reader reader, std::chrono::system_clock::time_point moment) {
  const std::string level = reader == Reader::Journal ? fmt::format("<{}>", static_cast<int>(level_of(line.event))) : std::string();
  return level + (form == LogForm::Json ? json_of(line, moment) : "banpush: " + for_log(line.text));
}

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end != 0)
      parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// By one call, so that lines of several threads do not mix.
void Log::say(const LogLine &line) const {
  std::fputs((written(line, form_, reader_, std::chrono::system_clock::now()) + "\n").c_str(), stderr);
}

} // namespace banpush
