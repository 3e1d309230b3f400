#include "transport/ssh/ssh_runner.hpp"

#include "transport/judgement.hpp"
#include "transport/ssh/ssh_channel.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace banpush {

namespace {

// 128 and the number of a signal by its name (`KILL`), as a shell counts; 255 for one that is not known here.
int status_of_signal(std::string_view name) {
  for (int number = 1; number < 32; ++number)
    if (const char *known = sigabbrev_np(number); known != nullptr && name == known)
      return 128 + number;
  return 255;
}

// For a message about one that does not come to an end.
std::string last_of(const std::string &output, const std::string &errors) {
  const std::string &said = output.empty() ? errors : output;
  constexpr std::size_t most = 60;
  return in_one_line(std::string_view(said).substr(said.size() - std::min(said.size(), most)), most);
}

Finished finished(SshChannel &channel, std::string output, std::string errors) {
  Finished finished{0, {}, std::move(output), std::move(errors)};
  if (!channel.exit_signal().empty()) {
    finished.exit = status_of_signal(channel.exit_signal());
    finished.killed = fmt::format("killed by signal {}", channel.exit_signal());
  } else if (channel.exit_status()) {
    finished.exit = *channel.exit_status();
  } else {
    finished.exit = 255;
    finished.killed = "ended without telling a status";
  }
  return finished;
}

} // namespace

SshRunner::SshRunner(SshTarget target, Credentials credentials, std::shared_ptr<Dialogue> dialogue)
    : target_(std::move(target)), credentials_(std::move(credentials)), dialogue_(std::move(dialogue)) {}

Facts SshRunner::open() {
  session_ = std::make_unique<SshSession>(target_, dialogue_, cancellation_);
  has_run_ = false;
  session_->open(credentials_);
  Facts facts;
  facts.seen_from = session_->seen_from();
  facts.greeting = session_->greeting();
  return facts;
}

std::unique_ptr<SshChannel> SshRunner::channel_for(const Program &program) {
  constexpr std::chrono::milliseconds patience{5000}, moment{20};
  const auto deadline = Clock::now() + patience;
  for (;;) {
    try {
      auto channel = std::make_unique<SshChannel>(*session_, program.silence);
      has_run_ = true;
      return channel;
    } catch (const Error &) {
      if (!has_run_ || !session_->connected() || cancellation_.cancelled() || Clock::now() >= deadline)
        throw;
    }
    session_->wait(Clock::now() + moment);
  }
}

Finished SshRunner::run(const Program &program) {
  const std::string line = command_line(program.argv);
  if (!session_)
    throw Error(ErrorKind::Connect, target_.name + ": not connected");
  const std::unique_ptr<SshChannel> opened = channel_for(program);
  SshChannel &channel = *opened;
  channel.start_program(line);

  std::string output, errors;
  std::string_view rest = program.input;
  bool input_ended = false;
  auto deadline = Clock::now() + program.silence;
  Allowance allowance = allowance_for(program);
  while (true) {
    while (!allowance.has_room()) {
      session_->pause(Allowance::pause);
      allowance.prolong(Allowance::pause);
      deadline = Clock::now() + program.silence;
    }
    channel.pump();
    const std::string said = channel.take_output(), said_errors = channel.take_errors();
    output += said;
    errors += said_errors;
    try {
      allowance.received(said.size() + said_errors.size());
      allowance.check_time();
    } catch (const Error &error) {
      channel.terminate();
      throw Error(error.kind(),
                  fmt::format("{}: {}: {}; the last it said was \"{}\"", target_.name, line, error.what(), last_of(output, errors)));
    }
    if (channel.closed() || (channel.at_end() && (channel.exit_status() || !channel.exit_signal().empty())))
      return finished(channel, std::move(output), std::move(errors));

    std::size_t moved = said.size() + said_errors.size();
    if (channel.at_end()) {
      rest = {}; // it has ended and reads no further: its status and words say why
    } else if (!rest.empty()) {
      const std::size_t taken = channel.write_some(rest);
      rest.remove_prefix(taken);
      moved += taken;
    }
    if (rest.empty() && !input_ended) {
      channel.end_input();
      input_ended = true;
    }
    if (moved != 0) {
      deadline = Clock::now() + program.silence;
      continue;
    }
    if (Clock::now() >= deadline) {
      channel.terminate();
      throw Error(ErrorKind::Connect,
                  fmt::format("{}: {}: silent for {} s", target_.name, line, std::chrono::duration<double>(program.silence).count()));
    }
    session_->wait(std::min(deadline, allowance.end()));
  }
}

} // namespace banpush
