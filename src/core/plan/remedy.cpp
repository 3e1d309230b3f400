#include "core/error.hpp"
#include "core/plan/plan.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace banpush {

namespace {

bool is_liftable(const std::string &name) {
  return std::any_of(liftable.begin(), liftable.end(), [&](const char *limit) { return name == limit; });
}

} // namespace

std::set<std::string> forced_limits(const std::vector<std::string> &names) {
  for (const std::string &name : names)
    if (!is_liftable(name))
      throw Error(ErrorKind::Usage,
                  fmt::format("--force {}: only the limits {} can be lifted; docs/operations.md says of each other one what lifts it",
                              shown(name), fmt::join(liftable, ", ")));
  return {names.begin(), names.end()};
}

std::string remedy_of(const GuardNote &note, const std::string &device) {
  if (is_liftable(note.name))
    return fmt::format("`banpush push {} --force {}` lets it go", device, note.name);
  if (note.name == "in_force")
    return fmt::format("nothing lifts that: `banpush setup {}` shows what the device lacks", device);
  if (note.name == "shadowed")
    return "nothing lifts that: take the earlier rule out, or move it behind the entries of banpush";
  if (note.name == "numbers")
    return "nothing lifts that: free numbers in the range, or move a rule that permits everything behind it";
  if (note.name == "capacity")
    return fmt::format("nothing lifts that: a smaller `budget` of {} does", device);
  if (note.name == "shortest")
    return "nothing lifts that: unban it, or let policy.shortest be wider";
  if (note.name == "protected")
    return "nothing lifts that: unban it, or end what protects it";
  if (note.name == "allow")
    return "nothing lifts that: unban it, or take the line out of the allowlist";
  if (note.name == "script")
    return "nothing lifts that: the driver's templates and its patterns for reading a script back do not agree";
  return {};
}

std::string said_of(const GuardNote &note, const std::string &device) {
  std::string by;
  if (note.effect != GuardNote::Effect::Passes)
    by = fmt::format("{} by {}: ", note.refuses() ? "refused" : "held", note.name);
  const std::string remedy = remedy_of(note, device);
  return fmt::format("{}{}{}{}", by, note.message, remedy.empty() ? "" : "; ", remedy);
}

} // namespace banpush
