#include "app/alert/alerts.hpp"

#include "core/error.hpp"

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

Alerts::Alerts(std::function<void(const std::string &)> say) : say_(std::move(say)), thread_([this] { run(); }) {}

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
  std::set<std::string> devices{std::string()};
  for (const Device &device : config->devices)
    devices.insert(device.name);
  std::erase_if(known_, [&](const auto &one) { return devices.count(one.first.first) == 0; });
  config_ = std::move(config);
  trouble_.clear();
  wake_.notify_one();
}

void Alerts::set(const std::string &source, const std::vector<Condition> &conditions) {
  const std::lock_guard lock(lock_);
  std::set<std::string> names;
  for (const Condition &one : conditions) {
    names.insert(one.name);
    put({source, one.name}, one.text);
  }
  for (auto &[key, known] : known_)
    if (key.first == source && names.count(key.second) == 0)
      known.over = true;
  wake_.notify_one();
}

void Alerts::set_own(const std::string &name, const std::string &text) {
  const std::lock_guard lock(lock_);
  if (!text.empty())
    put({{}, name}, text);
  else if (const auto found = known_.find({{}, name}); found != known_.end())
    found->second.over = true;
  wake_.notify_one();
}

// With the lock held. What comes back before anybody was told of its end goes on.
void Alerts::put(const Key &key, const std::string &text) {
  const auto [at, is_new] = known_.try_emplace(key);
  if (is_new || (at->second.over && !at->second.told)) {
    at->second = {text, std::time(nullptr), Clock::now(), false, false};
    return;
  }
  at->second.text = text;
  at->second.over = false;
}

std::string Alerts::trouble() {
  const std::lock_guard lock(lock_);
  return trouble_;
}

bool Alerts::is_wanted(const Key &key) const {
  const auto &out = config_->serve.alerts->leave_out;
  return std::find(out.begin(), out.end(), kind_of(key.second)) == out.end();
}

// What was never told and is over is forgotten; what is so becomes due once it was so for long enough.
Alerts::Clock::time_point Alerts::next_due() const {
  auto due = Clock::time_point::max();
  for (const auto &[key, known] : known_)
    if (is_wanted(key) && known.told == known.over)
      due = std::min(due, known.over ? Clock::now() : known.begun + std::chrono::seconds(config_->serve.alerts->after));
  return std::max(due, not_before_);
}

Alerts::Message Alerts::due_message() const {
  Message message;
  const auto long_enough = Clock::now() - std::chrono::seconds(config_->serve.alerts->after);
  for (const auto &one : known_) {
    const auto &[key, known] = one;
    if (!is_wanted(key))
      continue;
    if (known.told && known.over)
      message.ends.push_back(one);
    else if (!known.told && !known.over && known.begun <= long_enough)
      message.begins.push_back(one);
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
      else // it came back meanwhile: that is told anew
        at->second = {at->second.text, std::time(nullptr), Clock::now(), false, false};
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
  std::erase_if(known_, [](const auto &one) { return one.second.over && !one.second.told; });
  const bool configured = config_ && config_->serve.alerts;
  const auto due = configured ? next_due() : Clock::time_point::max();
  if (due == Clock::time_point::max())
    return wake_.wait(lock);
  if (Clock::now() < due) {
    wake_.wait_until(lock, due);
    return;
  }
  const Message message = due_message();
  if (!message.is_empty())
    send(message, lock);
}

void Alerts::send(const Message &message, std::unique_lock<std::mutex> &lock) {
  const auto config = config_;
  const AlertSettings &settings = *config->serve.alerts;
  Json begins = Json::array(), ends = Json::array();
  std::vector<std::string> lines;
  const auto list = [&](const std::vector<std::pair<Key, Known>> &those, Json &into, const char *word) {
    for (const auto &[key, known] : those) {
      into.push_back({{"device", key.first}, {"name", key.second}, {"text", known.text}, {"since", utc(known.since)}});
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
  not_before_ = Clock::now() + (failed.empty() ? std::chrono::seconds(settings.every) : pause_after_failure);
  if (failed.empty())
    mark(message);
  if (std::exchange(trouble_, failed) != failed)
    say_(failed.empty() ? std::string("alerts are delivered again") : "an alert was not delivered, and is tried again: " + failed);
}

} // namespace banpush
