#include "core/policy/address_bans.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

namespace banpush {

namespace {

// How much a verdict on one row tells of why the address is not wanted.
int telling(Verdict verdict) noexcept {
  switch (verdict) {
  case Verdict::Wanted: return 5;
  case Verdict::Unbanned: return 4;
  case Verdict::Ignored: return 3;
  case Verdict::Future: return 2;
  default: return 1;
  }
}

// 1 / (1 + age / half), in units of 2^-20, so that sums do not depend on the order of rows.
std::uint64_t recency(std::int32_t age, Seconds half) noexcept {
  const auto scale = static_cast<std::uint64_t>(std::clamp<Seconds>(half, 1, 100 * 365 * day));
  return (scale << 20U) / (scale + static_cast<std::uint64_t>(age));
}
constexpr double recency_unit = 1.0 / (1U << 20U) / 1000; // and the thousandths of RowRules::weight

bool within(const Service &inner, const Service &outer) noexcept {
  if (outer.is_any())
    return true;
  return inner.protocol == outer.protocol &&
         (outer.last == 0 || (inner.first >= outer.first && inner.last <= outer.last && inner.last != 0));
}

} // namespace

// The hosts that reported within a window of time. The heaviest report of each counts.
class AddressBans::HostsInWindow {
public:
  enum class Weights : bool { Ignored, Summed };
  HostsInWindow(std::vector<std::uint32_t> &reports_of, Weights weights) : reports_of_(reports_of), weights_(weights) {}

  void enter(const Report &report) {
    size_ += reports_of_[report.host]++ == 0 ? 1 : 0;
    if (weights_ == Weights::Summed)
      change(report, [](std::map<std::uint64_t, std::uint32_t> &of_host, std::uint64_t weight) { ++of_host[weight]; });
  }
  void leave(const Report &report) {
    size_ -= --reports_of_[report.host] == 0 ? 1 : 0;
    if (weights_ == Weights::Summed)
      change(report, [](std::map<std::uint64_t, std::uint32_t> &of_host, std::uint64_t weight) {
        if (--of_host[weight] == 0)
          of_host.erase(weight);
      });
  }

  std::size_t size() const noexcept { return size_; }
  std::uint64_t weight() const noexcept { return weight_; }

private:
  template <typename Change>
  void change(const Report &report, Change change) {
    std::map<std::uint64_t, std::uint32_t> &of_host = hosts_[report.host];
    weight_ -= of_host.empty() ? 0 : of_host.rbegin()->first;
    change(of_host, report.weight);
    weight_ += of_host.empty() ? 0 : of_host.rbegin()->first;
  }

  std::vector<std::uint32_t> &reports_of_; // by host; all zero but while a window stands
  Weights weights_;
  std::unordered_map<std::uint32_t, std::map<std::uint64_t, std::uint32_t>> hosts_; // how many reports of each weight
  std::size_t size_ = 0;
  std::uint64_t weight_ = 0;
};

bool AddressBans::first_seen(std::uint32_t host) noexcept {
  const bool first = seen_[host] != round_;
  seen_[host] = round_;
  return first;
}

void AddressBans::note_ages(Rows rows) {
  ages_.clear();
  if (!policy_.escalate || rows.size() < 2)
    return;
  for (const std::uint32_t row : rows)
    if (rules_.filter(bans_.rows()[row]) == Verdict::Wanted)
      ages_.push_back(rules_.age(bans_.rows()[row]));
  std::sort(ages_.begin(), ages_.end());
}

// One more than there are older bans within the window.
unsigned AddressBans::place(std::int32_t age) const noexcept {
  if (ages_.empty())
    return 1;
  const auto older = std::upper_bound(ages_.begin(), ages_.end(), age);
  const auto end = std::upper_bound(older, ages_.end(), age + std::min(policy_.escalate->window, permanent - age));
  return 1 + static_cast<unsigned>(end - older);
}

std::vector<unsigned> AddressBans::places(Rows rows) {
  note_ages(rows);
  std::vector<unsigned> found;
  for (const std::uint32_t row : rows)
    found.push_back(place(rules_.age(bans_.rows()[row])));
  return found;
}

Tally AddressBans::tally(Rows rows) {
  note_ages(rows);
  ++round_;
  Tally tally;
  std::uint64_t heat = 0;
  tally.age = std::numeric_limits<std::int32_t>::max();
  for (const std::uint32_t *at = rows.first; at != rows.last; ++at) {
    // Rows of one address lie anywhere in the table: the next ones are on their way meanwhile.
    __builtin_prefetch(&bans_.rows()[at[std::min<std::ptrdiff_t>(8, rows.last - at - 1)]]);
    const Ban &ban = bans_.rows()[*at];
    const std::int32_t age = rules_.age(ban);
    Verdict verdict = rules_.filter(ban);
    tally.only_ahead = tally.only_ahead && verdict == Verdict::Future;
    if (verdict == Verdict::Wanted && ban.revoked != Ban::Revoked::ByOperator)
      heat += rules_.weight(ban) * recency(age, policy_.worth.recency);
    const Seconds left = rules_.left(ban, place(age));
    if (left <= 0)
      verdict = Verdict::Expired;
    else if (verdict == Verdict::Wanted && rules_.revoked(ban)) {
      verdict = Verdict::Unbanned;
      tally.by_operator = tally.by_operator || ban.revoked == Ban::Revoked::ByOperator;
    }
    if (telling(verdict) > telling(tally.verdict))
      tally.verdict = verdict;
    if (verdict != Verdict::Wanted)
      continue;
    if (age < tally.age || (age == tally.age && bans_.name(ban.jail) < bans_.name(tally.jail)) || tally.bans == 0)
      tally.jail = ban.jail;
    tally.age = std::min(tally.age, age);
    tally.since = std::max(tally.since, age);
    tally.until = std::max(tally.until, rules_.ends_in(ban, left));
    tally.hosts += first_seen(ban.host) ? 1 : 0;
    ++tally.bans;
  }
  tally.history = static_cast<std::uint32_t>(rows.size());
  tally.worth = static_cast<double>(heat) * recency_unit * std::pow(static_cast<double>(tally.hosts), policy_.worth.hosts);
  return tally;
}

std::uint32_t AddressBans::hosts(Rows rows) {
  std::uint32_t found = 0;
  std::set<std::uint32_t> distinct;
  for (const std::uint32_t *first = rows.first; first != rows.last;) {
    const Prefix &prefix = bans_.rows()[*first].block.prefix;
    const std::uint32_t *last = std::find_if(first, rows.last, [&](std::uint32_t row) { return bans_.rows()[row].block.prefix != prefix; });
    note_ages({first, last});
    for (; first != last; ++first) {
      const Ban &ban = bans_.rows()[*first];
      if (rules_.filter(ban) == Verdict::Wanted && !rules_.revoked(ban) && rules_.left(ban, place(rules_.age(ban))) > 0)
        found += distinct.insert(ban.host).second ? 1 : 0;
    }
  }
  return found;
}

std::vector<Prefix> AddressBans::prefixes_in_force(Rows rows) {
  note_ages(rows);
  std::vector<Prefix> found;
  for (const std::uint32_t row : rows) {
    const Ban &ban = bans_.rows()[row];
    const bool is_known = !found.empty() && found.back() == ban.block.prefix;
    if (!is_known && rules_.filter(ban) == Verdict::Wanted && !rules_.revoked(ban) && rules_.left(ban, place(rules_.age(ban))) > 0)
      found.push_back(ban.block.prefix);
  }
  return found;
}

std::vector<ServiceTally> AddressBans::by_service(Rows rows) {
  note_ages(rows);
  std::map<Service, ServiceTally> found;
  for (const std::uint32_t row : rows) {
    const Ban &ban = bans_.rows()[row];
    const Seconds left = rules_.left(ban, place(rules_.age(ban)));
    if (rules_.filter(ban) != Verdict::Wanted || rules_.revoked(ban) || left <= 0)
      continue;
    ServiceTally &one = found[ban.block.service];
    one.service = ban.block.service;
    one.until = std::max(one.until, rules_.ends_in(ban, left));
    ++one.bans;
  }
  std::vector<ServiceTally> kept;
  for (const auto &[service, one] : found) {
    const auto is_wider = [&mine = service](const auto &other) { return other.first != mine && within(mine, other.first); };
    const auto wider = std::find_if(found.begin(), found.end(), is_wider);
    if (wider == found.end())
      kept.push_back(one);
  }
  return kept;
}

void AddressBans::note_reports(Rows rows) {
  reports_.clear();
  note_ages(rows);
  for (const std::uint32_t row : rows) {
    const Ban &ban = bans_.rows()[row];
    if (rules_.filter(ban) != Verdict::Wanted || ban.revoked == Ban::Revoked::ByOperator)
      continue;
    const std::int32_t age = rules_.age(ban);
    reports_.push_back({age, ban.host, rules_.weight(ban), !rules_.revoked(ban) && rules_.left(ban, place(age)) > 0});
  }
}

bool AddressBans::quorum(Rows rows) {
  const Quorum &quorum = *policy_.quorum;
  note_reports(rows);
  ++round_;
  std::size_t distinct = 0;
  for (const Report &report : reports_)
    distinct += first_seen(report.host) ? 1 : 0;
  const bool counted = quorum.hosts == 0 && quorum.bans == 0;
  if (!counted && (quorum.hosts == 0 || distinct < quorum.hosts) && (quorum.bans == 0 || reports_.size() < quorum.bans))
    return false; // not even all of them are enough
  std::sort(reports_.begin(), reports_.end(), [](const Report &a, const Report &b) { return a.age < b.age; });

  // A window that slides over time.
  HostsInWindow hosts(in_window_, quorum.weight > 0 ? HostsInWindow::Weights::Summed : HostsInWindow::Weights::Ignored);
  const auto least_weight = static_cast<std::uint64_t>(std::llround(quorum.weight * 1000));
  std::size_t in_force = 0, oldest = 0;
  for (std::size_t i = 0; i < reports_.size(); ++i) {
    hosts.enter(reports_[i]);
    in_force += reports_[i].in_force ? 1 : 0;
    for (; reports_[i].age - reports_[oldest].age > quorum.within; ++oldest) {
      hosts.leave(reports_[oldest]);
      in_force -= reports_[oldest].in_force ? 1 : 0;
    }
    const bool enough_hosts = quorum.hosts > 0 && hosts.size() >= quorum.hosts;
    const bool enough_bans = quorum.bans > 0 && i + 1 - oldest >= quorum.bans;
    if (in_force > 0 && (counted || enough_hosts || enough_bans) && hosts.weight() >= least_weight) {
      for (; oldest <= i; ++oldest)
        hosts.leave(reports_[oldest]);
      return true;
    }
  }
  for (; oldest < reports_.size(); ++oldest)
    hosts.leave(reports_[oldest]);
  return false;
}

std::string AddressBans::why(Rows rows, const Tally &tally) {
  const std::vector<unsigned> nth = places(rows);
  const Ban *told = nullptr;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Ban &ban = bans_.rows()[rows.first[i]];
    // Of several, the newest; of equally new ones, by the names, so that the order of rows does not matter.
    if (rules_.filter(ban) == tally.verdict && rules_.left(ban, nth[i]) > 0 &&
        (told == nullptr || std::make_tuple(ban.age, bans_.name(ban.jail), bans_.name(ban.host), ban.protocol) <
                                std::make_tuple(told->age, bans_.name(told->jail), bans_.name(told->host), told->protocol)))
      told = &ban;
  }
  return told == nullptr ? std::string() : rules_.why(bans_, *told);
}

std::string AddressBans::why_no_quorum(const Tally &tally) const {
  const Quorum &quorum = *policy_.quorum;
  std::string asked;
  if (quorum.hosts > 0)
    asked += fmt::format("{} hosts", quorum.hosts);
  if (quorum.bans > 0)
    asked += fmt::format("{}{} bans", asked.empty() ? "" : " or ", quorum.bans);
  if (quorum.weight > 0)
    asked += fmt::format("{}weight {}", asked.empty() ? "" : " and ", quorum.weight);
  return fmt::format("{} {} by {} {} in force, no quorum of {} within {}", tally.bans, tally.bans == 1 ? "ban" : "bans", tally.hosts,
                     tally.hosts == 1 ? "host" : "hosts", asked, duration(quorum.within));
}

} // namespace banpush
