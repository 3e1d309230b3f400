#include "core/policy/live_bans.hpp"

#include "core/policy/row_rules.hpp"

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace banpush {

namespace {

constexpr std::int32_t same_time = 2; // two clocks' seconds do not begin together

// The row as the whole reading would have shown it.
RawBan at_first_reading(RawBan row, Seconds elapsed) {
  if (row.age != permanent)
    row.age -= elapsed;
  if (row.until && *row.until != permanent)
    *row.until += elapsed;
  return row;
}

bool alike(std::int32_t a, std::int32_t b) noexcept { return std::abs(static_cast<Seconds>(a) - b) <= same_time; }

bool says_the_same(const Ban &a, const Ban &b) noexcept { return a.revoked == b.revoked && alike(a.until, b.until) && alike(a.age, b.age); }

} // namespace

// FNV-1a. A fraction of a second that is nothing does not count: one database shows it, another does not.
std::uint32_t key_of_time(std::string_view created) noexcept {
  if (const auto dot = created.find('.');
      dot != std::string_view::npos && created.find_first_not_of('0', dot + 1) == std::string_view::npos)
    created = created.substr(0, dot);
  std::uint32_t key = 2166136261U;
  for (const char c : created)
    key = (key ^ static_cast<unsigned char>(c)) * 16777619U;
  return key;
}

LiveBans::LiveBans(Bans bans, std::optional<std::vector<std::uint32_t>> times) : bans_(std::move(bans)), times_(std::move(times)) {
  bans_.settle();
  order_ = bans_.order();
  leave_out_repeated();
  for (const Ban &ban : bans_.rows())
    note_ahead(ban);
}

// Rows of one address, jail, host, service and time are one ban: put() has to take a row that comes again for the one that is there,
// so a whole reading that counted both would come to something else than the same rows one by one.
void LiveBans::leave_out_repeated() {
  const auto &rows = bans_.rows();
  const auto identity = [&](std::uint32_t row) {
    const Ban &ban = rows[row];
    const std::int64_t time = times_ ? static_cast<std::int64_t>((*times_)[row]) : ban.age;
    return std::make_tuple(time, ban.jail, ban.host, ban.source, ban.protocol, ban.block.service);
  };
  std::vector<std::uint32_t> alike;
  for (std::size_t first = 0, last = 0; first < order_.size(); first = last) {
    const Prefix &prefix = rows[order_[first]].block.prefix;
    for (last = first + 1; last < order_.size() && rows[order_[last]].block.prefix == prefix;)
      ++last;
    if (last - first == 1)
      continue;
    alike.assign(order_.begin() + static_cast<std::ptrdiff_t>(first), order_.begin() + static_cast<std::ptrdiff_t>(last));
    std::sort(alike.begin(), alike.end(),
              [&](std::uint32_t a, std::uint32_t b) { return std::make_pair(identity(a), a) < std::make_pair(identity(b), b); });
    for (std::size_t i = 1; i < alike.size(); ++i)
      if (identity(alike[i - 1]) == identity(alike[i]))
        superseded_.insert(alike[i - 1]); // the later row counts
  }
}

void LiveBans::note_ahead(const Ban &ban) {
  if (ban.age < -most_ahead)
    ahead_.emplace(-most_ahead - static_cast<Seconds>(ban.age), ban.block.prefix);
}

std::vector<std::uint32_t> LiveBans::inside(const Prefix &prefix) const {
  std::vector<std::uint32_t> found;
  const auto prefix_of = [this](std::uint32_t row) -> const Prefix & { return bans_.rows()[row].block.prefix; };
  auto old = std::partition_point(order_.begin(), order_.end(), [&](std::uint32_t row) { return prefix_of(row) < prefix; });
  auto recent = recent_.lower_bound(prefix);
  const auto add = [&](std::uint32_t row) {
    if (superseded_.empty() || superseded_.count(row) == 0)
      found.push_back(row);
  };
  for (;;) {
    const bool has_old = old != order_.end() && prefix.contains(prefix_of(*old));
    const bool has_recent = recent != recent_.end() && prefix.contains(recent->first);
    if (!has_old && !has_recent)
      return found;
    if (has_old && (!has_recent || !(recent->first < prefix_of(*old))))
      add(*old++);
    else
      add((recent++)->second);
  }
}

std::vector<std::uint32_t> LiveBans::all() const {
  std::vector<std::uint32_t> found = inside(Prefix(Family::IPv4, {}, 0));
  const std::vector<std::uint32_t> ipv6 = inside(Prefix(Family::IPv6, {}, 0));
  found.insert(found.end(), ipv6.begin(), ipv6.end());
  return found;
}

// The row that the only row of `one` is a later look at.
std::optional<std::uint32_t> LiveBans::known(const Bans &one, std::uint32_t time) const {
  const Ban &ban = one.rows().front();
  for (const std::uint32_t row : inside(ban.block.prefix)) {
    const Ban &other = bans_.rows()[row];
    const bool at_that_time = times_ ? (*times_)[row] == time : alike(other.age, ban.age);
    if (other.block == ban.block && other.protocol == ban.protocol && other.source == ban.source && at_that_time &&
        bans_.name(other.jail) == one.name(ban.jail) && bans_.name(other.host) == one.name(ban.host))
      return row;
  }
  return std::nullopt;
}

bool LiveBans::put(const RawBan &row, Seconds elapsed, std::uint8_t source, std::string_view source_name) {
  const RawBan then = at_first_reading(row, elapsed);
  const std::uint32_t time = key_of_time(row.created);
  Bans one;
  one.add(then, source, source_name);
  if (!one.rows().empty()) {
    const auto same = known(one, time);
    if (same && says_the_same(bans_.rows()[*same], one.rows().front()))
      return false;
    if (same)
      superseded_.insert(*same);
  }
  const std::size_t before = bans_.rows().size();
  bans_.add(then, source, source_name);
  if (bans_.rows().size() == before)
    return false; // a bad row, and counted as one
  if (times_)
    times_->push_back(time);
  const Ban &ban = bans_.rows().back();
  recent_.emplace(ban.block.prefix, static_cast<std::uint32_t>(before));
  note_ahead(ban);
  touched_.push_back(ban.block.prefix);
  return true;
}

bool LiveBans::take(const RawBan &row, Seconds elapsed, std::uint8_t source) {
  Bans one;
  one.add(at_first_reading(row, elapsed), source);
  if (one.rows().empty())
    return false;
  const auto same = known(one, key_of_time(row.created));
  if (!same)
    return false;
  superseded_.insert(*same);
  touched_.push_back(one.rows().front().block.prefix);
  return true;
}

} // namespace banpush
