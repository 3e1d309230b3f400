// The places of a device at which its lists are bound (interface and direction), as names that a driver's
// lines, patterns and templates may use.
#pragma once

#include "core/driver/driver.hpp"
#include "core/driver/installed.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace banpush {

using Places = std::vector<std::pair<std::string, std::string>>; // interface, direction (in or out)

// interface, direction (in, out), ingress (ingress, egress), input (input, output), and the interface cut at
// its last dot: physical and unit (ge-0/0/0.7 → ge-0/0/0 and 7; without a dot unit 0), and cut where its number begins:
// type and slot (GigabitEthernet0/0/1.100 → GigabitEthernet and 0/0/1.100).
std::map<std::string, std::string> names_of_place(const std::string &interface, const std::string &direction);
// What names_of_place gives, for checking drivers.
const std::vector<std::string> &place_names();

// The driver as it is asked about one device: proofs `per: attach` stand once for each place.
Driver at_places(Driver driver, const Places &places);

// Why this stage must not be sent, one text for each reason; empty when it may. `facts` with the states of
// the lists in them.
std::vector<std::string> refusals(const Driver &driver, Stage stage, const std::map<std::string, std::string> &values, const Facts &facts,
                                  const Places &places);

} // namespace banpush
