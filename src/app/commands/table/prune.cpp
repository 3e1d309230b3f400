#include "app/commands/commands.hpp"
#include "app/pass.hpp"
#include "app/words/said_length.hpp"
#include "app/world/by_policy.hpp"
#include "app/world/spool.hpp"
#include "app/world/table_filter.hpp"
#include "core/policy/life.hpp"
#include "core/policy/repeats.hpp"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

Seconds longest_for(const std::vector<const Policy *> &policies, const std::string &jail) {
  Seconds longest = 0;
  for (const Policy *policy : policies)
    longest = std::max(longest, length_for(*policy, jail));
  return longest;
}

// A row of a table by a number of its own. Of two that come to the same number both are kept where one is to be.
std::size_t number_of(std::size_t table, const RawBan &row) {
  const auto key = fmt::format("{}\n{}\n{}\n{}\n{}", table, row.hostname, row.created, row.name, row.ip);
  return std::hash<std::string>{}(key);
}

// The rows that decide about other bans of their address.
std::unordered_set<std::size_t> needed_rows(const Config &config, const std::vector<std::unique_ptr<BanTable>> &tables, Seconds age) {
  std::vector<const Policy *> policies = policies_of(config);
  std::erase_if(policies, [](const Policy *one) { return !one->escalate && !one->quorum; });
  std::unordered_set<std::size_t> numbers;
  if (policies.empty())
    return numbers;
  Bans bans;
  std::vector<std::size_t> of_rows;
  for (std::size_t i = 0; i < tables.size(); ++i)
    tables[i]->each([&](const RawBan &row) {
      if (is_taken(config.tables[i], row))
        bans.add(row, static_cast<std::uint8_t>(i));
      if (of_rows.size() < bans.rows().size())
        of_rows.push_back(number_of(i, row));
    });
  for (const Policy *policy : policies) {
    const auto is_needed = needed(bans, *policy, age);
    for (std::size_t row = 0; row < of_rows.size(); ++row)
      if (is_needed[row])
        numbers.insert(of_rows[row]);
  }
  return numbers;
}

} // namespace

int prune(const Settings &settings, const std::string &older_than) {
  const Seconds age = said_length("prune --older-than", older_than);
  if (age == permanent)
    throw Error(ErrorKind::Usage, "prune --older-than permanent: nothing is that old; a length of time is meant, such as 90d");
  const Config config = load_all(settings);
  const auto policies = policies_of(config);
  const auto tables = open_all(config);
  for (std::size_t i = 0; i < tables.size(); ++i)
    has_side_tables_as_before(*tables[i], config.spool, config.tables[i].name); // rows without their notes are not what they were
  const auto kept = needed_rows(config, tables, age);
  std::size_t gone = 0;
  for (std::size_t i = 0; i < tables.size(); ++i)
    gone += tables[i]->prune(
        age, [&](const std::string &jail) { return longest_for(policies, jail); },
        [&](const RawBan &row) { return !kept.empty() && kept.contains(number_of(i, row)); });
  settings.console.out(settings.console.json() ? nlohmann::json{{"schema", 1}, {"pruned", gone}}.dump(2) + "\n"
                                               : fmt::format("{} row{} pruned\n", gone, gone == 1 ? "" : "s"));
  return 0;
}

} // namespace banpush
