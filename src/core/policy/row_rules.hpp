// A policy made ready for the rows of one table: which filters a row fails, and how long it runs.
#pragma once

#include "core/policy/policy.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace banpush {

// Rows dated further ahead than this are not trusted: an hour for clocks that went back in October,
// and ten minutes for clocks that are wrong.
inline constexpr std::int32_t most_ahead = 70 * 60;

class RowRules {
public:
  // `elapsed`: seconds since the rows were read; every row is that much older by now.
  RowRules(const Bans &bans, const Policy &policy, Seconds elapsed = 0);

  // Wanted: the row is evidence, in force or not. Else Future or Ignored.
  Verdict filter(const Ban &ban) const noexcept {
    if (ban.age + elapsed_ < -most_ahead)
      return Verdict::Future;
    const bool family = ban.block.prefix.family() == Family::IPv4 ? ipv4_ : ipv6_;
    return !family || jails_[ban.jail].ignore || hosts_[ban.host].ignore || !protocols_[ban.protocol] || age(ban) > max_age_
               ? Verdict::Ignored
               : Verdict::Wanted;
  }
  // Seconds the row still runs, `permanent`, or 0 and less when it is over. It is the nth ban of its
  // address within escalate.window.
  Seconds left(const Ban &ban, unsigned nth) const noexcept;
  // The same for a row in force that max_age ends sooner than its own time.
  Seconds ends_in(const Ban &ban, Seconds left) const noexcept {
    return max_age_ == permanent ? left : std::min(left, max_age_ - age(ban) + 1);
  }
  // Whether an unban that counts for this policy ended it.
  bool revoked(const Ban &ban) const noexcept {
    return ban.revoked == Ban::Revoked::ByOperator || (ban.revoked == Ban::Revoked::ByFail2ban && honour_unban_);
  }
  // Jail × host × trust of the table, in thousandths, so that sums do not depend on the order.
  std::uint64_t weight(const Ban &ban) const noexcept { return weighs_ ? weighed(ban) : 1000; }
  // One clause for people on what filter() found.
  std::string why(const Bans &bans, const Ban &ban) const;

  std::int32_t age(const Ban &ban) const noexcept {
    return static_cast<std::int32_t>(std::clamp<Seconds>(ban.age + elapsed_, 0, std::numeric_limits<std::int32_t>::max() - 1));
  }

private:
  struct Jail {
    Seconds bantime = -1; // -1: none of its own
    double weight = 1;
    bool ignore = false;
  };
  struct Host {
    double weight = 1;
    bool ignore = false;
  };
  std::uint64_t weighed(const Ban &ban) const noexcept;

  std::vector<Jail> jails_; // by the index of Bans::name
  std::vector<Host> hosts_;
  std::array<bool, 256> protocols_; // by Ban::protocol
  bool ipv4_ = false, ipv6_ = false, honour_unban_;
  bool weighs_ = false; // whether any weight is not 1
  Seconds bantime_, max_age_, elapsed_;
  std::optional<Escalate> escalate_;
  std::vector<double> trust_;
  std::string protocol_words_;
};

} // namespace banpush
