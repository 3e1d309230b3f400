#include "app/site/session.hpp"

#include "core/reading/used_lists.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <utility>

namespace banpush {

namespace {

double thread_seconds() noexcept {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

bool is_same(const Ask &one, const Ask &other) { return one.send == other.send && one.run == other.run && one.rpc == other.rpc; }

// What a reading may have, by what the device may hold: half a kilobyte an entry is more than any platform shows of one, and
// in XML it is four times that. docs/transports.md says so.
std::size_t bytes_of_reading(const Device &device, const Driver &driver) {
  constexpr std::size_t of_lines = 512, of_xml = 2048, entries_of_others = 131072;
  const std::size_t platform = driver.most_entries.value_or(entries_of_others);
  const std::size_t entries = device.budget4 && device.budget6 ? *device.budget4 + *device.budget6 : platform;
  const bool xml = std::any_of(driver.reads.begin(), driver.reads.end(), [](const Read &read) { return read.format == TextFormat::Xml; });
  return std::max(most_answer, entries * (xml ? of_xml : of_lines));
}

} // namespace

Session::Session(const Device &device, const Driver &driver, Credentials credentials, std::set<Family> families, Trace trace)
    : device_(device), driver_(at_places(driver, places())), values_(values_of(driver, device.params)),
      transport_(make_transport(device, driver, std::move(credentials), std::move(trace))) {
  values_["attach"] = device.attach.empty() ? "" : "yes"; // what a proof's `when` may ask for
  values_["no_ipv4"] = families.count(Family::IPv4) == 0 ? "yes" : "";
  values_["no_ipv6"] = families.count(Family::IPv6) == 0 ? "yes" : "";
  leave_out(lists_without(driver_, families));
}

Session::~Session() { close(); }

Places Session::places() const {
  Places places;
  for (const Attach &attach : device_.attach)
    places.emplace_back(attach.interface, attach.direction);
  return places;
}

void Session::leave_out(const std::set<std::string> &lists) {
  driver_ = without_lists(std::move(driver_), lists);
  unused_.insert(lists.begin(), lists.end());
}

void Session::leave_out_what_it_has_not_got() {
  std::set<std::string> lists;
  for (const List &list : driver_.lists)
    if (!holds(list.when, values_, facts_))
      lists.insert(list.name);
  remember_lacking(lists);
}

void Session::remember_lacking(const std::set<std::string> &lists) {
  for (const std::string &name : lists)
    if (const List *list = driver_.list(name)) {
      notes_.push_back(expand(list->says, values_));
      lacking_.insert(name);
    }
  leave_out(lacking_);
}

Values Session::values_for(const Read &read) const {
  Values values = values_;
  if (const List *list = read.per_list ? driver_.list(read.lists.front()) : nullptr) {
    const bool one = list->families.size() == 1, v4 = list->families.front() == Family::IPv4;
    values["list"] = values_.at(list->name);
    values["key"] = list->name;
    values["family"] = !one ? "" : v4 ? "ipv4" : "ipv6";
    values["v4"] = one && v4 ? "yes" : "";
    values["v6"] = one && !v4 ? "yes" : "";
  }
  return values;
}

const Facts &Session::open(std::optional<Stage> before) {
  Asked asked;
  return open_and_ask(before, asked, {});
}

const Facts &Session::open_to_read() {
  ahead_.clear();
  Asked asked;
  open_and_ask(std::nullopt, asked, questions_without_facts());
  ahead_ = std::move(asked);
  return facts_;
}

const Facts &Session::open_and_ask(std::optional<Stage> before, Asked &asked, std::vector<Ask> ahead) {
  facts_ = transport_->open();
  warnings_.clear();
  facts_.attach.assign(device_.attach.size(), {});
  // Setup stands for its removal, too.
  const std::string stage = !before ? std::string() : *before == Stage::Unsetup ? word(Stage::Setup) : word(*before);
  const auto decides = [this](const Fact &fact) {
    return std::any_of(driver_.lists.begin(), driver_.lists.end(),
                       [&](const List &list) { return list.when == fact.name || list.when == "!" + fact.name; });
  };
  for (const Fact &fact : driver_.facts)
    if (decides(fact))
      learn_fact(fact, asked);
  leave_out_what_it_has_not_got();
  std::vector<const Fact *> rest;
  for (const Fact &fact : driver_.facts)
    if ((fact.only.empty() || fact.only == stage) && facts_.values.count(fact.name) == 0)
      rest.push_back(&fact);
  std::vector<Ask> questions;
  for (const Fact *fact : rest)
    for (Ask &question : questions_of(*fact))
      questions.push_back(std::move(question));
  if (!ahead.empty())
    transport_->watch();
  questions.insert(questions.end(), std::make_move_iterator(ahead.begin()), std::make_move_iterator(ahead.end()));
  ask_together(asked, questions);
  for (const Fact *fact : rest)
    learn_fact(*fact, asked);
  // Known to proofs as attach is.
  for (const Fact &fact : driver_.facts)
    if (fact.only.empty() && !fact.per_attach)
      values_[fact.name] = facts_.values[fact.name];
  if (const auto reasons = refusals_to_read(driver_, values_, facts_); !reasons.empty())
    throw Error(ErrorKind::Device, fmt::format("{}", fmt::join(reasons, "; ")));
  open_ = true;
  return facts_;
}

std::vector<Ask> Session::questions_of(const Fact &fact) const {
  if (!fact.per_attach)
    return {question(fact.send, fact.run, fact.rpc, values_)};
  std::vector<Ask> questions;
  for (const Attach &attach : device_.attach) {
    Values values = values_;
    for (const auto &[name, value] : names_of_place(attach.interface, attach.direction))
      values[name] = value;
    questions.push_back(question(fact.send, fact.run, fact.rpc, values));
  }
  return questions;
}

const Reply &Session::ask_fact(Asked &asked, const Ask &question) {
  const Reply &reply = ask_once(asked, question);
  if (!reply.warning.empty() && std::find(warnings_.begin(), warnings_.end(), reply.warning) == warnings_.end())
    warnings_.push_back(reply.warning);
  return reply;
}

void Session::learn_fact(const Fact &fact, Asked &asked) {
  const std::vector<Ask> questions = questions_of(fact);
  if (fact.per_attach) {
    for (std::size_t i = 0; i < questions.size(); ++i) {
      Values values = values_;
      for (const auto &[name, value] : names_of_place(device_.attach[i].interface, device_.attach[i].direction))
        values[name] = value;
      facts_.attach[i][fact.name] = learn(fact, values, ask_fact(asked, questions[i]));
    }
    return;
  }
  const std::string value = learn(fact, values_, ask_fact(asked, questions.front()));
  facts_.values[fact.name] = value;
  if (!fact.address.empty() && !value.empty())
    if (const auto seen_from = Prefix::parse(value))
      facts_.seen_from = *seen_from;
}

Ask Session::question(const std::string &send, const std::vector<std::string> &run, const std::string &rpc, const Values &values) const {
  Ask question;
  const TransportKind kind = rendered_for(transport_kind(device_, driver_));
  if (kind == TransportKind::Exec) {
    if (run.empty())
      throw Error(ErrorKind::Config, fmt::format("driver {}: `{}` has no `run` and cannot be asked over exec", driver_.name, send));
    question.run = device_.run_with;
    for (const std::string &word : run)
      question.run.push_back(expand(word, values));
  } else if (kind == TransportKind::Cli) {
    if (send.empty())
      throw Error(ErrorKind::Config, fmt::format("driver {}: `{}` has no `send` and cannot be asked over the CLI", driver_.name,
                                                 run.empty() ? rpc : run.front()));
    question.send = expand(send, values);
  } else if (!rpc.empty()) { // without one, the transport answers with what the device's hello said
    View view;
    for (const auto &[name, value] : values)
      view.values[name] = value;
    question.rpc = driver_.templates.at(rpc).render(view);
  }
  return question;
}

void Session::remember(std::vector<BlockIn> ledger) {
  ledger_ = std::move(ledger);
  std::sort(ledger_.begin(), ledger_.end());
}

Ask Session::sized(Ask question) const {
  for (const Read &read : driver_.reads)
    if (is_same(this->question(read.send, read.run, read.rpc, values_for(read)), question))
      question.most_bytes = bytes_of_reading(device_, driver_);
  return question;
}

const Reply &Session::ask_once(Asked &asked, Ask question) {
  for (const auto &[before, reply] : asked)
    if (is_same(before, question))
      return reply;
  question = sized(std::move(question));
  Reply reply = transport_->ask(question);
  reply.text = without_noise(driver_.noise, reply.text); // facts and proofs look at several lines at once
  return asked.emplace_back(question, std::move(reply)).second;
}

void Session::ask_together(Asked &asked, const std::vector<Ask> &questions) {
  if (!transport_->asks_at_once())
    return;
  std::vector<Ask> open;
  for (const Ask &question : questions) {
    const auto is_it = [&](const Ask &other) { return is_same(other, question); };
    if (std::none_of(open.begin(), open.end(), is_it) &&
        std::none_of(asked.begin(), asked.end(), [&](const auto &one) { return is_it(one.first); }))
      open.push_back(sized(question));
  }
  std::vector<Reply> replies = transport_->ask_all(open);
  for (std::size_t i = 0; i < open.size(); ++i) {
    replies[i].text = without_noise(driver_.noise, replies[i].text);
    asked.emplace_back(std::move(open[i]), std::move(replies[i]));
  }
}

std::vector<Ask> Session::questions_of_reading() const {
  std::vector<Ask> questions;
  for (const Read &read : driver_.reads)
    questions.push_back(question(read.send, read.run, read.rpc, values_for(read)));
  for (const Proof &proof : driver_.in_force)
    if (holds(proof.when, values_, {}))
      questions.push_back(question(proof.send, proof.run, proof.rpc, names_for(proof, values_)));
  return questions;
}

std::vector<Ask> Session::questions_without_facts() const {
  std::vector<Ask> questions;
  if (!transport_->asks_at_once() ||
      std::any_of(driver_.lists.begin(), driver_.lists.end(), [](const List &list) { return !list.when.empty(); }))
    return questions;
  const auto is_fact = [this](const std::string &name) {
    return std::any_of(driver_.facts.begin(), driver_.facts.end(), [&](const Fact &fact) { return fact.name == name; });
  };
  const auto rests_on_facts = [&](const std::string &line) {
    const auto names = names_in(line);
    return std::any_of(names.begin(), names.end(), is_fact);
  };
  for (const Read &read : driver_.reads)
    if (!rests_on_facts(read.send))
      questions.push_back(question(read.send, read.run, read.rpc, values_for(read)));
  for (const Proof &proof : driver_.in_force) {
    const std::string when = proof.when.substr(proof.when.rfind('!') == 0 ? 1 : 0);
    if (!rests_on_facts(proof.send) && !is_fact(when) && holds(proof.when, values_, {}))
      questions.push_back(question(proof.send, proof.run, proof.rpc, names_for(proof, values_)));
  }
  return questions;
}

std::optional<Pace> Session::news_of_pace() {
  const auto learnt = transport_->learnt();
  if (!learnt || *learnt == pace_)
    return std::nullopt;
  pace_ = *learnt;
  return learnt;
}

std::vector<Reply> Session::ask_proofs(Asked &asked) {
  std::vector<Reply> replies;
  for (const Proof &proof : driver_.in_force)
    replies.push_back(
        holds(proof.when, values_, {}) ? ask_once(asked, question(proof.send, proof.run, proof.rpc, names_for(proof, values_))) : Reply{});
  return replies;
}

bool Session::proofs_are_as_read() {
  Asked asked;
  std::vector<Ask> questions;
  for (const Proof &proof : driver_.in_force)
    if (holds(proof.when, values_, {}))
      questions.push_back(question(proof.send, proof.run, proof.rpc, names_for(proof, values_)));
  ask_together(asked, questions);
  return which_hold(ask_proofs(asked)) == proofs_;
}

std::vector<bool> Session::which_hold(const std::vector<Reply> &replies) const {
  std::vector<bool> held;
  for (std::size_t i = 0; i < replies.size(); ++i)
    held.push_back(good(driver_.in_force[i], values_, replies[i]));
  return held;
}

Installed Session::read() {
  const double begin = thread_seconds();
  Asked asked = std::exchange(ahead_, {});
  if (asked.empty())
    transport_->watch();
  ask_together(asked, questions_of_reading());
  Answers answers;
  for (const Read &read : driver_.reads)
    answers.reads.push_back(ask_once(asked, question(read.send, read.run, read.rpc, values_for(read))));
  answers.in_force = ask_proofs(asked);
  proofs_ = which_hold(answers.in_force);
  Installed installed = claimed(parse(driver_, values_, answers), ledger_);
  for (const std::string &warning : warnings_)
    for (ListState &list : installed.lists)
      list.doubts.push_back(
          fmt::format("the device warned while it was asked about itself, and may not have shown everything: {}", warning));
  spent_reading_ += thread_seconds() - begin;
  return installed;
}

Transport::Standing Session::standing() noexcept {
  const auto standing = open_ ? transport_->standing() : Transport::Standing::Ended;
  if (standing != Transport::Standing::Yes)
    close();
  return standing;
}

void Session::close() noexcept {
  open_ = false;
  if (transport_)
    transport_->close();
}

Rendering Session::rendering(const Facts &facts) const {
  Rendering rendering{driver_, rendered_for(transport_kind(device_, driver_)), values_, facts, device_.run_with, 0, false, {}};
  if (driver_.dead_man && holds(driver_.dead_man->when, values_, facts))
    rendering.confirm_seconds = static_cast<unsigned>(driver_.dead_man->taken(device_.confirm));
  rendering.save = device_.save.when == Device::Save::When::Each;
  rendering.attach = places();
  return rendering;
}

} // namespace banpush
