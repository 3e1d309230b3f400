// What policy says of the rows of one address that a ban or an unban meets, by the rules by which `list` and `prune` count.
#pragma once

#include "app/world/spool.hpp"
#include "core/policy/policy.hpp"

#include <memory>
#include <vector>

namespace banpush {

// Each distinct policy, the top one first, then the devices'.
std::vector<const Policy *> policies_of(const Config &config);

// The ban with `lasts` as policy has it for the newest row of this table that the ban may extend: other bans of the address
// may make that longer. Unchanged where nothing escalates. Throws as BanTable::about() does.
NewBan with_escalation(NewBan ban, const Policy &policy, BanTable &table, const TableSource &source);

// Unbans in every table. Which of the rows were over is told for an operator. Throws TableError.
Unbanned unban_in(const std::vector<std::unique_ptr<BanTable>> &tables, const Config &config, const SpooledUnban &unban);

} // namespace banpush
