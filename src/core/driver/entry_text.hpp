// One entry as a device writes it, from named pieces of text to a block: shared by what reads lists
// and by what reads scripts back.
#pragma once

#include "core/address/block.hpp"
#include "core/driver/driver.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace banpush {

// Gives the text of a named piece (`prefix`, `address`, `wildcard`, …), or nothing.
using Pieces = std::function<std::optional<std::string_view>(std::string_view name)>;

struct EntryText {
  std::optional<Block> block;   // what it blocks, where it is exactly one block of our shape
  std::optional<Prefix> covers; // for an entry that is not: what it covers, where that is one prefix
  std::optional<Prefix> around; // the smallest prefix that all of it lies in
};

// Pieces: prefix | slug (a name with the prefix in it) | address with length, netmask or wildcard (none: a host) | first and last; and
// protocol with port (or port_first, port_last). Odd masks, host bits and ranges that are no prefix
// give no block.
EntryText entry_of(const Pieces &pieces);

// The same pieces with the platform's words for ports and protocols turned into ours. `driver` and `pieces`
// must outlive them.
Pieces in_our_words(const Driver &driver, const Pieces &pieces);

} // namespace banpush
