#include "app/set_up.hpp"

#include "app/planning.hpp"
#include "core/error.hpp"
#include "core/reading/used_lists.hpp"

#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace banpush {

namespace {

// What is wrong for people; empty when every list stands and is in force.
std::string missing(const Installed &installed) {
  std::string text;
  for (const ListState &list : installed.lists)
    if (!list.stands || !list.in_force)
      text += fmt::format("{}list {}: {}", text.empty() ? "" : "; ", list.list, list.why_not);
  return text;
}

} // namespace

std::vector<Step> setup_steps(Session &session, Stage stage) {
  // What stands already is asked first: setup adds what is missing and replaces nothing.
  const Installed installed = session.read();
  const Facts facts = with_unused(with_states(session.facts(), installed), session.unused_lists(), stage);
  const Rendering rendering = session.rendering(facts);
  if (const auto reasons = refusals(session.driver(), stage, session.values(), facts, rendering.attach); !reasons.empty())
    throw Error(ErrorKind::Guard,
                fmt::format("{}: {} is refused, and nothing was sent: {}", session.device().name, word(stage), fmt::join(reasons, "; ")));
  const bool stands = stage == Stage::Setup && !installed.lists.empty() && missing(installed).empty();
  return stands ? std::vector<Step>{} : render_stage(rendering, stage);
}

std::string text_of(const std::vector<Step> &steps) {
  Script script;
  script.change = steps;
  return script.text();
}

namespace {

// What a refused step leaves behind (an open mode, a candidate with half of it) would be in the way of whoever comes next.
// The setup began no time to confirm: one that runs on the device is somebody else's.
std::string taken_back(Session &session) {
  std::string words;
  try {
    Rendering rendering = session.rendering();
    rendering.confirm_seconds = 0;
    for (const Step &step : render_stage(rendering, Stage::Abort)) {
      const Delivery delivery = session.send(step);
      words += delivery.words;
      if (!delivery.accepted)
        return words;
    }
  } catch (const Error &error) { // why the stage failed is what a person has to know
    words += std::string(error.what()) + "\n";
  }
  return words;
}

} // namespace

void send_stage(Site &site, Session &session, const std::vector<Step> &steps, const char *intent, const std::string &who) {
  long record = 0;
  {
    const std::lock_guard lock(site.state_lock());
    record = site.state().started(session.device().name, intent, who, text_of(steps));
  }
  std::string words, error;
  for (const Step &step : steps) {
    const Delivery delivery = session.send(step);
    words += delivery.words;
    if (!delivery.accepted) {
      error = delivery.complaint;
      break;
    }
  }
  if (!error.empty() && !steps.empty() && (steps.front().stage == Stage::Setup || steps.front().stage == Stage::Unsetup))
    words += taken_back(session);
  {
    const std::lock_guard lock(site.state_lock());
    site.state().ended(record, error.empty() ? "changed" : "failed", error, words);
  }
  if (!error.empty())
    throw Error(ErrorKind::Device, fmt::format("{}: {}: {}", session.device().name, intent, error));
}

std::string missing_after(Session &session) {
  const auto end = std::chrono::steady_clock::now() + session.driver().settle;
  for (;;) {
    std::string text = missing(session.read());
    if (text.empty() || std::chrono::steady_clock::now() >= end)
      return text;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void set_up_again(Site &site, const Device &device, const std::string &who) {
  Session session(device, site.config().driver(device), site.credentials(device), families_used(site, device), site.trace);
  session.open(Stage::Setup);
  if (const std::vector<Step> steps = setup_steps(session, Stage::Setup); !steps.empty())
    send_stage(site, session, steps, "setup", who);
  if (const std::string missing = missing_after(session); !missing.empty())
    throw Error(ErrorKind::Device, fmt::format("{}: the device accepted the setup, but {}", device.name, missing));
}

} // namespace banpush
