#include "app/world/table_filter.hpp"

#include <algorithm>

namespace banpush {

namespace {

bool is_among(const std::vector<std::string> &patterns, std::string_view name) noexcept {
  return patterns.empty() ||
         std::any_of(patterns.begin(), patterns.end(), [name](const std::string &pattern) { return matches(pattern, name); });
}

} // namespace

bool is_taken(const TableSource &source, const RawBan &row) noexcept {
  return is_among(source.only_jails, row.name) && is_among(source.only_hosts, row.hostname);
}

} // namespace banpush
