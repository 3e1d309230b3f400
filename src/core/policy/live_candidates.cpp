#include "core/policy/live_candidates.hpp"

#include "core/policy/candidates.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace banpush {

namespace {

const Prefix &prefix_of(const Candidate &one) noexcept { return one.block.prefix; }
const Prefix &prefix_of(const LeftOut &one) noexcept { return one.prefix; }
template <typename Of>
const Prefix &prefix_of(const std::pair<Prefix, Of> &one) noexcept {
  return one.first;
}

// Addresses, of IPv6 /64s, rounded up: what aggregate.max_innocents counts.
std::uint64_t size_of(const Prefix &prefix) noexcept {
  const unsigned unit = prefix.family() == Family::IPv4 ? 32 : 64;
  return std::uint64_t{1} << std::min(unit - std::min(unit, prefix.length()), 62U);
}

// How much of the space of `blocks`, none of which lies in another, the prefixes leave free.
std::uint64_t free_in(const std::vector<Candidate> &blocks, const std::vector<Prefix> &prefixes) {
  std::vector<Prefix> units;
  for (const Prefix &prefix : prefixes)
    units.push_back(prefix.with_length(std::min(prefix.length(), prefix.family() == Family::IPv4 ? 32U : 64U)));
  std::uint64_t free = 0, used = 0;
  std::vector<Prefix> wide;
  for (const Candidate &one : blocks) {
    free += size_of(one.block.prefix);
    wide.push_back(
        one.block.prefix.with_length(std::min(one.block.prefix.length(), one.block.prefix.family() == Family::IPv4 ? 32U : 64U)));
  }
  const PrefixSet around(std::move(wide));
  for (const Prefix &unit : PrefixSet(std::move(units)).collapsed())
    for (const Prefix &block : around)
      if (block.overlaps(unit))
        used += std::min(size_of(block), size_of(unit));
  return free - std::min(free, used);
}

} // namespace

void grow_older(std::vector<Candidate> &candidates, Seconds seconds) {
  const auto older = [seconds](std::int32_t age) {
    return static_cast<std::int32_t>(std::min<Seconds>(age + seconds, std::numeric_limits<std::int32_t>::max() - 1));
  };
  for (Candidate &one : candidates) {
    one.age = older(one.age);
    one.since = older(one.since);
    if (one.until != permanent)
      one.until -= seconds;
  }
}

void grow_older(std::vector<std::pair<Prefix, Origin>> &origins, Seconds seconds) {
  for (auto &[prefix, origin] : origins)
    if (origin.until != permanent)
      origin.until -= seconds;
}

LiveCandidates::LiveCandidates(const LiveBans &bans, Policy policy, std::vector<NamedPrefix> protect, Seconds elapsed)
    : bans_(&bans), policy_(std::move(policy)), protect_(std::move(protect)),
      base_(candidates_among(bans.rows(), policy_, protect_, bans.all(), elapsed)), innocents_(base_.innocents), base_elapsed_(elapsed),
      last_(elapsed), touched_(bans.touched().size()) {
  note_ends();
}

bool LiveCandidates::can_follow(const Policy &policy) noexcept { return !policy.quorum && policy.aggregate.mode != Aggregate::Mode::Lossy; }

// The network that worth looks at, or the widest that policy lets an entry be; nothing for a prefix that is wider.
std::optional<Prefix> LiveCandidates::region(const Prefix &prefix) const {
  const unsigned length = prefix.family() == Family::IPv4 ? std::min(24U, policy_.shortest4) : std::min(48U, policy_.shortest6);
  return prefix.length() < length ? std::nullopt : std::optional(prefix.with_length(length));
}

void LiveCandidates::note_ends() {
  ends_.clear();
  ended_ = 0;
  for (std::uint32_t place = 0; place < base_.wanted.size(); ++place)
    if (base_.wanted[place].until != permanent)
      ends_.emplace_back(base_.wanted[place].until + base_elapsed_, place);
  std::sort(ends_.begin(), ends_.end());
}

std::optional<Seconds> LiveCandidates::next_end() const {
  std::optional<Seconds> next;
  const auto sooner = [&next](Seconds end) { next = next ? std::min(*next, end) : end; };
  if (ended_ < ends_.size())
    sooner(ends_[ended_].first);
  if (!changed_ends_.empty())
    sooner(changed_ends_.begin()->first);
  if (const auto ahead = bans_->ahead().upper_bound(last_); ahead != bans_->ahead().end())
    sooner(ahead->first);
  return next;
}

// The regions that may have changed, sorted.
std::vector<Prefix> LiveCandidates::due(Seconds elapsed) {
  std::vector<Prefix> regions;
  const auto add = [&](const Prefix &prefix) {
    if (const auto one = region(prefix))
      regions.push_back(*one);
  };
  for (; touched_ < bans_->touched().size(); ++touched_)
    add(bans_->touched()[touched_]);
  for (; ended_ < ends_.size() && ends_[ended_].first <= elapsed; ++ended_)
    add(base_.wanted[ends_[ended_].second].block.prefix);
  const auto changed_end = changed_ends_.upper_bound(elapsed);
  for (auto one = changed_ends_.begin(); one != changed_end; ++one)
    regions.push_back(one->second);
  changed_ends_.erase(changed_ends_.begin(), changed_end);
  for (auto one = bans_->ahead().upper_bound(last_); one != bans_->ahead().end() && one->first <= elapsed; ++one)
    add(one->second);
  last_ = elapsed;
  std::sort(regions.begin(), regions.end());
  regions.erase(std::unique(regions.begin(), regions.end()), regions.end());
  return regions;
}

void LiveCandidates::append_wanted(const Prefix &region, std::vector<Candidate> &all) const {
  if (const auto changed = changed_.find(region); changed != changed_.end()) {
    const std::vector<Candidate> &wanted = changed->second.found.wanted;
    all.insert(all.end(), wanted.begin(), wanted.end());
    return;
  }
  auto one = std::partition_point(base_.wanted.begin(), base_.wanted.end(),
                                  [&](const Candidate &candidate) { return candidate.block.prefix < region; });
  for (; one != base_.wanted.end() && region.contains(one->block.prefix); ++one)
    all.push_back(*one);
}

Candidates LiveCandidates::evaluate(const std::vector<Prefix> &regions, const std::vector<Candidate> &before, Seconds elapsed) {
  std::vector<std::uint32_t> order;
  for (const Prefix &one : regions) {
    const std::vector<std::uint32_t> rows = bans_->inside(one);
    order.insert(order.end(), rows.begin(), rows.end());
  }
  if (policy_.aggregate.mode != Aggregate::Mode::Lossy)
    return candidates_among(bans_->rows(), policy_, protect_, order, elapsed);
  // What these regions have spent is theirs to spend again, and what nobody has.
  std::vector<Prefix> named;
  for (const std::uint32_t row : order)
    named.push_back(bans_->rows().rows()[row].block.prefix);
  const std::uint64_t spent = std::min(innocents_, free_in(before, named));
  Policy here = policy_;
  here.aggregate.max_innocents = policy_.aggregate.max_innocents - std::min(policy_.aggregate.max_innocents, innocents_ - spent);
  Candidates found = candidates_among(bans_->rows(), here, protect_, order, elapsed);
  innocents_ = innocents_ - spent + found.innocents;
  return found;
}

void LiveCandidates::keep(const std::vector<Prefix> &regions, const Candidates &found, Seconds elapsed) {
  for (const Prefix &one : regions)
    changed_[one] = {{}, elapsed};
  for (const Candidate &candidate : found.wanted) {
    const Prefix where = *region(candidate.block.prefix);
    changed_[where].found.wanted.push_back(candidate);
    if (candidate.until != permanent)
      changed_ends_.emplace(candidate.until + elapsed, where);
  }
  for (const LeftOut &one : found.left_out)
    if (const auto where = region(one.prefix))
      changed_[*where].found.left_out.push_back(one);
  const auto share_out = [&](auto member) {
    for (const auto &one : found.*member)
      if (const auto where = region(one.first))
        (changed_[*where].found.*member).push_back(one);
  };
  share_out(&Candidates::verdicts);
  share_out(&Candidates::parts);
  share_out(&Candidates::origins);
}

// What a wanted prefix was made of at the last look, so many seconds after the reading.
Making LiveCandidates::made_of(const Prefix &wanted, Seconds elapsed) const {
  const auto where = region(wanted);
  const auto changed = where ? changed_.find(*where) : changed_.end();
  const auto &origins = changed == changed_.end() ? base_.origins : changed->second.found.origins;
  const Seconds passed = elapsed - (changed == changed_.end() ? base_elapsed_ : changed->second.at);
  Making found;
  for (auto one = std::partition_point(origins.begin(), origins.end(), [&](const auto &other) { return other.first < wanted; });
       one != origins.end() && one->first == wanted; ++one)
    found.push_back({one->second.prefix, one->second.until == permanent ? permanent : one->second.until - passed});
  return found;
}

CandidateChange LiveCandidates::update(Seconds elapsed) {
  CandidateChange change;
  const std::vector<Prefix> regions = due(elapsed);
  if (regions.empty())
    return change;
  std::vector<Candidate> before;
  for (const Prefix &one : regions)
    append_wanted(one, before);
  Candidates found = evaluate(regions, before, elapsed);
  found.most_innocents = base_.most_innocents; // this update had only a part of them to spend
  const auto by_block = [](const Candidate &a, const Candidate &b) { return a.block < b.block; };
  std::set_difference(before.begin(), before.end(), found.wanted.begin(), found.wanted.end(), std::back_inserter(change.gone), by_block);
  std::set_difference(found.wanted.begin(), found.wanted.end(), before.begin(), before.end(), std::back_inserter(change.come), by_block);
  std::set_intersection(found.wanted.begin(), found.wanted.end(), before.begin(), before.end(), std::back_inserter(change.staying),
                        by_block);
  for (const Candidate &gone : change.gone)
    change.why.push_back(found.why(gone.block.prefix, made_of(gone.block.prefix, elapsed)));
  keep(regions, found, elapsed);
  change.origins = std::move(found.origins);
  return change;
}

// Takes what lies in a changed region out of the sorted items, and puts in what is there now.
template <typename Item>
void LiveCandidates::splice(std::vector<Item> Candidates::*member) {
  std::vector<Item> &items = base_.*member;
  std::erase_if(items, [this](const Item &item) {
    const auto where = region(prefix_of(item));
    return where && changed_.count(*where) != 0;
  });
  const auto middle = static_cast<std::ptrdiff_t>(items.size());
  for (const auto &[where, one] : changed_)
    items.insert(items.end(), (one.found.*member).begin(), (one.found.*member).end());
  std::inplace_merge(items.begin(), items.begin() + middle, items.end(),
                     [](const Item &a, const Item &b) { return prefix_of(a) < prefix_of(b); });
}

const Candidates &LiveCandidates::whole() {
  if (changed_.empty() && base_elapsed_ == last_)
    return base_;
  grow_older(base_.wanted, last_ - base_elapsed_);
  grow_older(base_.origins, last_ - base_elapsed_);
  for (auto &[where, one] : changed_) {
    grow_older(one.found.wanted, last_ - one.at);
    grow_older(one.found.origins, last_ - one.at);
  }
  splice(&Candidates::wanted);
  splice(&Candidates::left_out);
  splice(&Candidates::verdicts);
  splice(&Candidates::parts);
  splice(&Candidates::origins);
  base_.by_worth = ordered_by_worth(base_.wanted);
  base_.innocents = innocents_;
  base_elapsed_ = last_;
  changed_.clear();
  changed_ends_.clear();
  note_ends();
  return base_;
}

} // namespace banpush
