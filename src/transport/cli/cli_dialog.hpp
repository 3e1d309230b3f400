// A session with a command line, from its first prompt on: steps are sent and judged, questions asked.
#pragma once

#include "core/script/script.hpp"
#include "transport/cli/cli_exchange.hpp"
#include "transport/judgement.hpp"

namespace banpush {

class CliDialog {
public:
  // All but the name outlive it; the name of the device stands in front of what is thrown.
  CliDialog(std::string name, const Driver &driver, ByteStream &stream, Dialogue &dialogue);

  // Waits for the first prompt, proves it, and remembers the name it shows. `login` are the questions that
  // may come before. Throws Error (Connect) when the device is silent, Error (Device) when it asks anything
  // else, Error (Auth) when that is about a password.
  void learn(const std::vector<Question> &login, std::chrono::milliseconds silence);

  // Sends a step's lines and judges each one's words. Throws Error (Connect), naming the line, when the
  // device is silent or gone.
  Delivery send(const Step &step, std::chrono::milliseconds silence);
  // The same for lines that set up the session: their words are a complaint only where the driver calls
  // them fatal.
  Delivery set_up(const std::vector<std::string> &lines, std::chrono::milliseconds silence);
  // Raises the privilege; throws Error (Auth) when the device does not grant it.
  void enable(const std::string &line, const Driver::Enable &enable, const std::string &secret, std::chrono::milliseconds silence);
  // What the device answers to one line, without echo and prompts. Throws as send does, and Error (Device) for an unknown
  // question and for an answer of more than `most_bytes`.
  std::string ask(const std::string &line, std::chrono::milliseconds silence, std::size_t most_bytes = Allowance::least);
  // The same for several lines, in their order; all at once where the device takes that: then one round trip is enough.
  struct Asked {
    std::string line;
    std::size_t most_bytes = Allowance::least;
  };
  std::vector<std::string> ask_all(const std::vector<Asked> &questions, std::chrono::milliseconds silence);
  // Drops what the device has said since the last exchange: it was no answer. False where the session has ended meanwhile,
  // or nothing but words comes.
  bool pass_over_what_came() noexcept;
  // The session is gone: nothing more is said.
  void give_up() noexcept { unusable_ = true; }
  // Says the lines without waiting for their answers: the last one ends the session.
  void say_goodbye(const std::vector<std::string> &lines) noexcept;

  // What is known of how much the device takes at a time, and what was learnt of it.
  void remember(Pace known) noexcept { state_.pace.remember(known); }
  Pace learnt() const noexcept { return state_.pace.learnt(); }

  // The prompt shown last.
  const std::string &prompt() const noexcept { return state_.prompt; }
  // What the device called itself at first and calls itself now; nothing when that is the same.
  std::optional<std::pair<std::string, std::string>> renamed() const { return state_.prompts.renamed(); }

private:
  // Whether a line's words are a complaint.
  using Complains = std::function<bool(const Judgement &)>;

  Delivery deliver(const Step &step, CliTalk talk, const Complains &complains);
  void run(CliExchange &exchange, const std::vector<std::string> &lines);
  void leave_question();
  bool may_ask_together(std::size_t lines, std::size_t bytes) const;
  // Nothing where the device did not take them so.
  std::vector<std::string> ask_together(const std::vector<std::string> &lines, std::chrono::milliseconds silence, std::size_t most_bytes);
  void must_be_usable() const;

  const Driver &driver_;
  Dialogue &dialogue_;
  CliWire wire_;
  CliState state_;
  bool unusable_ = false; // it stands at a question that nobody answers
};

} // namespace banpush
