#include "core/reading/filter_places.hpp"

#include <algorithm>
#include <unordered_map>

namespace banpush {

namespace {

// `/a/b/name x` → `/a/b`.
std::string_view parent_of(std::string_view line) {
  const std::string_view path = line.substr(0, line.find(' '));
  return path.substr(0, std::min(path.rfind('/'), path.size()));
}

// Its own lines, and those that stand right in what it stands in: the name of an interface is a leaf of the interface, and the place
// one of its units.
struct Lines {
  std::vector<std::pair<std::string, std::string>> places; // in the order in which they begin
  std::unordered_map<std::string, std::string> around;     // by what they stand in

  std::string text_of(const std::pair<std::string, std::string> &place) const {
    std::string text;
    for (std::size_t at = place.first.find('/', 1); at != std::string::npos; at = place.first.find('/', at + 1))
      if (const auto found = around.find(place.first.substr(0, at)); found != around.end())
        text += found->second;
    return text + place.second;
  }
};

Lines lines_in(const Path &path, std::string_view text, const std::function<bool(std::string_view)> &is_off) {
  Lines lines;
  std::unordered_map<std::string, std::size_t> known;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (is_off(line))
      continue;
    lines.around[std::string(parent_of(line))].append(line).append("\n");
    const auto match = path.place.match(line);
    if (!match)
      continue;
    const auto [place, is_new] = known.try_emplace(std::string(match->group("place").value_or("")), lines.places.size());
    if (is_new)
      lines.places.emplace_back(place->first, std::string());
    lines.places[place->second].second.append(line).append("\n");
  }
  return lines;
}

std::string name_in(const Pattern::Match &called) {
  std::string name(called.group("type").value_or(""));
  name += called.group("name").value_or("");
  if (const auto unit = called.group("unit"))
    name += "." + std::string(*unit);
  return name;
}

} // namespace

std::vector<FilterPlace> places_in(const Path &path, std::string_view text, const std::function<bool(std::string_view)> &is_off) {
  std::vector<FilterPlace> places;
  const Lines lines = lines_in(path, text, is_off);
  for (const auto &one : lines.places) {
    const std::string shown = lines.text_of(one);
    FilterPlace place;
    if (const auto called = path.called.match(shown))
      place.name = name_in(*called);
    place.is_asked = std::all_of(path.at.begin(), path.at.end(), [&](const Pattern &pattern) { return pattern.found_in(shown); });
    for (const Pattern &pattern : path.bound)
      for (const Pattern::Match &bound : pattern.all(shown)) {
        std::string name(bound.group("name").value_or(""));
        if (!name.empty() && std::find(place.filters.begin(), place.filters.end(), name) == place.filters.end())
          place.filters.push_back(std::move(name));
      }
    places.push_back(std::move(place));
  }
  return places;
}

} // namespace banpush
