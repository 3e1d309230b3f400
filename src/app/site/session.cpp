#include "app/site/session.hpp"

#include "core/reading/used_lists.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

namespace banpush {

namespace {

double thread_seconds() noexcept {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

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
  std::set<std::string> lacking;
  for (const List &list : driver_.lists)
    if (!holds(list.when, values_, facts_)) {
      lacking.insert(list.name);
      notes_.push_back(expand(list.says, values_));
    }
  leave_out(lacking);
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
  facts_ = transport_->open();
  facts_.attach.assign(device_.attach.size(), {});
  // Setup stands for its removal, too.
  const std::string stage = !before ? std::string() : *before == Stage::Unsetup ? word(Stage::Setup) : word(*before);
  Asked asked;
  const auto decides = [this](const Fact &fact) {
    return std::any_of(driver_.lists.begin(), driver_.lists.end(),
                       [&](const List &list) { return list.when == fact.name || list.when == "!" + fact.name; });
  };
  for (const Fact &fact : driver_.facts)
    if (decides(fact))
      learn_fact(fact, asked);
  leave_out_what_it_has_not_got();
  for (const Fact &fact : driver_.facts)
    if ((fact.only.empty() || fact.only == stage) && facts_.values.count(fact.name) == 0)
      learn_fact(fact, asked);
  // Known to proofs as attach is.
  for (const Fact &fact : driver_.facts)
    if (fact.only.empty() && !fact.per_attach)
      values_[fact.name] = facts_.values[fact.name];
  open_ = true;
  return facts_;
}

void Session::learn_fact(const Fact &fact, Asked &asked) {
  if (!fact.per_attach) {
    const std::string value = learn(fact, values_, ask_once(asked, question(fact.send, fact.run, fact.rpc, values_)));
    facts_.values[fact.name] = value;
    if (!fact.address.empty() && !value.empty())
      if (const auto seen_from = Prefix::parse(value))
        facts_.seen_from = *seen_from;
    return;
  }
  for (std::size_t i = 0; i < device_.attach.size(); ++i) {
    Values values = values_;
    for (const auto &[name, value] : names_of_place(device_.attach[i].interface, device_.attach[i].direction))
      values[name] = value;
    facts_.attach[i][fact.name] = learn(fact, values, ask_once(asked, question(fact.send, fact.run, fact.rpc, values)));
  }
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

const Reply &Session::ask_once(Asked &asked, Ask question) {
  const auto is_same = [&](const Ask &other) {
    return other.send == question.send && other.run == question.run && other.rpc == question.rpc;
  };
  for (const auto &[before, reply] : asked)
    if (is_same(before))
      return reply;
  for (const Read &read : driver_.reads)
    if (is_same(this->question(read.send, read.run, read.rpc, values_for(read))))
      question.most_bytes = bytes_of_reading(device_, driver_);
  Reply reply = transport_->ask(question);
  reply.text = without_noise(driver_.noise, reply.text); // facts and proofs look at several lines at once
  return asked.emplace_back(question, std::move(reply)).second;
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
  transport_->watch();
  Asked asked;
  Answers answers;
  for (const Read &read : driver_.reads)
    answers.reads.push_back(ask_once(asked, question(read.send, read.run, read.rpc, values_for(read))));
  answers.in_force = ask_proofs(asked);
  proofs_ = which_hold(answers.in_force);
  Installed installed = claimed(parse(driver_, values_, answers), ledger_);
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
    rendering.confirm_seconds = static_cast<unsigned>(device_.confirm);
  rendering.save = device_.save.when == Device::Save::When::Each;
  rendering.attach = places();
  return rendering;
}

} // namespace banpush
