// The service's log on stderr: one line for each event, for people or as JSON, with a level where systemd's journal reads it.
#pragma once

#include "app/words/event.hpp"
#include "settings/config.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

struct LogLine {
  struct Change {
    std::size_t added = 0, removed = 0;
    double seconds = 0;
  };

  Event event;
  std::string text;                  // for people, with the device's name in front where it is of one
  std::string device = {};           // empty: of none
  std::string of = {};               // the list or guard it is about; empty: none
  std::optional<Change> change = {}; // what a push did
};

// Whether the line's reader is systemd's journal, which takes the level from in front of the line.
enum class Reader { Journal, Other };
// Standard error's (systemd.exec(5), JOURNAL_STREAM): the variable alone is inherited by whatever a session starts.
Reader reader_of_stderr();

// The line without its end: what it quotes has no control characters in it, and is cut at 2000 characters.
std::string written(const LogLine &line, LogForm form, Reader reader, std::chrono::system_clock::time_point moment);

// An error's text that says several things, one a line: an event each.
std::vector<std::string> parts_of(std::string_view text);

// Of any thread.
class Log {
public:
  // Asked for on the command line, the form is that, whatever the configuration says.
  explicit Log(std::optional<LogForm> asked) : asked_(asked), form_(asked.value_or(LogForm::Text)), reader_(reader_of_stderr()) {}
  Log(const Log &) = delete;
  Log &operator=(const Log &) = delete;

  void configure(LogForm form) noexcept { form_ = asked_.value_or(form); }
  bool is_for_people() const noexcept { return form_ == LogForm::Text && reader_ == Reader::Other; }

  void say(const LogLine &line) const;

private:
  const std::optional<LogForm> asked_;
  std::atomic<LogForm> form_;
  const Reader reader_;
};

} // namespace banpush
