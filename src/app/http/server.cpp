#include "app/http/server.hpp"

#include <utility>

#include <fmt/format.h>

namespace banpush {

namespace {

using namespace std::chrono_literals;

constexpr auto between_tries = 10s;

} // namespace

HttpServer::HttpServer(Running &running, const Log &log) : running_(running), log_(log), thread_([this] { follow(); }) {
  running_.when_swapped([this] {
    const std::lock_guard lock(lock_);
    changed_ = true;
    wake_.notify_one();
  });
  std::unique_lock lock(lock_);
  first_.wait(lock, [&] { return tried_; });
}

HttpServer::~HttpServer() {
  running_.when_swapped({});
  {
    const std::lock_guard lock(lock_);
    ending_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

void HttpServer::follow() {
  std::unique_lock lock(lock_);
  while (!ending_) {
    changed_ = false;
    lock.unlock();
    const Listens listens = attend();
    lock.lock();
    tried_ = true;
    first_.notify_one();
    const auto due = [&] { return ending_ || changed_; };
    if (listens == Listens::AsConfigured)
      wake_.wait(lock, due);
    else
      wake_.wait_for(lock, between_tries, due);
  }
}

HttpServer::Listens HttpServer::attend() noexcept {
  try {
    const auto service = running_.service();
    if (!service)
      return Listens::AsConfigured; // the next one is made now, and told
    const auto config = service->configuration();
    const auto &http = config->serve.http;
    if (http && listener_ && place_of(*http) == place_) {
      site_->refresh();
      return Listens::AsConfigured;
    }
    if (std::exchange(listener_, nullptr))
      log_.say({Event::HttpClosed, fmt::format("HTTP: no longer at {}", place_)});
    site_ = nullptr;
    if (http)
      listen(config);
    said_.clear();
    running_.http_trouble({});
    return Listens::AsConfigured;
  } catch (const std::exception &error) {
    fails(error.what());
    return Listens::Not;
  }
}

void HttpServer::listen(const std::shared_ptr<const Config> &config) {
  const HttpSettings &http = *config->serve.http;
  site_ = std::make_unique<HttpSite>(running_, config, log_);
  listener_ = std::make_unique<Listener>(
      http.address, http.port, [this] { return site_->identity(); },
      Listener::Answers{[this](const HttpRequest &request) { return site_->answer(request); },
                        [this](int status) { site_->refused(status); }});
  place_ = place_of(http);
  log_.say({Event::HttpListening, fmt::format("{} at {}", http.certificate.empty() ? "HTTP" : "HTTPS", place_)});
}

void HttpServer::fails(const std::string &why) noexcept {
  try {
    const std::string text = fmt::format("nothing is answered over HTTP: {}; tried again every {} s", why, between_tries.count());
    running_.http_trouble(text);
    if (std::exchange(said_, text) != text)
      log_.say({Event::HttpFailed, text});
  } catch (const std::exception &) { // no memory to say it
  }
}

std::string trouble_with_http(const HttpSettings &http) {
  try {
    HttpSite::require_secrets(http);
    Listener::require_address(http.address);
    return {};
  } catch (const std::exception &error) {
    return error.what();
  }
}

} // namespace banpush
