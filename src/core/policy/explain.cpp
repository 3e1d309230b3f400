#include "core/policy/explain.hpp"

#include "core/policy/address_bans.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include <fmt/format.h>

namespace banpush {

namespace {

std::string row_text(Verdict verdict, const RowRules &rules, const Bans &bans, const Ban &ban) {
  switch (verdict) {
  case Verdict::Wanted: return "in force";
  case Verdict::Expired: return "its time has run out";
  case Verdict::Unbanned: return ban.revoked == Ban::Revoked::ByOperator ? "unbanned by an operator" : "unbanned by fail2ban";
  default: return rules.why(bans, ban);
  }
}

std::vector<RowVerdict> rows_about(const Bans &bans, const Policy &policy, const std::vector<std::uint32_t> &rows) {
  const RowRules rules(bans, policy);
  AddressBans of_address(bans, policy);
  const std::vector<unsigned> places = of_address.places({rows.data(), rows.data() + rows.size()});
  std::vector<RowVerdict> verdicts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Ban &ban = bans.rows()[rows[i]];
    RowVerdict one;
    one.row = rows[i];
    one.left = rules.left(ban, places[i]);
    one.verdict = rules.filter(ban);
    if (one.left <= 0)
      one.verdict = Verdict::Expired;
    else if (one.verdict == Verdict::Wanted && rules.revoked(ban))
      one.verdict = Verdict::Unbanned;
    one.text = row_text(one.verdict, rules, bans, ban);
    verdicts.push_back(std::move(one));
  }
  std::stable_sort(verdicts.begin(), verdicts.end(),
                   [&](const RowVerdict &a, const RowVerdict &b) { return bans.rows()[a.row].age < bans.rows()[b.row].age; });
  return verdicts;
}

std::string why_none(AddressBans &of_address, Rows rows, const Tally &tally) {
  if (tally.verdict == Verdict::Expired)
    return "their time has run out";
  if (tally.verdict == Verdict::Unbanned)
    return "unbanned";
  return of_address.why(rows, tally);
}

std::string where(const NamedPrefix &named) { return fmt::format("{} ({})", named.prefix.text(), named.why); }

// The rows of each banned prefix at the address or around it, the narrowest first.
std::vector<std::vector<std::uint32_t>> bans_around(const Bans &bans, const std::vector<std::uint32_t> &about, const Prefix &prefix) {
  std::map<unsigned, std::vector<std::uint32_t>, std::greater<>> by_length;
  for (const std::uint32_t row : about)
    if (const Prefix &one = bans.rows()[row].block.prefix; one.contains(prefix))
      by_length[one.length()].push_back(row);
  std::vector<std::vector<std::uint32_t>> found;
  for (auto &[length, rows] : by_length)
    found.push_back(std::move(rows));
  return found;
}

// The rows of the one ban that decides: the narrowest; where an entry is wanted all the same, the narrowest that is in force.
std::vector<std::uint32_t> deciding_rows(std::vector<std::vector<std::uint32_t>> around, AddressBans &of_address, const Explanation &made) {
  if (around.empty())
    return {};
  if (made.entry)
    for (std::vector<std::uint32_t> &rows : around)
      if (of_address.tally({rows.data(), rows.data() + rows.size()}).in_force())
        return std::move(rows);
  return std::move(around.front());
}

} // namespace

Explanation explain(const Bans &bans, const Policy &policy, const std::vector<NamedPrefix> &protect, const Candidates &found,
                    const Prefix &prefix) {
  Explanation made;
  std::vector<std::uint32_t> about;
  for (std::uint32_t row = 0; row < bans.rows().size(); ++row)
    if (bans.rows()[row].block.prefix.overlaps(prefix))
      about.push_back(row);
  made.rows = rows_about(bans, policy, about);
  const auto step = [&made](const char *name, bool passes, std::string text) {
    made.steps.push_back({name, passes ? PolicyStep::Result::Passes : PolicyStep::Result::Stops, std::move(text)});
    return passes;
  };
  for (const Candidate &candidate : found.wanted)
    if (candidate.block.prefix.contains(prefix))
      made.entry = candidate.block;

  AddressBans of_address(bans, policy);
  const std::vector<std::uint32_t> rows = deciding_rows(bans_around(bans, about, prefix), of_address, made);
  if (rows.empty()) {
    step("in force", made.entry.has_value(), made.entry ? "not in the ban table, but a wider entry covers it" : "not in the ban table");
    if (made.entry)
      step("entry", true, made.entry->text());
    return made;
  }
  const Rows span{rows.data(), rows.data() + rows.size()};
  const Prefix &banned = bans.rows()[rows.front()].block.prefix;
  made.walked = banned;
  const Tally tally = of_address.tally(span);
  if (!step("in force", tally.in_force(),
            tally.in_force() ? fmt::format("{} of {} rows of {}, from {} host{}", tally.bans, rows.size(), banned.text(), tally.hosts,
                                           tally.hosts == 1 ? "" : "s")
                             : fmt::format("none of {} rows of {}: {}", rows.size(), banned.text(), why_none(of_address, span, tally))))
    return made;
  if (policy.quorum && !step("quorum", of_address.quorum(span), of_address.quorum(span) ? "met" : of_address.why_no_quorum(tally)))
    return made;
  const unsigned shortest = banned.family() == Family::IPv4 ? policy.shortest4 : policy.shortest6;
  if (!step("shortest", banned.length() >= shortest, fmt::format("/{}, the widest allowed is /{}", banned.length(), shortest)))
    return made;
  const auto space = policy.reserved_allowed ? std::nullopt : reserved(banned);
  if (!step("reserved", !space, space ? fmt::format("{} address space", *space) : "not reserved address space"))
    return made;
  const auto protecting = overlap(protect, prefix);
  if (!step("protected", !protecting, protecting ? where(*protecting) : "overlaps nothing protected"))
    return made;
  const auto allowing = overlap(policy.allow, prefix);
  if (!step("allowed", !allowing, allowing ? where(*allowing) : "overlaps nothing allowed"))
    return made;
  step("entry", made.entry.has_value(),
       made.entry ? (made.entry->prefix == prefix ? "as itself" : "within " + made.entry->text()) : "nothing wanted covers it");
  return made;
}

} // namespace banpush
