// One exchange with a command line: lines go out, as many ahead as the device takes (cli_pace.hpp), and each one's
// words are told from its echo and from the next prompt.
//
// Time decides nothing but that a device is silent. A line is answered when the echo of the next one
// behind a prompt, or a prompt at the end of all there is, stands behind its own echo. A prompt that
// stands behind words may be one of them: it is proven by an empty line, which must bring the same prompt
// once more.
//
// A line that the device lost is known by the echo of a later one that stands in its place, or by a prompt
// that comes again and again instead.
#pragma once

#include "core/driver/driver.hpp"
#include "core/error.hpp"
#include "transport/allowance.hpp"
#include "transport/cli/cli_pace.hpp"
#include "transport/cli/cli_wire.hpp"
#include "transport/cli/prompt.hpp"

#include <deque>
#include <functional>

namespace banpush {

// What lasts from one exchange to the next.
struct CliState {
  std::string device; // name, for messages
  const Driver &driver;
  CliWire &wire;
  Prompts prompts;
  std::string prompt;    // shown last
  std::string last_line; // answered last
  bool echoes = true;    // the device sends back what it is sent
  bool paged = false;    // it has shown a pager
  CliPace pace{};
};

// What is to be said, and how.
struct CliTalk {
  std::vector<std::string> lines;
  std::vector<Question> ask;
  Window window;
  std::chrono::milliseconds silence;
  std::size_t most_answers = 3;              // to the same question of one line
  std::size_t most_bytes = Allowance::least; // of answers, beside the echo of the lines
  // Together: all lines at once, and an empty one behind them that proves the last prompt. Nothing arrives while the device
  // answers, so nothing is echoed into an answer.
  enum class Sent { Ahead, Together } sent = Sent::Ahead;
};

class CliExchange {
public:
  // Called with each line's place (from 0) and its words; false stops sending.
  using Answered = std::function<bool(std::size_t place, const std::vector<std::string> &words)>;

  CliExchange(CliState &state, CliTalk talk, Answered answered);

  // Until all lines are answered, sending was stopped, or the device asks what nobody knows. Throws Error (Connect) when it is
  // silent or gone, Error (Device) when it says more than it may, or for longer.
  void run();
  // Sends nothing, waits for a prompt and proves it: at the login, and after an interruption.
  void wait_for_prompt();

  // The unknown question at which the device stands; empty when it does not.
  const std::string &question() const noexcept { return question_; }
  // The place of the first line not answered.
  std::size_t place() const noexcept { return flight_.empty() ? next_ : flight_.front().place; }
  // How many lines went out.
  std::size_t sent() const noexcept { return next_; }
  // What the device lost of what was sent ahead: the first line that it did not get whole, and how many. Nothing where it got all
  // that went out.
  struct Loss {
    std::size_t place, lines;
  };
  const std::optional<Loss> &loss() const noexcept { return loss_; }

private:
  struct Sent {
    Sent(std::size_t its_place, std::string what);

    std::size_t place;
    std::string text, squeezed;
    std::size_t with = 0; // bytes on the way when it went out, its own among them
    Clock::time_point at = Clock::now();
    bool echoed = false;
    bool damaged = false;           // its echo was not what was sent
    std::vector<std::string> words; // lines behind its echo
  };
  enum class Candidate { Current, Line }; // where the prompt to be proven stands

  bool done() const noexcept { return flight_.empty() && (stopped_ || next_ == talk_.lines.size()); }
  void send_ahead();
  void send_together();
  bool receive(Clock::time_point deadline); // whether something came; counts it, and all time
  void absorb();
  void take(std::string line);
  void take_behind_echo(Sent &front, std::string line);
  // The line is the echo of one that was sent later: what was sent between is lost. False where it is not.
  bool take_as_later_echo(const std::string &line, std::size_t from);
  // Lines are on the way, but the device stands at its prompt: an empty line tells whether it has them.
  bool probe_for_lost_lines(const std::string &current);
  bool waits_for_echo() const;
  bool lose_all_that_is_not_echoed(const std::string &current);
  // The first so many lines on the way did not come to the device.
  void lose(std::size_t lines);
  // The echo of this one is not whole: where its end was taken back it is lost.
  void note_cut(const Sent &sent);
  void echo_came(Sent &sent);
  Sent taken_off(); // the first on the way
  // Nothing more is on its way at this moment: what does the unfinished line mean? True when that led on.
  // The unfinished line is the question that was answered: the device has said nothing since.
  bool is_answered(const std::string &current) const;
  bool settle();
  bool answer_pager(const std::string &current);
  bool answer_question(const std::string &current);
  bool look_for_prompt(const std::string &current);
  bool look_behind_noise(const std::string &current);
  // The prompt shows another name than before: after a proof it is believed.
  bool look_for_a_new_name(const std::string &current);
  bool ask_for_a_new_name(const std::string &current);
  // Words without a line end, and behind them the prompt that was seen last, or one that has grown by those words.
  bool ends_in_prompt(const std::string &current) const;
  bool part_words_from_prompt(const std::string &current);
  bool came_whole_again(const std::string &current) const;
  void take_for_whole(const std::string &current);
  // Before the first prompt: words without a line end, and the prompt glued behind them.
  bool probe_behind_greeting(const std::string &current);
  // The same when nothing has come for a while.
  bool settle_in_silence();
  void prove(Candidate candidate);
  // How often the prompt that stands at the end stands before that, with nothing but noise between.
  unsigned prompts_behind_words(const Prompts::Found &found) const;
  bool has_known_words_only(const Prompts::Found &found) const;
  bool has_words_since_proof(const Prompts::Found &found) const;
  bool is_part_of(const std::string &line, const Prompts::Found &found) const;
  void finish(const std::string &prompt, std::size_t lines_of_prompt);
  bool is_cut_echo(const std::string &words) const;
  bool is_nothing(const std::string &line) const; // blank, noise, or the prompt again
  [[noreturn]] void fail_silent() const;
  [[noreturn]] void fail_talking(const Error &why) const;
  std::string last_words() const;

  CliState &state_;
  CliTalk talk_;
  Answered answered_;
  std::deque<Sent> flight_;
  std::size_t next_ = 0;
  std::size_t on_the_way_ = 0; // bytes of flight_
  std::optional<Loss> loss_;
  bool cut_ = false;                      // what stood behind the prompt was taken back
  std::optional<std::size_t> lost_probe_; // how many words there were when an empty line was sent to find what was lost
  std::size_t text_ = 0;                  // bytes of lines until now
  Allowance allowance_;
  bool stopped_ = false;
  bool always_prove_ = false;
  std::string question_;

  std::vector<std::size_t> answers_; // given to the line in front, by question
  std::string answered_line_;        // the unfinished line on which an answer was given
  std::string answered_with_;

  std::optional<std::size_t> proof_at_;      // how many words there were when the last empty line was sent
  std::string candidate_;                    // the prompt that is being proven
  bool of_another_name_ = false;             // and shows a name that the device had not before
  std::string glued_;                        // words and prompt that were parted last, as they came
  bool probed_ = false;                      // an empty line was sent behind a greeting
  static constexpr unsigned most_proofs = 8; // lines sent to prove a prompt, in one exchange
  unsigned proofs_ = 0;

  Clock::time_point heard_, quiet_from_;
};

} // namespace banpush
