#include "app/serve/requests.hpp"

#include "app/blocking.hpp"
#include "app/site/side_by_side.hpp"
#include "app/state/actor.hpp"
#include "app/world/world.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace banpush {

namespace {

using Json = nlohmann::json;

// Longer than any device is waited for; with one that has to decide on a change that nobody confirmed.
constexpr std::chrono::minutes patience{10}, patience_for_push{25};

Json refused(const std::string &why) { return {{"refused", why}}; }

std::vector<std::string> names_in(const Json &request, const char *key) { return request.value(key, std::vector<std::string>{}); }

Order by_the_service() {
  Order order;
  order.actor = "service";
  return order;
}

// By what the device holds now, and why it does not by what the push came to.
Json told(const std::string &device, const std::optional<DeviceReport> &report, const Prefix &prefix, std::optional<bool> holds) {
  DeviceReport nothing;
  nothing.device = device;
  nothing.outcome = Outcome::Failed;
  nothing.error = "no answer in time";
  const DeviceReport &known = report ? *report : nothing;
  Blocking blocking = blocking_of(known, prefix);
  if (!blocking.shows || holds == true)
    blocking.shows = holds;
  if (blocking.shows == true && holds == true)
    blocking = {true, blocking_of(known, prefix).shows == true ? blocking.why : std::string(), false};
  return to_json(known, blocking);
}

Json wait_for_all(Daemon &service, const Json &request) {
  const auto begin = Clock::now();
  const auto until = begin + patience;
  const Prefix prefix = Prefix::require(request.at("prefix").get<std::string>());
  const std::uint64_t number = service.fresh(Feed::Look::Glance, until);
  Json devices = Json::array();
  for (const auto &keeper : service.keepers()) {
    auto report = keeper->reached(number, until);
    // What it held when it was last read is not what it holds now: who waits wants to know that.
    if (report && report->outcome != Outcome::Failed && !report->paused && keeper->progress().read < begin)
      report = keeper->push(by_the_service(), number, until);
    const auto holds = keeper->holds(prefix, begin);
    // Why not is told by a whole reading.
    if (holds == false && report && report->outcome != Outcome::Failed && !report->paused && !report->plan)
      report = keeper->push(by_the_service(), number, until);
    devices.push_back(told(keeper->name(), report, prefix, holds));
  }
  return {{"devices", devices}, {"seconds", std::chrono::duration<double>(Clock::now() - begin).count()}};
}

std::vector<Keeper *> chosen_keepers(Daemon &service, const Json &request) {
  std::vector<Keeper *> keepers;
  for (const Device *device : chosen(service.config(), names_in(request, "devices")))
    keepers.push_back(service.keeper(device->name));
  return keepers;
}

// Root may say for whom it works (sudo); what others say of themselves counts for nothing.
std::string actor_in(const Json &request, uid_t user) {
  return user == 0 ? shown(request.value("actor", actor_of(user)), 200) : actor_of(user);
}

Json push_now(Daemon &service, const Json &request, uid_t user) {
  const auto until = Clock::now() + patience_for_push;
  const auto keepers = chosen_keepers(service, request);
  Order order;
  order.actor = actor_in(request, user);
  order.forced = forced_limits(names_in(request, "force"));
  order.hashes = request.value("hashes", std::map<std::string, std::string>{});
  const std::uint64_t number = service.fresh(Feed::Look::Whole, until);
  Report report;
  report.devices.resize(keepers.size());
  side_by_side(keepers.size(), keepers.size(), [&](std::size_t i) {
    DeviceReport &mine = report.devices[i];
    mine.device = keepers[i]->name();
    mine.outcome = Outcome::Failed;
    mine.error = "no answer: the device took too long, or the service ends or lacks memory";
    if (auto pushed = keepers[i]->push_when_settled(order, number, until))
      mine = std::move(*pushed);
  });
  Console console;
  console.colour = request.value("colour", false);
  return {{"code", report.exit_code()},
          {"out", request.value("json", false) ? to_json(report).dump(2) + "\n" : to_text(report, Detail::Push, console)}};
}

Json release(Daemon &service, const Json &request) {
  Json devices = Json::array();
  for (Keeper *keeper : chosen_keepers(service, request))
    if (!keeper->release(Clock::now() + std::chrono::seconds{20}))
      devices.push_back(keeper->name());
  return {{"busy", devices}};
}

Json status_of(Daemon &service) {
  Json devices = Json::array();
  for (const auto &keeper : service.keepers()) {
    const Keeper::Progress progress = keeper->progress();
    devices.push_back({{"device", keeper->name()},
                       {"working", progress.working},
                       {"session", progress.open},
                       {"parts", progress.parts},
                       {"reading", progress.reading},
                       {"failures", progress.failures},
                       {"again_in", progress.again_in},
                       {"outcome", progress.last ? word(progress.last->outcome) : ""},
                       {"error", progress.last ? progress.last->error : ""}});
  }
  const Feed::Count looks = service.looks();
  return {{"devices", devices},
          {"tables", service.trouble()},
          {"state", service.state_trouble()},
          {"read_whole", looks.whole},
          {"followed", looks.news}};
}

} // namespace

std::optional<Json> answer(Daemon &service, const Json &request, uid_t user) {
  const bool trusted = user == 0 || user == geteuid();
  try {
    const std::string what = request.value("do", "");
    if (what == "look") {
      service.ring();
      return std::nullopt;
    }
    if (what == "wait")
      return wait_for_all(service, request);
    if (what == "status")
      return status_of(service);
    if (what != "push" && what != "release")
      return refused("unknown request");
    if (!trusted)
      return refused(fmt::format("user {} may not ask for this", user));
    return what == "push" ? push_now(service, request, user) : release(service, request);
  } catch (const std::exception &error) {
    return Json{{"refused", error.what()}};
  }
}

} // namespace banpush
