// `bans`: the ban tables.
#pragma once

#include "config/document/document.hpp"
#include "settings/config.hpp"

#include <string>
#include <vector>

namespace banpush {

// One table for a mapping, several for a list of named ones. A default table where `node` is nothing.
std::vector<TableSource> tables_of(const Node *node, Problems &problems, const std::string &folder, std::vector<std::string> &notes);

} // namespace banpush
