#include "core/policy/life.hpp"

#include <algorithm>
#include <cmath>

namespace banpush {

const JailRule *rule_for(const Policy &policy, std::string_view jail) noexcept {
  const JailRule *best = nullptr;
  for (const JailRule &rule : policy.jails) {
    if (rule.pattern == jail)
      return &rule;
    if (matches(rule.pattern, jail) && (best == nullptr || rule.pattern.size() > best->pattern.size()))
      best = &rule;
  }
  return best;
}

Seconds length_for(const Policy &policy, std::string_view jail) noexcept {
  const JailRule *rule = rule_for(policy, jail);
  return rule != nullptr && rule->bantime ? *rule->bantime : policy.bantime;
}

Seconds escalated(const std::optional<Escalate> &escalate, Seconds bantime, unsigned nth) noexcept {
  if (!escalate || nth < 2 || bantime == permanent || bantime <= 0)
    return bantime;
  const double length = static_cast<double>(bantime) * std::pow(escalate->factor, static_cast<double>(nth - 1));
  return std::max(bantime, length < static_cast<double>(escalate->max) ? static_cast<Seconds>(length) : escalate->max);
}

std::optional<Seconds> seconds_left(const RawBan &row, const Policy &policy, unsigned nth) noexcept {
  if (row.revoked && (row.revoked_by_operator || policy.honour_unban))
    return std::nullopt;
  const JailRule *rule = rule_for(policy, row.name);
  const bool own = rule != nullptr && rule->bantime;
  if (!own && row.until)
    return *row.until > 0 ? row.until : std::nullopt;
  const Seconds length = escalated(policy.escalate, own ? *rule->bantime : policy.bantime, nth);
  if (length == permanent)
    return permanent;
  const Seconds left = length - std::max<Seconds>(row.age, 0);
  return left > 0 ? std::optional<Seconds>(left) : std::nullopt;
}

} // namespace banpush
