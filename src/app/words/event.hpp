// The events of the service's log. Their names are for programs and stay as they are; docs/events.md has each, and a test compares.
#pragma once

#include <array>
#include <cstddef>

namespace banpush {

// As in syslog and in systemd's journal (sd-daemon(3)).
enum class Level { Error = 3, Warning = 4, Notice = 5, Info = 6 };
const char *word(Level level) noexcept;

enum class Event {
  // the service itself
  ServiceWaits,
  ServiceStarted,
  ServiceEnding,
  ServiceFailed,
  ServiceStuck,
  ServiceTrouble,
  CallerWaits,
  Descriptors,
  DescriptorsShort,
  ConfigurationRead,
  ConfigurationRefused,
  ConfigurationNeedsStart,
  HttpListening,
  HttpClosed,
  HttpFailed,
  AlertFailed,
  AlertsDelivered,
  StateFailed,
  StateRestored,
  // tables and spool
  TablesFailed,
  TablesRestored,
  TablesNote,
  SpoolFailed,
  SpoolRestored,
  SpoolWaits,
  SpoolEmpty,
  SpoolDelivered,
  SpoolCorrected,
  SpoolSetAside,
  // one device
  DeviceChanged,
  DeviceNote,
  DeviceUnreachable,
  DeviceLoginFailed,
  DeviceFailed,
  DeviceAnswers,
  DeviceUnsaved,
  DeviceSaved,
  DeviceUnconfirmed,
  DeviceSettled,
  DeviceRenamed,
  DeviceNamedAgain,
  DeviceGivenUp,
  ListNotInForce,
  ListInForce,
  GuardHolds,
  GuardReleased,
  SetupRestored,
  SetupFailed,
};

struct EventKind {
  Event event;
  const char *name; // lower case, parts joined by `_`
  Level level;
};

inline constexpr std::size_t number_of_events = static_cast<std::size_t>(Event::SetupFailed) + 1;
// Each once, in the order of the enumeration.
const std::array<EventKind, number_of_events> &all_events() noexcept;

const char *word(Event event) noexcept;
Level level_of(Event event) noexcept;

} // namespace banpush
