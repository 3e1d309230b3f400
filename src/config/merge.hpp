// Levels of configuration laid over each other: a device over its groups over `defaults`.
#pragma once

#include "config/document/document.hpp"

#include <vector>

namespace banpush {

// A copy of a device, a group or `defaults` in which keys of `policy` and `limits` that stand straight in
// it are moved there. One that stands in both places is a flaw.
Node normalised(const Node &level);

// All levels as one mapping, the first wins: mappings key by key, everything else whole. A secret is whole, too.
Node overlay(const std::vector<const Node *> &levels);

} // namespace banpush
