// What a device says, turned into what it holds: pure, bounded, and strict about incomplete answers.
#pragma once

#include "core/driver/driver.hpp"
#include "core/driver/installed.hpp"
#include "core/driver/values.hpp"

#include <map>
#include <string>
#include <vector>

namespace banpush {

// The replies to a driver's reads and proofs, in the driver's order.
struct Answers {
  std::vector<Reply> reads;    // one for each Driver::reads
  std::vector<Reply> in_force; // one for each Driver::in_force
};

// Throws Error (Device) where a reply is cut, failed, or not what a complete one looks like: an empty
// answer is not an empty list.
Installed parse(const Driver &driver, const Values &values, const Answers &answers);

// One read alone, for `drivers parse`: entries and foreign lines of a text.
Installed parse_read(const Driver &driver, const Read &read, const Values &values, const Reply &reply);

// What the reply says of a fact: a value, `yes`, or empty.
std::string learn(const Fact &fact, const Values &values, const Reply &reply);

// Whether a check's or a proof's reply is the expected one.
bool good(const Check &check, const Values &values, const Reply &reply);
bool good(const Proof &proof, const Values &values, const Reply &reply);

// The values a proof's lines and patterns may name: the device's, and those of the place it is about.
Values names_for(const Proof &proof, Values values);

// Noise lines removed, carriage returns and terminal sequences gone.
std::string without_noise(const std::vector<Pattern> &noise, std::string_view text);

} // namespace banpush
