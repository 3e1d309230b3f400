// Taking rows of bans that are over out of a table, but for those that other bans need.
#pragma once

#include "bans/ban_table.hpp"

namespace banpush {

using IsKept = std::function<bool(const RawBan &)>;

// BanTable::prune(), which leaves what is `kept`. Throws as that does.
std::size_t prune(BanTable &table, Seconds older_than, const std::function<Seconds(const std::string &jail)> &lasts, const IsKept &kept);

} // namespace banpush
