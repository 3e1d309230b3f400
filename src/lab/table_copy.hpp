// The operator's ban tables as copies in files of their own: read once, and never written; SQLite's stay in the mode they are in.
#pragma once

#include "settings/config.hpp"

#include <string>
#include <vector>

namespace banpush::lab {

struct TableCopied {
  std::string name, path, from; // as the configuration calls it; the copy; where the rows are from, for people
  std::size_t rows = 0;
};

// One copy for each table of the configuration, in its order, in `folder`. `bans`: a file with an address or prefix a line that is
// read instead of all of them; empty: the tables themselves. Throws Error (Table) where a table cannot be read.
std::vector<TableCopied> copy_tables(const Config &config, const std::string &bans, const std::string &folder);

// A copy of the state file, with its ledger and pauses; the file itself is only read. Why there is none; empty where there is.
std::string copy_state(const std::string &state, const std::string &copy);

} // namespace banpush::lab
