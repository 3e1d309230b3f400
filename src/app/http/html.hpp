// HTML as text. What comes from elsewhere is put in by text() alone, and is never markup; what comes from strangers goes through
// shown() (core/bans/ban.hpp) before.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace banpush::html {

// As it is to be read, also within quotes; controls as \xNN.
std::string text(std::string_view anything);

// A chart of bars beside each other, the first on the left, as SVG, with its numbers as a table that opens. Each bar has a label.
using Bars = std::vector<std::pair<std::string, std::size_t>>;
std::string columns(std::string_view title, const Bars &bars, std::string_view first, std::string_view last);
// Bars below each other with their labels, the longest as wide as the room.
std::string rows(std::string_view title, const Bars &bars);

} // namespace banpush::html
