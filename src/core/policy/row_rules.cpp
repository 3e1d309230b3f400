#include "core/policy/row_rules.hpp"

#include "core/bans/protocols.hpp"
#include "core/policy/life.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace banpush {

namespace {

// As rule_for(), for a reporting host.
const HostRule *rule_for_host(const Policy &policy, std::string_view host) noexcept {
  const HostRule *best = nullptr;
  for (const HostRule &rule : policy.hosts) {
    if (rule.pattern == host)
      return &rule;
    if (matches(rule.pattern, host) && (best == nullptr || rule.pattern.size() > best->pattern.size()))
      best = &rule;
  }
  return best;
}

} // namespace

RowRules::RowRules(const Bans &bans, const Policy &policy, Seconds elapsed)
    : jails_(bans.names()), hosts_(bans.names()), protocols_(rows_taken(policy.protocols)), honour_unban_(policy.honour_unban),
      bantime_(policy.bantime), max_age_(policy.max_age.value_or(permanent)), elapsed_(elapsed), escalate_(policy.escalate),
      trust_(policy.trust), protocol_words_(fmt::format("{}", fmt::join(policy.protocols, ", "))) {
  // A name may stand in either column: both tables are filled for each, which is still only a few.
  for (std::uint32_t i = 0; i < bans.names(); ++i) {
    if (const JailRule *rule = rule_for(policy, bans.name(i)))
      jails_[i] = {rule->bantime.value_or(-1), rule->weight, rule->ignore};
    if (const HostRule *rule = rule_for_host(policy, bans.name(i)))
      hosts_[i] = {rule->weight, rule->ignore};
  }
  const auto weighs = [](const auto &one) { return one.weight != 1.0; };
  weighs_ = !trust_.empty() || std::any_of(jails_.begin(), jails_.end(), weighs) || std::any_of(hosts_.begin(), hosts_.end(), weighs);
  for (const Family family : policy.families)
    (family == Family::IPv4 ? ipv4_ : ipv6_) = true;
}

Seconds RowRules::left(const Ban &ban, unsigned nth) const noexcept {
  const Seconds own = jails_[ban.jail].bantime;
  if (own < 0 && ban.until != Ban::no_until)
    return ban.until == Ban::never_ends ? permanent : ban.until - elapsed_;
  const Seconds length = escalated(escalate_, own < 0 ? bantime_ : own, nth);
  return length == permanent ? permanent : length - age(ban);
}

std::uint64_t RowRules::weighed(const Ban &ban) const noexcept {
  const double trust = ban.source < trust_.size() ? trust_[ban.source] : 1.0;
  return static_cast<std::uint64_t>(std::lround(std::clamp(1000 * jails_[ban.jail].weight * hosts_[ban.host].weight * trust, 0.0, 1e6)));
}

std::string RowRules::why(const Bans &bans, const Ban &ban) const {
  if (ban.age + elapsed_ < -most_ahead)
    return fmt::format("dated {} minutes ahead of the database's clock", -((ban.age + elapsed_) / 60));
  if (jails_[ban.jail].ignore)
    return fmt::format("jail {} is ignored", bans.name(ban.jail));
  if (hosts_[ban.host].ignore)
    return fmt::format("host {} is ignored", bans.name(ban.host));
  if (!protocols_[ban.protocol])
    return fmt::format("protocol {} is not pushed here (protocols: {})", protocol_text(ban.protocol), protocol_words_);
  if (age(ban) > max_age_)
    return fmt::format("older than max_age ({})", duration(max_age_));
  return ban.block.prefix.family() == Family::IPv4 ? "no IPv4 here" : "no IPv6 here";
}

} // namespace banpush
