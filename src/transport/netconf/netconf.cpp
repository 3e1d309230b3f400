#include "transport/netconf/netconf.hpp"

#include "transport/judgement.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace banpush {

namespace {

constexpr std::string_view end_of_message = "]]>]]>";
constexpr const char *standard_hello[] = {"urn:ietf:params:netconf:base:1.0", "urn:ietf:params:netconf:base:1.1"};
constexpr std::string_view newer_commit = ":confirmed-commit:1.1", older_commit = ":confirmed-commit:1.0";
constexpr std::size_t read_at_once = 1U << 20U; // bytes of an answer told to a watcher at most
constexpr std::chrono::seconds goodbye_silence{2};
// A first question that was not answered for so long is asked again, once.
constexpr std::chrono::seconds first_patience{10};

// The local name of the operation in a request.
std::string operation_of(const std::string &body) {
  const std::size_t from = body.find('<');
  if (from == std::string::npos)
    return "request";
  std::string name = body.substr(from + 1, body.find_first_of(" \t\r\n/>", from + 1) - from - 1);
  const std::size_t colon = name.find(':');
  return colon == std::string::npos ? name : name.substr(colon + 1);
}

std::string hello_of(const std::vector<std::string> &capabilities) {
  std::string hello = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities>";
  for (const std::string &capability : capabilities)
    hello += fmt::format("<capability>{}</capability>", capability);
  return hello + "</capabilities></hello>" + std::string(end_of_message);
}

std::string joined(const std::vector<NetconfError> &errors) {
  std::string text;
  for (const NetconfError &error : errors)
    text += fmt::format("{}{}", text.empty() ? "" : "; ", error.text());
  return text;
}

} // namespace

NetconfTransport::NetconfTransport(const Device &device, const Driver &driver, Credentials credentials, std::shared_ptr<Dialogue> dialogue)
    : device_(device), driver_(driver), credentials_(std::move(credentials)), dialogue_(std::move(dialogue)) {}

void NetconfTransport::lost(const std::string &why) {
  gone_ = true;
  throw Error(ErrorKind::Connect, fmt::format("{}: {}{}", device_.name, why,
                                              frames_.unfinished() == 0 ? ""
                                                                        : fmt::format(", in the middle of a message ({} bytes of it came)",
                                                                                      frames_.unfinished())));
}

void NetconfTransport::begin_exchange(std::size_t most_bytes, std::chrono::milliseconds silence, std::size_t sent) {
  constexpr std::size_t bytes_a_second = 16U << 10U; // of a request, that the slowest of them works off
  allowance_.emplace(most_bytes, silence, std::chrono::seconds(sent / bytes_a_second));
  frames_.take_at_most(most_bytes);
}

bool NetconfTransport::take_some(Clock::time_point deadline) {
  for (;;) {
    allowance_->check_time();
    while (!allowance_->has_room()) {
      session_->pause(Allowance::pause);
      allowance_->prolong(Allowance::pause);
    }
    channel_->pump();
    const std::string bytes = channel_->take_output(), words = channel_->take_errors();
    allowance_->received(bytes.size() + words.size());
    if (!words.empty())
      dialogue_->note(in_one_line(words));
    if (!bytes.empty()) {
      dialogue_->received(std::string_view(bytes).substr(0, read_at_once));
      frames_.feed(bytes);
      return true;
    }
    if (channel_->at_end())
      lost("the device ended the session");
    if (Clock::now() >= deadline)
      return false;
    session_->wait(std::min(deadline, allowance_->end()));
  }
}

std::optional<std::string> NetconfTransport::message_within(std::chrono::seconds silence, const std::string &what) {
  for (;;) {
    try {
      if (auto message = frames_.next()) {
        allowance_->pieces(static_cast<std::size_t>(std::count(message->begin(), message->end(), '<'))); // what a tree of it costs
        return std::move(*message);
      }
      if (take_some(Clock::now() + silence))
        continue;
    } catch (const Error &error) {
      if (error.kind() != ErrorKind::Device)
        throw;
      gone_ = true; // where the next message begins nobody knows
      throw Error(error.kind(), fmt::format("{}: {}: {}", device_.name, what, error.what()));
    }
    return std::nullopt;
  }
}

std::string NetconfTransport::next_message(std::chrono::seconds silence, const std::string &what) {
  if (auto message = message_within(silence, what))
    return std::move(*message);
  lost(fmt::format("{}: nothing came for {} s", what, silence.count()));
}

void NetconfTransport::write(std::string_view bytes, std::chrono::seconds silence, const std::string &what) {
  dialogue_->sent(bytes);
  auto deadline = Clock::now() + silence;
  while (!bytes.empty()) {
    const std::size_t taken = channel_->write_some(bytes);
    bytes.remove_prefix(taken);
    if (taken != 0)
      deadline = Clock::now() + silence;
    // The device's answer is taken while we write: two who only write wait for each other for ever.
    if (take_some_while(what))
      deadline = Clock::now() + silence;
    else if (taken == 0) {
      if (Clock::now() >= deadline)
        lost(fmt::format("{}: the device takes nothing for {} s", what, silence.count()));
      session_->wait(std::min(deadline, Clock::now() + std::chrono::milliseconds(50)));
    }
  }
}

bool NetconfTransport::take_some_while(const std::string &what) {
  try {
    return take_some(Clock::now());
  } catch (const Error &error) {
    gone_ = true;
    if (error.kind() != ErrorKind::Device)
      throw;
    throw Error(error.kind(), fmt::format("{}: {}: {}", device_.name, what, error.what()));
  }
}

NetconfHello NetconfTransport::exchange_hellos(const std::vector<std::string> &own) {
  const auto silence = session_->target().timeout;
  begin_exchange(Allowance::least, silence, 0);
  // Ours goes out first, as RFC 6241 8.1 asks of both sides; some servers lose a request that comes close behind it.
  write(hello_of(own), silence, "sending the hello");
  for (;;) {
    const std::string message = next_message(silence, "waiting for the device's hello");
    try {
      if (root_of(message) != "rpc-reply")
        return read_hello(message);
      // Some complain before they greet.
      dialogue_->note(joined(read_reply(message).errors));
    } catch (const Error &error) {
      throw Error(error.kind(), fmt::format("{}: {}", device_.name, error.what()));
    }
  }
}

Facts NetconfTransport::open() {
  close();
  session_ = std::make_unique<SshSession>(ssh_target(device_, driver_, 830), dialogue_, cancellation_);
  session_->open(credentials_);
  channel_ = std::make_unique<SshChannel>(*session_, session_->target().timeout);
  channel_->start_subsystem("netconf");
  frames_ = {};
  lock_denied_ = gone_ = answered_ = false;
  const std::vector<std::string> own =
      driver_.session.empty() ? std::vector<std::string>(std::begin(standard_hello), std::end(standard_hello)) : driver_.session;
  hello_ = exchange_hellos(own);
  const bool chunks = hello_.has(":base:1.1") && std::find(own.begin(), own.end(), "urn:ietf:params:netconf:base:1.1") != own.end();
  if (!chunks && !hello_.has(":base:1.0"))
    throw Error(ErrorKind::Device,
                fmt::format("{}: the device speaks base:1.1 only, driver {} offers base:1.0", device_.name, driver_.name));
  // RFC 6241 8.2, 8.3: what neither is offered of cannot be changed by this protocol.
  if (!hello_.has(":candidate") && !hello_.has(":writable-running"))
    throw Error(ErrorKind::Device, fmt::format("{}: the server offers neither :candidate nor :writable-running, so nothing on the device "
                                               "can be changed over NETCONF",
                                               device_.name));
  if (!chunks) // a confirmed commit that outlives its session is of the newer protocol; in the old one netconfd refuses it
    for (std::string &capability : hello_.capabilities)
      if (const std::size_t at = capability.find(newer_commit); at != std::string::npos)
        capability.replace(at, newer_commit.size(), older_commit);
  library_ =
      std::make_unique<NetconfLibrary>(device_.name, chunks ? NetconfLibrary::Framing::Chunks : NetconfLibrary::Framing::EndOfMessage);
  frames_.use(chunks ? NetconfFrames::Framing::Chunks : NetconfFrames::Framing::EndOfMessage);
  dialogue_->note(fmt::format("NETCONF session {}, {} capabilities, framing of base:1.{}", hello_.session_id, hello_.capabilities.size(),
                              chunks ? 1 : 0));
  Facts facts;
  facts.seen_from = session_->seen_from();
  facts.greeting = session_->greeting();
  for (const char *capability : {":writable-running", ":candidate", ":confirmed-commit", ":confirmed-commit:1.0", ":confirmed-commit:1.1",
                                 ":rollback-on-error", ":validate", ":validate:1.0", ":validate:1.1", ":startup", ":xpath"})
    if (hello_.has(capability))
      facts.values[capability] = "yes";
  return facts;
}

// netconfd 2.13 drops a request that it reads together with the hello, and its own hello does not tell that it has read ours: a
// question is asked again then, under its number, so that a second answer to it is known to be late.
std::optional<std::string> NetconfTransport::first_answer(const NetconfLibrary::Request &request, std::chrono::seconds silence,
                                                          const std::string &operation) {
  if (answered_ || silence <= first_patience)
    return std::nullopt;
  auto message = message_within(first_patience, operation);
  if (message || frames_.unfinished() != 0)
    return message;
  dialogue_->note(fmt::format("{}: nothing came for {} s; it is asked once more", operation, first_patience.count()));
  write(request.bytes, silence, operation);
  return std::nullopt;
}

NetconfReply NetconfTransport::call(const std::string &body, std::chrono::seconds silence, std::size_t most_bytes, Repeat repeat) {
  if (!library_)
    throw Error(ErrorKind::Connect, device_.name + ": not connected");
  const std::string operation = operation_of(body);
  const NetconfLibrary::Request request = library_->request(body);
  begin_exchange(most_bytes, silence, request.bytes.size());
  write(request.bytes, silence, operation);
  std::optional<std::string> first = repeat == Repeat::Yes ? first_answer(request, silence, operation) : std::nullopt;
  for (;;) {
    const std::string message = first ? *std::exchange(first, std::nullopt) : next_message(silence, operation);
    try {
      if (root_of(message) == "notification")
        continue;
      NetconfReply reply = read_reply(message);
      // Without an id it can only be about the one request under way (RFC 6241 4.3); with another's it is late.
      if (reply.message_id && *reply.message_id != std::to_string(request.message_id)) {
        dialogue_->note(
            fmt::format("an answer to message {} came where {} is waited for; it is left out", *reply.message_id, request.message_id));
        continue;
      }
      library_->answered(request);
      answered_ = true;
      return reply;
    } catch (const Error &error) {
      throw Error(error.kind(), fmt::format("{}: {}: {}", device_.name, operation, error.what()));
    }
  }
}

Reply NetconfTransport::ask(const Ask &question) {
  if (question.rpc.empty())
    return {hello_.text(), 0, {}, {}};
  const std::string operation = operation_of(question.rpc);
  const NetconfReply reply = call(question.rpc, silence_of(device_, driver_, driver_.silence), question.most_bytes, Repeat::Yes);
  std::vector<NetconfError> warnings, errors;
  std::partition_copy(reply.errors.begin(), reply.errors.end(), std::back_inserter(warnings), std::back_inserter(errors),
                      [](const NetconfError &error) { return error.is_warning(); });
  if (!errors.empty())
    throw Error(ErrorKind::Device, fmt::format("{}: {}: device said {}", device_.name, operation, dialogue_->redacted(joined(errors))));
  if (!reply.message_id) // RFC 6241 4.2 wants it in each; a change is not sent to a server that cannot say what it consents to
    throw Error(ErrorKind::Device, fmt::format("{}: {}: the answer names no message-id", device_.name, operation));
  if (!reply.data)
    throw Error(ErrorKind::Device, fmt::format("{}: {}: the answer has neither data nor an error{}{}", device_.name, operation,
                                               reply.rest.empty() ? "" : ": ", dialogue_->redacted(reply.rest)));
  std::erase_if(warnings,
                [this](const NetconfError &warning) { return judge(driver_, warning.text()).accepted(); }); // the driver's `harmless`
  return {*reply.data, 0, {}, dialogue_->redacted(joined(warnings))};
}

bool NetconfTransport::would_touch_others(const Step &step, const std::string &operation) const {
  // Without the lock, what stands in the candidate is somebody else's.
  return lock_denied_ && (step.stage == Stage::Abort || step.stage == Stage::Leave) &&
         (operation == "discard-changes" || operation == "unlock");
}

Delivery NetconfTransport::judged(const Step &step, const NetconfReply &reply, const std::string &operation) {
  Delivery delivery;
  std::vector<NetconfError> failures;
  std::string warnings;
  for (const NetconfError &error : reply.errors) {
    const std::string text = dialogue_->redacted(error.text());
    const Judgement judgement = judge(driver_, text);
    delivery.words += fmt::format("{}: {} {}\n", operation, error.severity, text);
    if (error.is_warning() || judgement.accepted()) {
      warnings += fmt::format("{}{}: device said {}", warnings.empty() ? "" : "; ", operation, text);
      continue;
    }
    failures.push_back(error);
    delivery.busy = delivery.busy || error.is_busy() || judgement.busy;
  }
  if (!reply.rest.empty())
    delivery.words += fmt::format("{}: {}\n", operation, dialogue_->redacted(reply.rest));
  if (operation == "lock")
    lock_denied_ = !failures.empty();
  if (!failures.empty())
    delivery.complaint = fmt::format("{}: device said {}", operation, dialogue_->redacted(joined(failures)));
  else if (!reply.ok && !reply.data && reply.rest.empty() && reply.errors.empty())
    delivery.complaint = fmt::format("{}: the answer is empty, neither ok nor an error", operation);
  else if (!reply.message_id)
    delivery.complaint = fmt::format("{}: the answer names no message-id", operation);
  else if (!step.expect.empty() && !step.expect.found_in(reply.rest) && !(reply.data && step.expect.found_in(*reply.data)))
    delivery.complaint = fmt::format("{}: the answer lacks `{}`: {}", operation, step.expect.text(), dialogue_->redacted(reply.rest));
  delivery.accepted = delivery.complaint.empty();
  if (delivery.accepted)
    delivery.complaint = std::move(warnings);
  delivery.lines = delivery.accepted ? step.lines.size() : 0;
  if (delivery.accepted && reply.ok)
    delivery.words += operation + ": ok\n";
  return delivery;
}

Delivery NetconfTransport::send(const Step &step) {
  const std::string body = step.text(), operation = operation_of(body);
  if (would_touch_others(step, operation)) {
    dialogue_->note(fmt::format("{} is left out: the lock was never ours", operation));
    Delivery nothing;
    nothing.accepted = true;
    return nothing;
  }
  return judged(step, call(body, silence_of(device_, driver_, step.silence)), operation);
}

Transport::Standing NetconfTransport::standing() noexcept {
  if (!library_ || gone_)
    return Standing::Lost;
  const Standing session = session_->standing();
  if (session != Standing::Yes) {
    gone_ = true;
    return session;
  }
  try {
    begin_exchange(Allowance::least, goodbye_silence, 0);
    constexpr int most_messages = 1000; // notifications, answers that come late; a device that sends nothing else is of no use
    for (int messages = 0; messages < most_messages; ++messages)
      if (!frames_.next() && !take_some(Clock::now()))
        return Standing::Yes;
  } catch (const std::exception &) {
  }
  gone_ = true;
  return Standing::Ended;
}

void NetconfTransport::close() noexcept {
  if (library_ && channel_ && !gone_ && !cancellation_.cancelled()) {
    try {
      call("<close-session/>", goodbye_silence);
    } catch (const std::exception &) { // it is gone already, then
    }
  }
  library_.reset();
  channel_.reset();
  session_.reset();
}

} // namespace banpush
