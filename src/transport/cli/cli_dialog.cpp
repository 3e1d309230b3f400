#include "transport/cli/cli_dialog.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

namespace {

using namespace std::chrono_literals;

// Ctrl-C takes back a question on every platform known, and answers none.
constexpr std::string_view interrupt = "\x03";
constexpr auto patience_after_interrupt = 5s;

std::string joined(const std::vector<std::string> &lines) {
  std::string out;
  for (const std::string &line : lines)
    out += line + "\n";
  return out;
}

std::string line_text(std::size_t place, const std::string &line) { return fmt::format("line {} \"{}\"", place + 1, line); }

} // namespace

CliDialog::CliDialog(std::string name, const Driver &driver, ByteStream &stream, Dialogue &dialogue)
    : driver_(driver), dialogue_(dialogue), wire_(stream, dialogue), state_{std::move(name), driver, wire_, Prompts(driver), {}, {}} {}

void CliDialog::learn(const std::vector<Question> &login, std::chrono::milliseconds silence) {
  CliExchange exchange(state_, {{}, login, {}, silence, 3}, {});
  try {
    exchange.wait_for_prompt();
  } catch (const Error &error) {
    unusable_ = true;
    throw Error(error.kind(), dialogue_.redacted(fmt::format("{} (no prompt that driver {} knows has come: {})", error.what(), driver_.name,
                                                             state_.prompts.names())));
  }
  if (!exchange.question().empty()) {
    unusable_ = true;
    static const Pattern about_password("(?i)passw|passphrase|expired");
    throw Error(about_password.found_in(exchange.question()) ? ErrorKind::Auth : ErrorKind::Device,
                dialogue_.redacted(
                    fmt::format("{}: before its first prompt the device asks \"{}\", which banpush does not answer: log in by hand once",
                                state_.device, exchange.question())));
  }
  state_.prompts.learn(state_.prompt);
  dialogue_.note(fmt::format("at the prompt \"{}\"{}", in_one_line(state_.prompt), state_.echoes ? "" : "; the device does not echo"));
}

void CliDialog::must_be_usable() const {
  if (unusable_)
    throw Error(ErrorKind::Connect, fmt::format("{}: the session waits at a question that nobody answers; it was given up", state_.device));
}

void CliDialog::run(CliExchange &exchange, const std::vector<std::string> &lines) {
  must_be_usable();
  try {
    exchange.run();
  } catch (const Error &error) {
    unusable_ = true;
    const std::size_t place = exchange.place();
    std::string where;
    if (place < lines.size())
      where = fmt::format(" (at {}, {} of {} answered)", line_text(place, lines[place]), place, lines.size());
    throw CutOff(error.kind(), dialogue_.redacted(error.what() + where), std::min(place, lines.size()), exchange.sent());
  }
}

void CliDialog::leave_question() {
  try {
    wire_.forget_current();
    wire_.write(interrupt);
    CliExchange exchange(state_, {{}, {}, {}, patience_after_interrupt, 0}, {});
    exchange.wait_for_prompt();
    unusable_ = !exchange.question().empty();
  } catch (const Error &error) {
    dialogue_.note(error.what());
    unusable_ = true;
  }
}

Delivery CliDialog::deliver(const Step &step, CliTalk talk, const Complains &complains) {
  Delivery delivery;
  std::string said;
  const auto complain = [&](std::string text) {
    if (delivery.complaint.empty())
      delivery.complaint = std::move(text);
  };
  CliExchange exchange(state_, talk, [&](std::size_t place, const std::vector<std::string> &words) {
    const std::string text = joined(words);
    said += text;
    if (!words.empty())
      delivery.words += fmt::format("> {}\n{}", step.lines[place], text);
    const Judgement judgement = judge(driver_, text);
    if (!complains(judgement)) {
      ++delivery.lines;
      return true;
    }
    delivery.busy = delivery.busy || (delivery.complaint.empty() && judgement.busy);
    complain(fmt::format("{}: device said \"{}\"", line_text(place, step.lines[place]), judgement.text()));
    return false;
  });
  run(exchange, step.lines);
  delivery.sent = exchange.sent();
  if (const auto &loss = exchange.loss()) {
    delivery.lost = true;
    delivery.complaint =
        fmt::format("{}: the device lost it, or a part of it, {} of {} lines that were on their way with it; from now on it "
                    "is sent one line at a time{}",
                    line_text(loss->place, step.lines[loss->place]), loss->lines, exchange.sent(),
                    delivery.complaint.empty() ? "" : "; " + delivery.complaint);
  }
  if (!exchange.question().empty()) {
    delivery.refused =
        std::any_of(step.ask.begin(), step.ask.end(), [&](const Question &one) { return one.question.found_in(exchange.question()); });
    complain(fmt::format("{}: the device asks \"{}\"{}", line_text(exchange.place(), step.lines[exchange.place()]), exchange.question(),
                         delivery.refused ? " again: it refused the answer that it was given" : ", which the driver has no answer for"));
    leave_question();
  }
  if (delivery.complaint.empty() && !step.until.empty() && !Prompts::is(step.until, state_.prompt))
    complain(fmt::format("after {} the device is at the prompt \"{}\", not at one like `{}`",
                         step.lines.empty() ? "no line" : line_text(step.lines.size() - 1, step.lines.back()), in_one_line(state_.prompt),
                         step.until.text()));
  if (delivery.complaint.empty() && !step.expect.empty() && !step.expect.found_in(said))
    complain(fmt::format("after {} the answer lacks `{}`: \"{}\"",
                         step.lines.empty() ? "no line" : line_text(step.lines.size() - 1, step.lines.back()), step.expect.text(),
                         in_one_line(said)));
  delivery.accepted = delivery.complaint.empty();
  delivery.complaint = dialogue_.redacted(delivery.complaint);
  delivery.words = dialogue_.redacted(delivery.words);
  return delivery;
}

Delivery CliDialog::send(const Step &step, std::chrono::milliseconds silence) {
  return deliver(step, {step.lines, step.ask, step.window, silence}, [](const Judgement &judgement) { return !judgement.accepted(); });
}

Delivery CliDialog::set_up(const std::vector<std::string> &lines, std::chrono::milliseconds silence) {
  Step step;
  step.lines = lines;
  step.window = driver_.window;
  return deliver(step, {step.lines, step.ask, step.window, silence}, [](const Judgement &judgement) { return judgement.fatal; });
}

void CliDialog::enable(const std::string &line, const Driver::Enable &enable, const std::string &secret,
                       std::chrono::milliseconds silence) {
  const Pattern &granted = driver_.prompts.at(enable.prompt);
  if (Prompts::is(granted, state_.prompt))
    return;
  Step step;
  step.lines = {line};
  step.until = granted;
  if (!secret.empty())
    step.ask = {{enable.password, secret}};
  const Delivery delivery =
      deliver(step, {step.lines, step.ask, step.window, silence, 1}, [](const Judgement &judgement) { return judgement.fatal; });
  if (delivery.refused)
    throw Error(ErrorKind::Auth,
                fmt::format("{}: not privileged: the device refused the `enable` secret, and asks for it again", state_.device));
  if (!delivery.accepted)
    throw Error(ErrorKind::Auth, fmt::format("{}: not privileged: {}{}", state_.device, delivery.complaint,
                                             secret.empty() ? " (there is no `enable` secret)" : ""));
}

std::string CliDialog::ask(const std::string &line, std::chrono::milliseconds silence, std::size_t most_bytes) {
  const std::vector<std::string> lines{line};
  std::string answer;
  CliExchange exchange(state_, {lines, {}, {}, silence, 3, most_bytes}, [&](std::size_t, const std::vector<std::string> &words) {
    answer = joined(words);
    return true;
  });
  run(exchange, lines);
  if (!exchange.question().empty()) {
    leave_question();
    throw Error(ErrorKind::Device, dialogue_.redacted(fmt::format("{}: \"{}\": the device asks \"{}\", which nobody answers", state_.device,
                                                                  line, exchange.question())));
  }
  return answer;
}

std::vector<std::string> CliDialog::ask_together(const std::vector<std::string> &lines, std::chrono::milliseconds silence,
                                                 std::size_t most_bytes) {
  std::vector<std::string> answers;
  CliTalk talk{lines, {}, {}, silence, 3, most_bytes, CliTalk::Sent::Together};
  CliExchange exchange(state_, talk, [&](std::size_t, const std::vector<std::string> &words) {
    answers.push_back(joined(words));
    return true;
  });
  run(exchange, lines);
  if (!exchange.question().empty())
    leave_question();
  // A pager takes what comes first for its key: one echo that is not whole, and none of it is trusted.
  if (exchange.loss() || !exchange.question().empty() || state_.paged || state_.pace.is_lock_step())
    answers.clear();
  return answers;
}

std::vector<std::string> CliDialog::ask_all(const std::vector<Asked> &questions, std::chrono::milliseconds silence) {
  std::vector<std::string> answers;
  while (answers.size() < questions.size()) {
    std::vector<std::string> lines;
    std::size_t bytes = 0, most_bytes = 0;
    for (std::size_t i = answers.size(); i < questions.size() && may_ask_together(lines.size() + 1, bytes + questions[i].line.size());
         ++i) {
      lines.push_back(questions[i].line);
      bytes += questions[i].line.size() + driver_.newline.size();
      most_bytes += questions[i].most_bytes;
    }
    std::vector<std::string> part;
    if (lines.size() > 1)
      part = ask_together(lines, silence, most_bytes);
    if (part.empty())
      part.push_back(ask(questions[answers.size()].line, silence, questions[answers.size()].most_bytes));
    answers.insert(answers.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
  }
  return answers;
}

// A pager would take the next question for its keys: where nothing in `session` can have switched it off, each question waits.
bool CliDialog::may_ask_together(std::size_t lines, std::size_t bytes) const {
  const std::size_t most = std::max<std::size_t>(driver_.window.bytes, state_.pace.learnt().bytes);
  const bool may_page = !driver_.pager.empty() && driver_.session.empty();
  return state_.echoes && !may_page && !state_.paged && !state_.pace.is_lock_step() && lines <= driver_.window.lines && bytes <= most;
}

bool CliDialog::pass_over_what_came() noexcept {
  constexpr std::size_t most = 1U << 20U;
  if (unusable_)
    return false;
  try {
    for (const std::size_t before = wire_.moved(); wire_.receive(Clock::now());) {
      wire_.take_lines();
      if (wire_.moved() - before > most)
        return false;
    }
    return true;
  } catch (const std::exception &) {
    return false;
  }
}

void CliDialog::say_goodbye(const std::vector<std::string> &lines) noexcept {
  if (unusable_)
    return;
  unusable_ = true;
  const std::size_t most = wire_.received() + Allowance::least;
  try {
    for (const std::string &line : lines)
      wire_.write(line + driver_.newline);
    const auto deadline = Clock::now() + 1s;
    while (!lines.empty() && Clock::now() < deadline && wire_.received() < most) {
      wire_.receive(deadline);
      wire_.take_lines();
    }
  } catch (const std::exception &) { // the device hung up, as it was asked to
  }
}

} // namespace banpush
