// Which rows of a table count at all: what `only_jails` and `only_hosts` say of it.
#pragma once

#include "settings/config.hpp"

namespace banpush {

// Whether the row's jail and host are among those that are taken from this table; empty: all are.
bool is_taken(const TableSource &source, const RawBan &row) noexcept;

} // namespace banpush
