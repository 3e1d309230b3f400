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

// Where it is: in the table, what became of it being known; on its way there, in the spool; or in the table by another
// process, which took it from the spool and alone knows what became of it.
enum class Whereabouts { Table, Spool, TableByAnother };

struct RecordedBan {
  Whereabouts where = Whereabouts::Spool;
  Recorded recorded = Recorded::Added; // Table
  bool push_asked = false;
};
struct RecordedUnban {
  Whereabouts where = Whereabouts::Spool;
  Unbanned unbanned; // Table
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
