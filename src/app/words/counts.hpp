// How much a change adds and removes, in one clause for people.
#pragma once

#include "core/script/script.hpp"

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace banpush {

struct Counts {
  std::size_t added = 0, removed = 0;
  std::size_t put_back = 0; // of those added: what the device held when it was last read back, and had lost since
};
Counts counts_of(const Change &change);

// `3 added (2 of them put back: they had gone from the device), 1 removed`.
std::string done_text(const Counts &counts);
// `3 to add (2 of them to be put back: they have gone from the device), 1 to remove`.
std::string planned_text(const Counts &counts);
nlohmann::json to_json(const std::optional<Counts> &counts); // null where there are none

} // namespace banpush
