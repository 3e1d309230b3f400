// Listens for HTTP as the configuration says, and goes on trying where it cannot: a port that is taken, or a token that cannot
// be read, costs nothing but HTTP.
#pragma once

#include "app/http/listener.hpp"
#include "app/http/site.hpp"
#include "app/serve/running.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace banpush {

class HttpServer {
public:
  // Listens before this returns, if it can. What it does goes to the log, and why it does not, to `running` as well (what `status`
  // shows). Both outlive it. Throws where no thread can be had.
  HttpServer(Running &running, const Log &log);
  HttpServer(const HttpServer &) = delete;
  HttpServer &operator=(const HttpServer &) = delete;
  ~HttpServer();

private:
  enum class Listens { AsConfigured, Not }; // Not: to be tried again
  void follow();
  Listens attend() noexcept;
  void listen(const std::shared_ptr<const Config> &config);
  void fails(const std::string &why) noexcept;

  Running &running_;
  const Log &log_;
  std::unique_ptr<HttpSite> site_;
  std::unique_ptr<Listener> listener_;
  std::string place_; // at which listener_ listens
  std::string said_;  // the last trouble that the log has

  std::mutex lock_;
  std::condition_variable wake_, first_;
  bool changed_ = false, tried_ = false, ending_ = false;
  std::thread thread_; // last: all else is there when it begins
};

// What can be known of serve.http beforehand: its tokens, certificate and key, and whether its address is one of this host.
// Returns what is wrong, empty: nothing.
std::string trouble_with_http(const HttpSettings &http);

} // namespace banpush
