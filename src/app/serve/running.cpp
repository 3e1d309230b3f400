#include "app/serve/running.hpp"

#include "app/pass.hpp"
#include "app/serve/notify.hpp"
#include "app/site/list_files.hpp"

#include <utility>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::chrono::minutes longest_swap{2}; // from one configuration to the next

} // namespace

Running::Running(Settings settings, Config config, Log &log)
    : settings_(std::move(settings)), log_(log), trace_(trace_to(settings_.trace)), alerts_(log_), service_(made(std::move(config))),
      thread_([this] { follow(); }) {
  alerts_.configure(service_->configuration());
  service_->begin();
}

Running::~Running() { stop(); }

std::shared_ptr<Daemon> Running::made(Config config) {
  return std::make_shared<Daemon>(std::make_shared<const Config>(std::move(config)), log_, alerts_, trace_);
}

std::shared_ptr<Daemon> Running::service() {
  const std::lock_guard lock(lock_);
  return service_;
}

std::shared_ptr<Daemon> Running::take() {
  const std::lock_guard lock(lock_);
  gone_since_ = Clock::now();
  return std::exchange(service_, nullptr);
}

void Running::reload() {
  notify_reloading();
  const std::lock_guard lock(lock_);
  reload_asked_ = true;
  wake_.notify_one();
}

void Running::follow() {
  std::unique_lock lock(lock_);
  for (;;) {
    wake_.wait(lock, [&] { return ending_ || reload_asked_; });
    if (ending_)
      return;
    reload_asked_ = false;
    lock.unlock();
    read_anew();
    lock.lock();
  }
}

void Running::read_anew() {
  const char *status = "the configuration stays as it was: see the log";
  try {
    Config config = load_all(settings_);
    require_files_of_their_own(config);
    swap(std::move(config));
    status = "the configuration is read anew";
    log_.say({Event::ConfigurationRead, status});
  } catch (const std::exception &error) {
    for (const std::string &line : parts_of(error.what()))
      log_.say({Event::ConfigurationRefused, "the configuration stays as it was: " + line});
  }
  notify_ready(status);
}

// All that may fail comes before what runs is ended.
void Running::swap(Config config) {
  const auto before = service();
  const bool moved = config.serve.socket != before->config().serve.socket || config.state != before->config().state;
  const auto next = made(std::move(config));
  if (moved)
    log_.say({Event::ConfigurationNeedsStart, "serve.socket and state are those of the start until the service is started anew"});
  log_.configure(next->config().serve.log);
  alerts_.configure(next->configuration());
  take()->stop();
  next->begin();
  const std::lock_guard lock(lock_);
  service_ = next;
  if (swapped_)
    swapped_();
}

void Running::when_swapped(std::function<void()> then) {
  const std::lock_guard lock(lock_);
  swapped_ = std::move(then);
}

void Running::http_trouble(std::string why) {
  alerts_.set_own("http", why);
  const std::lock_guard lock(lock_);
  http_trouble_ = std::move(why);
}

std::string Running::http_trouble() {
  const std::lock_guard lock(lock_);
  return http_trouble_;
}

std::string Running::stuck() {
  std::shared_ptr<Daemon> service;
  {
    const std::lock_guard lock(lock_);
    if (!service_)
      return Clock::now() - gone_since_ < longest_swap ? std::string() : std::string("devices do not let go of the configuration before");
    service = service_;
  }
  return service->stuck();
}

void Running::stop() {
  {
    const std::lock_guard lock(lock_);
    ending_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable())
    thread_.join();
  if (const auto ending = take())
    ending->stop();
}

} // namespace banpush
