// Which lists of a driver are used on a device: all but those of families that its policy leaves out, and those that the device
// has not got.
#pragma once

#include "core/reading/parse.hpp"

#include <set>
#include <string>
#include <vector>

namespace banpush {

// Lists that hold none of these families.
std::set<std::string> lists_without(const Driver &driver, const std::set<Family> &families);

// The driver without these lists: nothing of them is asked, made or bound. Facts and checks that name one of them in their lines,
// and facts that say they are about them, are not asked.
Driver without_lists(Driver driver, const std::set<std::string> &lists);

// As templates are told of lists that are not used: what stands and is in force needs no setup, what does not stand no removal.
Facts with_unused(Facts facts, const std::set<std::string> &lists, Stage stage);

// Why nothing of any list is asked of this device; `facts` are those that are always learnt.
std::vector<std::string> refusals_to_read(const Driver &driver, const Values &values, const Facts &facts);

} // namespace banpush
