// A device's prompt: found at the end of what it says, remembered by the name it shows, and told apart
// from lines that only look like one.
#pragma once

#include "core/driver/driver.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace banpush {

// The part of a prompt that names the device, for comparison with later ones: `edge1` of
// `edge1(config)#`, `r1` of `[admin@r1] >`, `core` of `RP/0/RP0/CPU0:core#`. Never a number or a time. Empty when it shows none.
std::string prompt_name(std::string_view prompt);

// Whether a prompt shows that name; only its first 16 characters count, because platforms cut it short
// in their configuration modes, or anywhere with a `~` behind what is left of it.
bool shows_name(std::string_view prompt, std::string_view name);

// Runs of blanks as one blank, none at the ends: how an echo is compared with what was sent.
std::string squeezed(std::string_view text);

// Whether two prompts are the same but for what counts by itself: command counters, flags of unsaved
// changes (`*`, `!`, `~`) and blanks.
bool same_prompt(std::string_view a, std::string_view b);

// How a line that came back relates to a line that was sent.
enum class Echo {
  None,
  Bare,    // the sent line alone
  Exact,   // the sent line behind a prompt
  Damaged, // behind a prompt, but scrolled, expanded or cut
};

class Prompts {
public:
  // Throws Error (Config) when the driver has none.
  explicit Prompts(const Driver &driver);

  struct Found {
    std::string text;             // its lines joined by line ends, without blanks at the end
    std::size_t lines_before = 0; // how many of the complete lines belong to it
  };

  // Later prompts must show one of the names of the prompts that were learnt; until there is one, any name will do.
  void learn(const std::string &prompt);
  // What the device called itself at first and calls itself now in a prompt of the same kind, `edge1` and `edge2`; nothing when
  // that is the same.
  std::optional<std::pair<std::string, std::string>> renamed() const;

  // The prompt at the end of what was said: all of the unfinished line, and of the lines before it those
  // that a prompt of several lines needs.
  std::optional<Found> at_end(const std::vector<std::string> &lines, const std::string &current) const;
  // The same for one that shows a name which was not learnt: the device was renamed, or it is no prompt at all.
  std::optional<Found> of_another_name(const std::vector<std::string> &lines, const std::string &current) const;
  // Whether a line ends in what may be a prompt, with other words in front of it.
  bool may_end(const std::string &line) const;
  // Whether a line is a prompt and nothing else: `prompt`, but for counters and flags.
  static bool is_bare(const std::string &line, const std::string &prompt);
  // How many characters stand on a line in front of `prompt` that ends it: words without a line end. 0 where it ends otherwise or
  // is that prompt alone.
  static std::size_t words_before(const std::string &line, const std::string &prompt);
  // Whether this prompt is the one of the pattern (a stage's `until`).
  static bool is(const Pattern &pattern, const std::string &prompt);
  struct Echoed {
    Echo kind = Echo::None;
    std::optional<Found> prompt; // in front of it
    std::string words;           // in front of that prompt on its line: the end of an answer, or an echo that the prompt cut off
  };
  // How `line`, which came behind `lines`, is an echo of `sent`, when `prompt` was shown last.
  Echoed echo(const std::vector<std::string> &lines, const std::string &line, const std::string &sent, const std::string &prompt) const;
  // How many characters at the start of a line are a prompt; 0 when none are.
  std::size_t length_at_start(const std::string &line, const std::string &prompt) const;
  // The names of the driver's prompts, for messages.
  std::string names() const;

private:
  enum class Named { AsLearnt, Otherwise };
  struct Form {
    std::string name;
    Pattern whole;                     // the text from its start to its end
    Pattern start;                     // at the start of a line
    Pattern end;                       // at the end of a line
    std::string first_name, last_name; // that the device showed in it
  };

  std::optional<Found> found_at_end(const std::vector<std::string> &lines, const std::string &current, Named named) const;
  bool is_form(const std::string &text) const;
  bool shows_known_name(std::string_view prompt) const;

  std::vector<Form> forms_;
  std::vector<std::string> names_;
};

} // namespace banpush
