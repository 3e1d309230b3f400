#include "transport/exec/exec.hpp"

#include "transport/judgement.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush {

namespace {

// The number of the input line a program's message is about, by the forms programs use: `line 14`,
// `Line=14`, `-:14`, `/dev/stdin:14:1-20`. 0 when it names none of our lines.
std::size_t line_named(const std::string &message, std::size_t lines) {
  static const Pattern form(R"((?i:\bline[ =]|(?:^|[\s"'])(?:-|stdin|/dev/stdin):)(?P<line>\d{1,9})\b)");
  for (const auto &match : form.all(message)) {
    const std::size_t number = std::stoul(std::string(*match.group("line")));
    if (number >= 1 && number <= lines)
      return number;
  }
  return 0;
}

struct Complaint {
  std::string text; // empty: none
  bool busy = false;
};

Complaint complaint_of(const Driver &driver, const Step &step, const Finished &finished) {
  // What it says on standard error comes first: that is where the reason stands.
  const Judgement judgement = judge(driver, finished.errors + "\n" + finished.output);
  const bool good_exit = std::find(step.exits.begin(), step.exits.end(), finished.exit) != step.exits.end();
  if (finished.killed.empty() && good_exit && judgement.accepted()) {
    if (step.expect.empty() || step.expect.found_in(finished.output) || step.expect.found_in(finished.errors))
      return {};
    return {fmt::format("{}: its answer lacks `{}`: \"{}\"", command_line(step.argv), step.expect.text(), in_one_line(finished.output)),
            false};
  }
  std::string what;
  if (!finished.killed.empty())
    what = finished.killed;
  else if (!good_exit)
    what = fmt::format("ended with status {}", finished.exit);
  if (!judgement.accepted())
    what += fmt::format("{}device said \"{}\"", what.empty() ? "" : ", ", judgement.text());
  const std::size_t line = line_named(judgement.text(), step.lines.size());
  if (line != 0)
    return {fmt::format("line {} \"{}\" of {}: {}", line, step.lines[line - 1], command_line(step.argv), what), judgement.busy};
  return {fmt::format("{}: {}", command_line(step.argv), what), judgement.busy};
}

std::string words_of(const Finished &finished) {
  std::string words = finished.output;
  if (!words.empty() && words.back() != '\n' && !finished.errors.empty())
    words += '\n';
  return words + finished.errors;
}

} // namespace

ExecTransport::ExecTransport(const Device &device, const Driver &driver, std::shared_ptr<Dialogue> dialogue, std::unique_ptr<Runner> runner)
    : device_(device), driver_(driver), dialogue_(std::move(dialogue)), runner_(std::move(runner)) {}

Facts ExecTransport::open() { return runner_->open(); }

Finished ExecTransport::run(const std::vector<std::string> &argv, std::string_view input, std::chrono::seconds silence,
                            std::size_t most_bytes) {
  dialogue_->sent(fmt::format("$ {}\n", command_line(argv)));
  dialogue_->sent(input);
  Finished finished = runner_->run({argv, input, silence, most_bytes});
  dialogue_->received(words_of(finished));
  dialogue_->note(finished.killed.empty() ? fmt::format("status {}", finished.exit) : finished.killed);
  return finished;
}

Reply ExecTransport::ask(const Ask &question) {
  if (question.run.empty())
    throw Error(ErrorKind::Config, fmt::format("{}: driver {} asks \"{}\" where only programs (`run`) can be asked", device_.name,
                                               driver_.name, question.send.empty() ? question.rpc : question.send));
  Finished finished = run(question.run, {}, silence_of(device_, driver_, driver_.silence), question.most_bytes);
  if (!finished.killed.empty())
    finished.errors += finished.killed + "\n";
  return {std::move(finished.output), finished.exit, std::move(finished.errors)};
}

Delivery ExecTransport::send(const Step &step) {
  const Finished finished = run(step.argv, step.text(), silence_of(device_, driver_, step.silence), Allowance::least);
  const Complaint complaint = complaint_of(driver_, step, finished);
  Delivery delivery;
  delivery.accepted = complaint.text.empty();
  delivery.lines = delivery.accepted ? step.lines.size() : 0;
  delivery.complaint = dialogue_->redacted(complaint.text);
  delivery.busy = complaint.busy;
  delivery.words = dialogue_->redacted(words_of(finished));
  return delivery;
}

} // namespace banpush
