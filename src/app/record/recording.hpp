// How a ban or an unban gets onto a disk: the table's, or our own spool's, within three seconds whatever hangs.
#pragma once

#include "app/world/spool.hpp"

#include <functional>
#include <optional>
#include <variant>

namespace banpush {

using ToRecord = std::variant<NewBan, SpooledUnban>;

// Whether a push is asked for, where what was recorded changes anything.
enum class AskForPush { No, Yes };

// What became of it; neither of both: it waits in the spool.
struct RecordedBan {
  std::optional<Recorded> recorded;
  bool push_asked = false;
};
struct RecordedUnban {
  std::optional<std::size_t> rows; // how many were concerned
  bool push_asked = false;
  bool spool_unread = false; // a ban that waits there may be in force after it: what waits could not be looked at
};

// Throws Error (Guard) where a ban may not be; may hang.
using BanGuard = std::function<void()>;

// Returns within three seconds, and what it returns is durable. Throws Error: Guard where it may not be banned, Table where
// it is on no disk.
RecordedBan record(const Settings &settings, const Config &config, NewBan ban, AskForPush ask, const BanGuard &guard = {});
RecordedUnban record(const Settings &settings, const Config &config, SpooledUnban unban, AskForPush ask);

} // namespace banpush
