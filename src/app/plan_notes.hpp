// What a person should know of a plan beside what it does.
#pragma once

#include "core/plan/plan.hpp"
#include "settings/config.hpp"

#include <string>
#include <vector>

namespace banpush {

// Lists that do not stand or are not in force, though nothing waits for them; bans whose service is not kept.
std::vector<std::string> notes_on(const Plan &plan, const Device &device);

} // namespace banpush
