// A command line as a device has it, without a network: what is typed goes in, what the terminal shows
// comes out. A test says what it knows (`run`) and how badly it behaves (all the rest).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace banpush::fakes {

struct CliDevice {
  // How it sends back what is typed.
  enum class Echo {
    Yes,    // when it reads the line
    No,     // never
    Twice,  // two times, the second over the first
    Kernel, // at once for what is typed ahead, and again when it reads the line
    Repaint // character by character, with the whole line painted anew each time
  };
  // What the next line is an answer to; empty: it is a command.
  using Asked = std::function<std::string(CliDevice &, const std::string &answer)>;

  std::string name = "edge1";
  std::string mode; // `(config)`; part of the standard prompt
  // What stands before each line of input.
  std::function<std::string(const CliDevice &)> prompt = [](const CliDevice &device) { return device.name + device.mode + "#"; };
  // A command's words, each line ended by a line feed; text behind the last line feed is a question, and
  // `asked` takes its answer.
  std::function<std::string(CliDevice &, const std::string &line)> run;
  Asked asked;
  bool hide_answer = false; // the next answer is a password

  std::string greeting;          // before the first prompt
  std::string line_end = "\r\n"; // instead of a line feed
  std::string echo_end = "\r\n"; // of an echo
  std::string before_prompt, behind_prompt;
  Echo echo = Echo::Yes;
  std::size_t page = 0; // lines; 0: no paging
  std::string pager = " --More-- ", pager_erase = "\r          \r";
  std::size_t scroll_at = 0;           // columns behind which an echo scrolls; 0: never
  std::vector<std::string> received;   // commands, in order
  bool ended = false;                  // it hung up; `run` may say so
  std::size_t hang_at = 0, end_at = 0; // from this command on (1: the first) it is silent, or hangs up; 0: never

  // What it says by itself when somebody logs in.
  std::string start();
  // What it says to what is typed, in pieces as they are typed.
  std::string type(std::string_view bytes);

private:
  std::string typed(const std::string &line);
  std::string echo_of(const std::string &line, const std::string &at) const;
  std::string shown_prompt() const { return before_prompt + prompt(*this) + behind_prompt; }
  std::string with_line_ends(const std::string &words) const;
  std::string paged(const std::string &words);

  std::string line_;
  std::string rest_; // behind the pager
  bool at_pager_ = false, in_escape_ = false, answered_by_nobody_ = false;
};

// A small router that is enough for most tests: `configure terminal`, `end`, `exit`, any line starting
// with `ok` in silence, `show lines N`, `confirm`, `bad…` with an error of the usual kind.
CliDevice small_router();

} // namespace banpush::fakes
