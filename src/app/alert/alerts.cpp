#include "app/alert/alerts.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace banpush {

namespace {

using Json = nlohmann::json;

constexpr std::chrono::seconds pause_after_failure{30};
constexpr std::size_t most_in_text = 20; // lines; the lists have all

// `list NAME` is left out as `list`.
std::string kind_of(const std::string &name) { return name.substr(0, name.find(' ')); }

// One key for the last attempt's failures: a device that goes from one to another still fails.
std::string key_name(const std::string &name) { return is_of_the_attempt(name) ? "attempt" : name; }

std::string host_name() {
  std::string name(256, '\0');
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.substr(0, name.find('\0')) : std::string("this host");
}

std::string utc(std::time_t moment) {
  std::tm parts{};
  ::gmtime_r(&moment, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

} // namespace

Alerts::Alerts(const Log &log) : log_(log), thread_([this] { run(); }) {}

Alerts::~Alerts() {
  {
    const std::lock_guard lock(lock_);
    ending_ = true;
    wake_.notify_one();
  }
  sender_.cancel();
  thread_.join();
}

void Alerts::configure(std::shared_ptr<const Config> config) {
  const std::lock_guard lock(lock_);
  std::erase_if(known_, [&](const auto &one) { return !one.first.first.empty() && config->device(one.first.first) == nullptr; });
  config_ = std::move(config);
  trouble_.clear();
  not_before_ = {};
  wake_.notify_one();
}

void Alerts::set(const std::string &source, const std::vector<Condition> &conditions) {
  const std::lock_guard lock(lock_);
  if (!config_ || (!source.empty() && config_->device(source) == nullptr))
    return;
  std::set<std::string> names;
  for (const Condition &one : conditions) {
    names.insert(key_name(one.name));
    put(source, one);
  }
  for (auto &[key, known] : known_)
    if (key.first == source && names.count(key.second) == 0)
      known.over = true;
  wake_.notify_one();
}

void Alerts::set_own(const std::string &name, const std::string &text) {
  const std::lock_guard lock(lock_);
  if (!text.empty())
    put({}, {name, text});
  else if (const auto found = known_.find({{}, key_name(name)}); found != known_.end())
    found->second.over = true;
  wake_.notify_one();
}

// With the lock held. What comes back before its end was told goes on.
void Alerts::put(const std::string &source, const Condition &condition) {
  Known &known = known_[{source, key_name(condition.name)}];
  if (known.name.empty() || (known.over && !known.due)) {
    known = {};
    known.since = std::time(nullptr);
    known.begun = Clock::now();
  }
  known.name = condition.name;
  known.text = condition.text;
  known.over = false;
}

std::string Alerts::trouble() {
  const std::lock_guard lock(lock_);
  return trouble_;
}

bool Alerts::is_wanted(const Known &known) const {
  const auto &out = config_->serve.alerts->leave_out;
  return std::find(out.begin(), out.end(), kind_of(known.name)) == out.end();
}

// What was over before its time is forgotten, and what nobody wants to be told of is never due.
void Alerts::make_due() {
  const auto long_enough = Clock::now() - std::chrono::seconds(config_->serve.alerts->after);
  for (auto &[key, known] : known_)
    known.due = known.due || (!known.over && known.begun <= long_enough && is_wanted(known));
  std::erase_if(known_, [](const auto &one) { return one.second.over && !one.second.due; });
}

// When the next condition becomes due.
Alerts::Clock::time_point Alerts::next_moment() const {
  auto moment = Clock::time_point::max();
  for (const auto &[key, known] : known_)
    if (!known.due && is_wanted(known))
      moment = std::min(moment, known.begun + std::chrono::seconds(config_->serve.alerts->after));
  return moment;
}

Alerts::Message Alerts::message() const {
  Message message;
  for (const auto &one : known_) {
    if (one.second.due && !one.second.told)
      message.begins.push_back(one);
    if (one.second.due && one.second.over)
      message.ends.push_back(one);
  }
  return message;
}

void Alerts::mark(const Message &message) {
  for (const auto &[key, known] : message.begins)
    if (const auto at = known_.find(key); at != known_.end())
      at->second.told = true;
  for (const auto &[key, known] : message.ends)
    if (const auto at = known_.find(key); at != known_.end()) {
      if (at->second.over)
        known_.erase(at);
      else { // it came back meanwhile: that is told anew
        at->second.due = at->second.told = false;
        at->second.since = std::time(nullptr);
        at->second.begun = Clock::now();
      }
    }
}

void Alerts::run() {
  std::unique_lock lock(lock_);
  while (!ending_)
    try {
      go_round(lock);
    } catch (const std::exception &) { // no memory
      if (!lock.owns_lock())
        lock.lock();
      wake_.wait_for(lock, pause_after_failure, [&] { return ending_; });
    }
}

void Alerts::go_round(std::unique_lock<std::mutex> &lock) {
  if (!config_ || !config_->serve.alerts)
    return wake_.wait(lock);
  make_due();
  const Message message = this->message();
  if (message.is_empty())
    trouble_.clear();
  const auto moment = message.is_empty() ? next_moment() : not_before_;
  if (moment == Clock::time_point::max())
    wake_.wait(lock);
  else if (Clock::now() < moment)
    wake_.wait_until(lock, moment);
  else if (!message.is_empty())
    send(message, lock);
}

void Alerts::send(const Message &message, std::unique_lock<std::mutex> &lock) {
  const auto config = config_;
  const AlertSettings &settings = *config->serve.alerts;
  Json begins = Json::array(), ends = Json::array();
  std::vector<std::string> lines;
  const auto list = [&](const Told &those, Json &into, const char *word) {
    for (const auto &[key, known] : those) {
      into.push_back({{"device", key.first}, {"name", known.name}, {"text", known.text}, {"since", utc(known.since)}});
      const std::string name = key.first + ": ";
      lines.push_back(fmt::format("{}{}{}", word, key.first.empty() || known.text.rfind(name, 0) == 0 ? "" : name, known.text));
    }
  };
  list(message.begins, begins, "");
  list(message.ends, ends, "over: ");
  std::string text = "banpush at " + host_name();
  for (std::size_t i = 0; i < std::min(lines.size(), most_in_text); ++i)
    text += "\n" + lines[i];
  if (lines.size() > most_in_text)
    text += fmt::format("\nand {} more", lines.size() - most_in_text);
  const std::string body = Json{{"schema", 1}, {"host", host_name()}, {"text", text}, {"begins", begins}, {"ends", ends}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
  lock.unlock();
  const std::string failed = sender_.send(settings, body);
  lock.lock();
  if (failed.empty())
    mark(message);
  if (config_ != config) // of a configuration before: what became of it says nothing of this one
    return;
  not_before_ = Clock::now() + (failed.empty() ? std::chrono::seconds(settings.every) : pause_after_failure);
  if (std::exchange(trouble_, failed) != failed)
    log_.say(failed.empty() ? LogLine{Event::AlertsDelivered, "alerts are delivered again"}
                            : LogLine{Event::AlertFailed, "an alert was not delivered, and is tried again: " + failed});
}

} // namespace banpush
