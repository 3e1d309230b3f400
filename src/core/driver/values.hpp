// The values that a driver's lines, templates and patterns may name for one device.
#pragma once

#include "core/driver/driver.hpp"
#include "core/driver/installed.hpp"

#include <map>
#include <string>

namespace banpush {

// The values a driver's lines and templates may name for one device: params (given or standard) and
// the device's names of the lists.
using Values = std::map<std::string, std::string>;

// The values of params, standard ones where the device gives none, and the lists' names.
Values values_of(const Driver &driver, const std::map<std::string, std::string> &params);

// Whether a `when` holds: empty does; a fact, capability or param with a value does; `!name` turns it.
bool holds(const std::string &when, const Values &values, const Facts &facts);

// The pattern with the device's own names put in for {{name}}, each matching only itself.
Pattern bound(const Pattern &pattern, const Values &values);

} // namespace banpush
