#include "app/alert/alert_sender.hpp"

#include "app/world/names.hpp"
#include "app/world/secrets.hpp"
#include "config/alerts.hpp"
#include "core/bans/ban.hpp"
#include "core/error.hpp"
#include "transport/exec/local.hpp"

#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <httplib.h>

namespace banpush {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 30s, patience_of_each_step = 10s, patience_with_names = 5s;
constexpr std::size_t longest_reason = 200;

// One address of the host, as text: the library would look its name up without an end.
std::string address_of(const std::string &host) {
  const std::vector<Prefix> found = ask_names({host}, patience_with_names).of(host);
  if (found.empty())
    throw Error(ErrorKind::Connect, fmt::format("{}: no address is known of this name", host));
  const std::string text = found.front().text();
  return text.substr(0, text.find('/'));
}

} // namespace

std::string AlertSender::send(const AlertSettings &settings, const std::string &json) {
  try {
    return settings.command.empty() ? post(settings, json) : run(settings.command, json);
  } catch (const std::exception &error) {
    return error.what();
  }
}

void AlertSender::cancel() {
  const std::lock_guard lock(lock_);
  cancelled_ = true;
  wake_.notify_all();
}

void AlertSender::bounded(const std::function<void()> &stop, const std::function<void()> &work) {
  bool done = false;
  std::thread clock([&] {
    std::unique_lock lock(lock_);
    const auto end = std::chrono::steady_clock::now() + patience;
    wake_.wait_until(lock, end, [&] { return done || cancelled_; });
    while (!done) { // what was not begun yet when it was stopped is stopped once more
      stop();
      wake_.wait_for(lock, 100ms, [&] { return done; });
    }
  });
  try {
    work();
  } catch (const std::exception &) {
    {
      const std::lock_guard lock(lock_);
      done = true;
      wake_.notify_all();
    }
    clock.join();
    throw;
  }
  {
    const std::lock_guard lock(lock_);
    done = true;
    wake_.notify_all();
  }
  clock.join();
}

std::string AlertSender::run(const std::vector<std::string> &argv, const std::string &json) {
  LocalRunner runner;
  Finished finished;
  bounded([&] { runner.cancel(); }, [&] { finished = runner.run({argv, json}); });
  if (finished.exit == 0)
    return {};
  return fmt::format("{}: {}{}", argv.front(), finished.killed.empty() ? fmt::format("status {}", finished.exit) : finished.killed,
                     finished.errors.empty() ? std::string() : ": " + shown(finished.errors, longest_reason));
}

std::string AlertSender::post(const AlertSettings &settings, const std::string &json) {
  const std::string url = settings.webhook_url.empty() ? secret(settings.webhook) : settings.webhook_url;
  if (const std::string why = unfit_for_alerts(url); !why.empty())
    throw Error(ErrorKind::Config, "serve.alerts.webhook: " + why);
  const WebAddress to = *web_address_of(url);
  httplib::Client client(
      fmt::format("{}://{}:{}", to.scheme, to.host.find(':') == std::string::npos ? to.host : "[" + to.host + "]", to.port));
  if (to.host.find(':') == std::string::npos)
    client.set_hostname_addr_map({{to.host, address_of(to.host)}});
  client.set_connection_timeout(patience_of_each_step);
  client.set_read_timeout(patience_of_each_step);
  client.set_write_timeout(patience_of_each_step);
  if (!settings.ca.empty())
    client.set_ca_cert_path(settings.ca);
  httplib::Headers headers;
  if (const std::string token = secret(settings.token); !token.empty())
    headers.emplace("Authorization", "Bearer " + token);
  httplib::Result result(nullptr, httplib::Error::Unknown);
  bounded([&] { client.stop(); }, [&] { result = client.Post(to.path, headers, json, "application/json"); });
  const std::string where = fmt::format("{}://{}:{}", to.scheme, to.host, to.port); // the path may be a secret
  if (!result)
    return fmt::format("{}: {}", where, httplib::to_string(result.error()));
  return result->status >= 200 && result->status < 300 ? std::string() : fmt::format("{} answered with status {}", where, result->status);
}

} // namespace banpush
