#include "transport/cli/cli.hpp"

#include <fmt/format.h>

namespace banpush {

CliTransport::CliTransport(const Device &device, const Driver &driver, Credentials credentials, std::shared_ptr<Dialogue> dialogue)
    : device_(device), driver_(driver), credentials_(std::move(credentials)), dialogue_(std::move(dialogue)),
      values_(values_of(driver, device.params)) {}

CliDialog &CliTransport::dialog() {
  if (!dialog_)
    throw Error(ErrorKind::Connect, device_.name + ": not connected");
  return *dialog_;
}

Facts CliTransport::open() {
  close();
  session_ = std::make_unique<SshSession>(ssh_target(device_, driver_, 22), dialogue_, cancellation_);
  session_->open(credentials_);
  shell_ = std::make_unique<SshShell>(*session_, CliWire::columns, CliWire::rows, session_->target().timeout);
  dialog_ = std::make_unique<CliDialog>(device_.name, driver_, *shell_, *dialogue_);
  dialog_->remember(known_);
  dialog_->learn(driver_.login, silence());
  if (driver_.enable)
    dialog_->enable(expand(driver_.enable->send, values_), *driver_.enable, credentials_.enable, silence());
  set_up();
  Facts facts;
  facts.seen_from = session_->seen_from();
  facts.greeting = session_->greeting();
  return facts;
}

// What was lost is said again, one line at a time: saying it twice does no harm.
void CliTransport::set_up() {
  std::vector<std::string> lines;
  for (const std::string &line : driver_.session)
    lines.push_back(expand(line, values_));
  Delivery delivery = dialog().set_up(lines, silence());
  if (delivery.lost)
    delivery = dialog().set_up(lines, silence());
  if (!delivery.accepted)
    throw Error(ErrorKind::Device, fmt::format("{}: setting up the session: {}", device_.name, delivery.complaint));
}

std::vector<Reply> CliTransport::ask_all(const std::vector<Ask> &questions) {
  std::vector<CliDialog::Asked> asked;
  for (const Ask &question : questions)
    asked.push_back({question.send, question.most_bytes});
  std::vector<Reply> replies;
  for (std::string &answer : dialog().ask_all(asked, silence()))
    replies.push_back({std::move(answer), 0, {}});
  return replies;
}

Reply CliTransport::ask(const Ask &question) {
  if (question.send.empty())
    throw Error(ErrorKind::Config,
                fmt::format("{}: driver {} has nothing to `send` where the command line is asked", device_.name, driver_.name));
  return {dialog().ask(question.send, silence(), question.most_bytes), 0, {}};
}

Delivery CliTransport::send(const Step &step) { return dialog().send(step, silence_of(device_, driver_, step.silence)); }

Transport::Standing CliTransport::standing() noexcept {
  if (!dialog_)
    return Standing::Lost;
  Standing standing = session_->standing();
  if (standing == Standing::Yes && (!dialog_->pass_over_what_came() || shell_->at_end()))
    standing = Standing::Ended;
  if (standing != Standing::Yes)
    dialog_->give_up();
  return standing;
}

void CliTransport::close() noexcept {
  if (dialog_) {
    std::vector<std::string> lines;
    try {
      for (const std::string &line : driver_.goodbye)
        lines.push_back(expand(line, values_));
    } catch (const std::exception &) { // without goodbye, then
      lines.clear();
    }
    dialog_->say_goodbye(lines);
    known_ = dialog_->learnt();
  }
  dialog_.reset();
  shell_.reset();
  session_.reset();
}

} // namespace banpush
