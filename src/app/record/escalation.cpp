#include "app/record/escalation.hpp"

#include "core/policy/life.hpp"

#include <algorithm>

namespace banpush {

NewBan with_escalation(NewBan ban, const Policy &policy, BanTable &table) {
  if (!policy.escalate || ban.lasts <= 0 || ban.lasts == permanent)
    return ban;
  const auto rows = table.about(ban.ip);
  const auto same = std::find_if(rows.begin(), rows.end(), [&](const ListedBan &row) {
    return row.jail == ban.jail && row.hostname == ban.hostname && row.protocol == ban.protocol && row.port == ban.port;
  });
  if (same == rows.end() || same->until)
    return ban;
  const auto counts = [&](const ListedBan &row) { return row.age > same->age && row.age - same->age <= policy.escalate->window; };
  ban.lasts = escalated(policy.escalate, ban.lasts, 1 + static_cast<unsigned>(std::count_if(rows.begin(), rows.end(), counts)));
  return ban;
}

} // namespace banpush
