// The places where filters are bound, as a proof's reply shows them: in which order packets meet the filters of one.
#pragma once

#include "core/driver/driver.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

struct FilterPlace {
  std::string name;                 // as the device spells it; empty where `path.called` does not tell
  bool is_asked = false;            // it has all of `path.at`
  std::vector<std::string> filters; // bound there, each once, in the order in which packets meet them
};

// In the order in which they are shown. Lines that `is_off` names bind nothing and make no place. `path` is as for walk(), with
// `place`.
std::vector<FilterPlace> places_in(const Path &path, std::string_view text, const std::function<bool(std::string_view)> &is_off);

} // namespace banpush
