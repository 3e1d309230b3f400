#include "app/words/counts.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

// Behind the number of what is added: how many of it only come back.
std::string put_back_text(const Counts &counts, const char *put_back, const char *it_has, const char *they_have) {
  if (counts.put_back == 0)
    return {};
  const std::string which =
      counts.added == counts.put_back ? std::string(counts.added == 1 ? "" : "all ") : fmt::format("{} of them ", counts.put_back);
  return fmt::format(" ({}{}: {} gone from the device)", which, put_back, counts.put_back == 1 ? it_has : they_have);
}

} // namespace

Counts counts_of(const Change &change) {
  const auto back = std::count_if(change.add.begin(), change.add.end(), [](const Addition &one) { return one.put_back; });
  return {change.add.size(), change.remove.size(), static_cast<std::size_t>(back)};
}

std::string done_text(const Counts &counts) {
  return fmt::format("{} added{}, {} removed", counts.added, put_back_text(counts, "put back", "it had", "they had"), counts.removed);
}

std::string planned_text(const Counts &counts) {
  return fmt::format("{} to add{}, {} to remove", counts.added, put_back_text(counts, "to be put back", "it has", "they have"),
                     counts.removed);
}

nlohmann::json to_json(const std::optional<Counts> &counts) {
  if (!counts)
    return nullptr;
  return {{"added", counts->added}, {"removed", counts->removed}, {"put_back", counts->put_back}};
}

} // namespace banpush
