#include "app/saving.hpp"

#include "app/dead_man.hpp"

#include <ctime>
#include <utility>

#include <fmt/format.h>

namespace banpush {

namespace {

void note(Site &site, DeviceReport &report, const State::Unsaved &what) {
  report.unsaved = what.why;
  report.save_due = what.due;
  const std::lock_guard lock(site.state_lock());
  site.state().unsaved(report.device, what);
}

bool can_save(const Session &session) { return session.driver().has(Stage::Save); }

std::vector<Step> steps_of_save(const Session &session) { return render_stage(session.rendering(), Stage::Save); }

std::string words_of(const Device &device) {
  return fmt::format("what is in force is saved daily at {:02}:{:02}; until then the device's next start loses it (`banpush save {}` does "
                     "it now)",
                     device.save.minute_of_day / 60, device.save.minute_of_day % 60, device.name);
}

void save_later(Site &site, const Device &device, DeviceReport &report) {
  note(site, report, {words_of(device), next_time_of_day(device.save.minute_of_day, std::time(nullptr))});
}

} // namespace

std::int64_t next_time_of_day(int minute_of_day, std::int64_t now) {
  const auto begin = static_cast<std::time_t>(now);
  std::tm today{};
  localtime_r(&begin, &today);
  for (int ahead = 0;; ++ahead) { // a clock set forward may leave the time out of one day
    std::tm moment{};
    moment.tm_year = today.tm_year;
    moment.tm_mon = today.tm_mon;
    moment.tm_mday = today.tm_mday + ahead;
    moment.tm_hour = minute_of_day / 60;
    moment.tm_min = minute_of_day % 60;
    moment.tm_isdst = -1;
    if (const std::time_t at = std::mktime(&moment); at > begin)
      return static_cast<std::int64_t>(at);
  }
}

bool is_save_due(const DeviceReport &report) {
  return !report.paused && report.unconfirmed.empty() && !report.unsaved.empty() && report.save_due <= std::time(nullptr);
}

void save_now(Site &site, Session &session, const std::vector<Step> &steps, DeviceReport &report) {
  note(site, report, {"what is in force is not saved: this was to be done, and did not end", 0});
  try {
    send_all(session, steps, "save", report.words);
    note(site, report, {});
  } catch (const Error &error) {
    report.save_failed = true;
    note(site, report,
         {fmt::format("what is in force is not saved, so the device's next start loses it ({}); tried again with the next push, or by "
                      "`banpush save {}`",
                      error.what(), report.device),
          0});
  }
}

void save_after_change(Site &site, const Device &device, Session &session, const std::vector<Step> &steps, DeviceReport &report) {
  if (!steps.empty())
    save_now(site, session, steps, report);
  else if (device.save.when == Device::Save::When::Daily && can_save(session) && report.unsaved.empty())
    save_later(site, device, report);
  else
    save_where_due(site, session, report);
}

void recall_unsaved(Site &site, const Device &device, DeviceReport &report) {
  State::Unsaved left = site.state().unsaved(device.name);
  if (left.due != 0 && device.save.when != Device::Save::When::Daily)
    left = device.save.when == Device::Save::When::Never ? State::Unsaved{} : State::Unsaved{std::move(left.why), 0};
  else if (left.due != 0 && left.why != words_of(device))
    left = {words_of(device), next_time_of_day(device.save.minute_of_day, std::time(nullptr))};
  site.state().unsaved(device.name, left); // as the configuration has it now
  report.unsaved = std::move(left.why);
  report.save_due = left.due;
}

void save_where_due(Site &site, Session &session, DeviceReport &report) {
  if (is_save_due(report) && can_save(session))
    save_now(site, session, steps_of_save(session), report);
}

} // namespace banpush
