#include "app/serve/callers.hpp"

#include "app/serve/requests.hpp"

#include <nlohmann/json.hpp>

namespace banpush {

namespace {

constexpr std::size_t most_callers = 64;                // at a time
constexpr std::chrono::seconds patience_for_callers{2}; // until their request is whole
constexpr std::chrono::milliseconds patience_without_thread{200};

} // namespace

Callers::~Callers() {
  for (Caller &caller : callers_)
    caller.thread.join();
}

bool Callers::full() {
  callers_.remove_if([](Caller &caller) {
    if (!caller.done)
      return false;
    caller.thread.join();
    return true;
  });
  return callers_.size() >= most_callers;
}

void Callers::take(Descriptor socket) {
  try {
    Caller &caller = callers_.emplace_back();
    caller.socket = std::move(socket);
    caller.thread = std::thread([this, &caller] {
      serve(caller.socket.get());
      caller.socket.reset();
      caller.done = true;
    });
  } catch (const std::exception &) {
    if (!callers_.empty() && !callers_.back().thread.joinable()) {
      turn_away(callers_.back().socket.get());
      callers_.pop_back();
    }
  }
}

void Callers::serve(int socket) noexcept {
  try {
    const auto user = user_of(socket);
    const auto request = read_request(socket, patience_for_callers);
    if (!user || !request)
      return;
    const auto service = running_.service();
    auto reply =
        service ? answer(*service, *request, *user) : nlohmann::json{{"refused", "the configuration is being read anew; ask again"}};
    if (service && request->value("do", "") == "status")
      reply->update({{"http", running_.http_trouble()}, {"alerts", running_.alert_trouble()}});
    if (reply)
      send_answer(socket, *reply);
  } catch (const std::exception &) { // no memory: the caller sees its connection end
  }
}

void Callers::turn_away(int socket) noexcept {
  try {
    if (const auto service = running_.service())
      service->ring();
    read_request(socket, patience_without_thread); // closed with something unread, the answer would be lost
    send_answer(socket, {{"refused", "the service has no thread for this now; ask again"}});
  } catch (const std::exception &) {
  }
}

} // namespace banpush
