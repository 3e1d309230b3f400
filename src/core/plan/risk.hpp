// Which changes could hurt: those go to a device on trial, where it takes back by itself what nobody confirms.
#pragma once

#include "core/policy/policy.hpp"
#include "core/script/script.hpp"

#include <cstddef>
#include <string>

namespace banpush {

// Why it could, for people: `the first entries on the device`, `a network, 192.0.2.0/24`; empty: some hosts, as on any day.
// `installed` is how many entries of ours the device holds.
std::string risk_of(const Change &change, std::size_t installed, const Limits &limits);

} // namespace banpush
