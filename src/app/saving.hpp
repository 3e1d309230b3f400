// When a device saves its configuration, so that what is in force survives its next start: `save` of a device.
#pragma once

#include "app/push.hpp"
#include "app/site/session.hpp"

#include <cstdint>

namespace banpush {

// The next time after `now` (seconds since the epoch) at which this host's clocks show that minute of the day.
std::int64_t next_time_of_day(int minute_of_day, std::int64_t now);

// Sends the steps of `save`. What is in force stays so, whatever comes of this; until it is saved, each pass tries again.
void save_now(Site &site, Session &session, const std::vector<Step> &steps, DeviceReport &report);

// After a change, as the device's `save` says: at once, at its time of day, or never. `steps` are those of the plan.
void save_after_change(Site &site, const Device &device, Session &session, const std::vector<Step> &steps, DeviceReport &report);

// What an earlier pass left unsaved, for the report; with the lock of the state held.
void recall_unsaved(Site &site, const Device &device, DeviceReport &report);

bool is_save_due(const DeviceReport &report);

// In step, with something to save whose time has come.
void save_where_due(Site &site, Session &session, DeviceReport &report);

} // namespace banpush
