#include "app/alert/alert_sender.hpp"

#include "app/world/names.hpp"
#include "app/world/secrets.hpp"
#include "config/alerts.hpp"
#include "core/bans/ban.hpp"
#include "core/error.hpp"
#include "files/open.hpp"
#include "transport/descriptor.hpp"
#include "transport/exec/local.hpp"

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace banpush {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 30s, patience_of_each_step = 10s, patience_with_names = 5s;
constexpr std::size_t longest_reason = 200, longest_answer = 64U << 10U;

// The host's addresses as texts: the library would look its name up without an end.
std::vector<std::string> addresses_of(const WebAddress &to) {
  if (to.host.find(':') != std::string::npos)
    return {to.host};
  std::vector<std::string> all;
  for (const Prefix &one : ask_names({to.host}, patience_with_names).of(to.host))
    all.push_back(one.text().substr(0, one.text().find('/')));
  if (all.empty())
    throw Error(ErrorKind::Connect, fmt::format("{}: no address is known of this name", to.host));
  return all;
}

std::string url_of(const AlertSettings &settings) {
  std::string url = settings.webhook_url.empty() ? secret(settings.webhook) : settings.webhook_url;
  if (const std::string why = unfit_for_alerts(url); !why.empty())
    throw Error(ErrorKind::Config, "serve.alerts.webhook: " + why);
  return url;
}

// The socket of a connection under way, by a descriptor of our own: it can be shut down from another thread whatever the library
// does with its own, in the middle of a handshake, too.
class Reachable {
public:
  void is(int socket) {
    const std::lock_guard lock(lock_);
    socket_ = Descriptor(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
  }
  void shut_down() {
    const std::lock_guard lock(lock_);
    if (socket_)
      ::shutdown(socket_.get(), SHUT_RDWR);
  }

private:
  std::mutex lock_;
  Descriptor socket_;
};

bool may_be_run(const std::string &path) {
  const auto facts = file_facts(path);
  return facts && S_ISREG(facts->mode) && (facts->mode & 0111U) != 0;
}

bool is_program(const std::string &name) {
  if (name.find('/') != std::string::npos)
    return may_be_run(name);
  const char *path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (may_be_run(folder + "/" + name))
      return true;
  return false;
}

} // namespace

std::string trouble_with_alerts(const AlertSettings &settings) {
  try {
    if (!settings.command.empty() && !is_program(settings.command.front()))
      return fmt::format("serve.alerts: {} is no program that can be run", settings.command.front());
    if (settings.command.empty())
      url_of(settings);
    secret(settings.token);
    return {};
  } catch (const std::exception &error) {
    return error.what();
  }
}

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

bool AlertSender::is_over() {
  const std::lock_guard lock(lock_);
  return cancelled_ || timed_out_;
}

void AlertSender::bounded(const std::function<void()> &stop, const std::function<void()> &work) {
  bool done = false;
  {
    const std::lock_guard lock(lock_);
    timed_out_ = false;
  }
  std::thread clock([&] {
    std::unique_lock lock(lock_);
    timed_out_ = !wake_.wait_until(lock, std::chrono::steady_clock::now() + patience, [&] { return done || cancelled_; });
    while (!done) { // what was not begun yet when it was stopped is stopped once more
      lock.unlock();
      stop();
      lock.lock();
      wake_.wait_for(lock, 100ms, [&] { return done; });
    }
  });
  const auto end = [&] {
    {
      const std::lock_guard lock(lock_);
      done = true;
      wake_.notify_all();
    }
    clock.join();
  };
  try {
    work();
  } catch (const std::exception &) {
    end();
    throw;
  }
  end();
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
  const WebAddress to = *web_address_of(url_of(settings));
  const std::string token = secret(settings.token);
  const std::string host = to.host.find(':') == std::string::npos ? to.host : "[" + to.host + "]";
  const std::string where = fmt::format("{}://{}:{}", to.scheme, host, to.port); // the path may be a secret
  std::string failed;
  Reachable reachable;
  const auto post_to = [&](const std::string &address) {
    httplib::Client client(where);
    if (address != to.host)
      client.set_hostname_addr_map({{to.host, address}});
    client.set_connection_timeout(patience_of_each_step);
    client.set_read_timeout(patience_of_each_step);
    client.set_write_timeout(patience_of_each_step);
    client.set_socket_options([&](int socket) { reachable.is(socket); });
    if (!settings.ca.empty())
      client.set_ca_cert_path(settings.ca);
    httplib::Request request;
    request.method = "POST";
    request.path = to.path;
    request.body = json;
    request.set_header("Content-Type", "application/json");
    if (!token.empty())
      request.set_header("Authorization", "Bearer " + token);
    int status = 0;
    std::size_t length = 0;
    request.response_handler = [&](const httplib::Response &response) {
      status = response.status;
      return true;
    };
    request.content_receiver = [&](const char *, std::size_t size, std::uint64_t, std::uint64_t) {
      length += size;
      return length <= longest_answer;
    };
    const auto result = client.send(request);
    if (result)
      status = result->status; // of an answer without a body, which the handler is not called for
    if (status != 0)
      return status >= 200 && status < 300 ? std::string() : fmt::format("{} answered with status {}", where, status);
    return fmt::format("{} ({}): {}", where, address, is_over() ? "no answer in time" : httplib::to_string(result.error()));
  };
  bounded([&] { reachable.shut_down(); },
          [&] {
            for (const std::string &address : addresses_of(to)) {
              failed = post_to(address);
              if (failed.empty() || is_over())
                return;
            }
          });
  return failed;
}

} // namespace banpush
