#include "app/session.hpp"

#include <fmt/format.h>

namespace banpush {

Session::Session(const Device &device, const Driver &driver, Credentials credentials, Trace trace)
    : device_(device), driver_(driver), values_(values_of(driver, device.params)),
      transport_(make_transport(device, driver, std::move(credentials), std::move(trace))) {}

Session::~Session() { close(); }

const Facts &Session::open(std::optional<Stage> before) {
  facts_ = transport_->open();
  // Setup stands for its removal, too.
  const std::string stage = !before ? std::string() : *before == Stage::Unsetup ? word(Stage::Setup) : word(*before);
  for (const Fact &fact : driver_.facts) {
    if (!fact.only.empty() && fact.only != stage)
      continue;
    const std::string value = learn(fact, values_, ask(fact.send, fact.run));
    facts_.values[fact.name] = value;
    if (!fact.address.empty() && !value.empty())
      if (const auto seen_from = Prefix::parse(value))
        facts_.seen_from = *seen_from;
  }
  return facts_;
}

Reply Session::ask(const std::string &send, const std::vector<std::string> &run, const std::string &rpc) {
  Ask question;
  const TransportKind kind = transport_kind(device_, driver_);
  if (kind == TransportKind::Exec) {
    if (run.empty())
      throw Error(ErrorKind::Config, fmt::format("driver {}: `{}` has no `run` and cannot be asked over exec", driver_.name, send));
    question.run = device_.run_with;
    for (const std::string &word : run)
      question.run.push_back(expand(word, values_));
  } else if (kind == TransportKind::Cli) {
    if (send.empty())
      throw Error(ErrorKind::Config, fmt::format("driver {}: `{}` has no `send` and cannot be asked over the CLI", driver_.name,
                                                 run.empty() ? rpc : run.front()));
    question.send = expand(send, values_);
  } else {
    View view;
    for (const auto &[name, value] : values_)
      view.values[name] = value;
    question.rpc = driver_.templates.at(rpc).render(view);
  }
  return transport_->ask(question);
}

Installed Session::read() {
  Answers answers;
  for (const Read &read : driver_.reads)
    answers.reads.push_back(ask(read.send, read.run, read.rpc));
  for (const Proof &proof : driver_.in_force)
    answers.in_force.push_back(holds(proof.when, values_, {}) ? ask(proof.send, proof.run, proof.rpc) : Reply{});
  return parse(driver_, values_, answers);
}

void Session::close() noexcept {
  if (transport_)
    transport_->close();
}

Rendering Session::rendering(const Facts &facts) const {
  Rendering rendering{driver_, transport_kind(device_, driver_), values_, facts, device_.run_with, 0, false, {}};
  if (driver_.dead_man && holds(driver_.dead_man->when, values_, facts))
    rendering.confirm_seconds = static_cast<unsigned>(device_.confirm);
  rendering.save = device_.save.when == Device::Save::When::Each;
  for (const Attach &attach : device_.attach)
    rendering.attach.emplace_back(attach.interface, attach.direction);
  return rendering;
}

} // namespace banpush
