// The steps by which something is recorded, told one by one: each may hang, so they run in a process that is waited for
// with a bound (recording.cpp).
#pragma once

#include "app/record/bannable.hpp"
#include "app/record/bounded_work.hpp"
#include "app/record/recording.hpp"

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace banpush {

// What is told, as "step": our disk was looked at, and the table's turn it is; that could not be had; it has it ("recorded", or
// "rows" and "over"); our disk has it; it may be; what waits there reached the table, or still waits ("waits"; where this process
// took it there, also what the table made of it); a push was asked for ("asked").
namespace step {
inline constexpr const char *looked = "looked", *refused = "refused", *recorded = "recorded", *spooled = "spooled", *judged = "judged",
                            *settled = "settled", *pushed = "pushed";
}

class Steps {
public:
  Steps(const Settings &settings, const Config &config, const ToRecord &what, const Instant &decided, AskForPush ask, const BanGuard &guard,
        BoundedWork::Tell tell)
      : settings_(settings), config_(config), what_(what), decided_(decided), ask_(ask), guard_(guard), tell_(std::move(tell)) {}

  // To the table, or where that cannot be reached or others wait already, into the spool.
  void all();
  // To the table only: the spool does not answer. Throws TableError.
  void table_only();
  // Into the spool only: the table does not answer.
  void spool_only();
  // Asks for a push of what was recorded, where it is due.
  void push(bool due);

private:
  bool must_queue();
  bool to_table(); // whether it changed anything
  bool to_table(const NewBan &ban);
  bool to_table(const SpooledUnban &unban);
  enum class Table { Gone, Refused, NotTried };
  void to_spool(Table table);
  void judge(const std::vector<AllowRow> &allowed, const Reporters &reporters, const std::vector<NamedPrefix> &logins);
  void judge_by_names();
  void set_aside(const TableError &error);
  void judge_spooled(Spool &spool, const NewBan &ban, std::int64_t line);
  nlohmann::json deliver_waiting(Spool &spool, std::int64_t line, Table table); // what is told of this line
  void require_side_tables_as_before(BanTable &table, const std::string &name);

  const Settings &settings_;
  const Config &config_;
  const ToRecord &what_;
  const Instant &decided_;
  const AskForPush ask_;
  const BanGuard &guard_;
  const BoundedWork::Tell tell_;
  std::string why_gone_ = "it gave no answer in time";
  bool spool_unread_ = false; // something may wait there, and it cannot be looked at
};

} // namespace banpush
