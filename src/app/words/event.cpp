#include "app/words/event.hpp"

namespace banpush {

namespace {

constexpr std::array<EventKind, number_of_events> kinds{{
    {Event::ServiceWaits, "service_waits", Level::Notice},
    {Event::ServiceStarted, "service_started", Level::Info},
    {Event::ServiceEnding, "service_ending", Level::Info},
    {Event::ServiceFailed, "service_failed", Level::Error},
    {Event::ServiceStuck, "service_stuck", Level::Error},
    {Event::ServiceTrouble, "service_trouble", Level::Error},
    {Event::CallerWaits, "caller_waits", Level::Warning},
    {Event::Descriptors, "descriptors", Level::Info},
    {Event::DescriptorsShort, "descriptors_short", Level::Warning},
    {Event::ConfigurationRead, "configuration_read", Level::Info},
    {Event::ConfigurationRefused, "configuration_refused", Level::Error},
    {Event::ConfigurationNeedsStart, "configuration_needs_start", Level::Warning},
    {Event::HttpListening, "http_listening", Level::Info},
    {Event::HttpClosed, "http_closed", Level::Info},
    {Event::HttpFailed, "http_failed", Level::Error},
    {Event::AlertFailed, "alert_failed", Level::Error},
    {Event::AlertsDelivered, "alerts_delivered", Level::Info},
    {Event::StateFailed, "state_failed", Level::Error},
    {Event::StateRestored, "state_restored", Level::Info},
    {Event::TablesFailed, "tables_failed", Level::Error},
    {Event::TablesRestored, "tables_restored", Level::Info},
    {Event::TablesNote, "tables_note", Level::Notice},
    {Event::SpoolFailed, "spool_failed", Level::Error},
    {Event::SpoolRestored, "spool_restored", Level::Info},
    {Event::SpoolWaits, "spool_waits", Level::Warning},
    {Event::SpoolEmpty, "spool_empty", Level::Info},
    {Event::SpoolDelivered, "spool_delivered", Level::Info},
    {Event::SpoolCorrected, "spool_corrected", Level::Notice},
    {Event::SpoolSetAside, "spool_set_aside", Level::Warning},
    {Event::DeviceChanged, "device_changed", Level::Info},
    {Event::DeviceNote, "device_note", Level::Notice},
    {Event::DeviceUnreachable, "device_unreachable", Level::Error},
    {Event::DeviceLoginFailed, "device_login_failed", Level::Error},
    {Event::DeviceFailed, "device_failed", Level::Error},
    {Event::DeviceAnswers, "device_answers", Level::Info},
    {Event::DeviceUnsaved, "device_unsaved", Level::Warning},
    {Event::DeviceSaved, "device_saved", Level::Info},
    {Event::DeviceUnconfirmed, "device_unconfirmed", Level::Warning},
    {Event::DeviceSettled, "device_settled", Level::Info},
    {Event::DeviceRenamed, "device_renamed", Level::Warning},
    {Event::DeviceNamedAgain, "device_named_again", Level::Info},
    {Event::DeviceGivenUp, "device_given_up", Level::Error},
    {Event::ListNotInForce, "list_not_in_force", Level::Error},
    {Event::ListInForce, "list_in_force", Level::Info},
    {Event::GuardHolds, "guard_holds", Level::Warning},
    {Event::GuardReleased, "guard_released", Level::Info},
    {Event::SetupRestored, "setup_restored", Level::Warning},
    {Event::SetupFailed, "setup_failed", Level::Error},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kinds.size(); ++i)
    if (kinds[i].event != static_cast<Event>(i))
      return false;
  return true;
}
static_assert(in_order());

} // namespace

const char *word(Level level) noexcept {
  switch (level) {
  case Level::Error: return "error";
  case Level::Warning: return "warning";
  case Level::Notice: return "notice";
  case Level::Info: return "info";
  }
  return "";
}

const std::array<EventKind, number_of_events> &all_events() noexcept { return kinds; }

const char *word(Event event) noexcept { return kinds[static_cast<std::size_t>(event)].name; }

Level level_of(Event event) noexcept { return kinds[static_cast<std::size_t>(event)].level; }

} // namespace banpush
