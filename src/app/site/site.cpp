#include "app/site/site.hpp"

#include "core/policy/candidates.hpp"

#include "app/world/secrets.hpp"

#include <algorithm>
#include <cmath>

namespace banpush {

namespace {

using Clock = std::chrono::steady_clock;

std::atomic<std::uint64_t> sites = 0;

// Candidates that wait for places are weighed anew so long after a change, and while nothing changes; each time for no more
// than this share of the time.
constexpr std::chrono::seconds after_change{1}, meanwhile{10};
constexpr int rest_after_change = 20, rest_meanwhile = 100;

Site::Time weighing_of(const Site::Shared &shared) {
  const Site::Time seldom = shared.weighed + std::max<Clock::duration>(meanwhile, shared.cost * rest_meanwhile);
  return shared.changed ? std::min(seldom, std::max(*shared.changed + after_change, shared.weighed + shared.cost * rest_after_change))
                        : seldom;
}

} // namespace

Site::Site(const Config &config, State &state, Bans bans, std::vector<NamedPrefix> protect, std::optional<std::vector<std::uint32_t>> times,
           Clock::time_point read)
    : id_(++sites), config_(config), state_(state), follows_(times.has_value()), fetched_(read), live_(std::move(bans), std::move(times)),
      protect_(std::move(protect)) {}

Seconds Site::elapsed() const { return std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - fetched_).count(); }

double Site::seconds_since_fetch() const {
  return std::chrono::duration<double>(Clock::now() - fetched_).count() - static_cast<double>(advanced_.load());
}

std::time_t Site::moment() const { return std::time(nullptr) - static_cast<std::time_t>(std::lround(seconds_since_fetch())); }

std::vector<NamedPrefix> Site::protect_for(const Device &device, const Facts &facts) const {
  std::vector<NamedPrefix> all = protect_;
  all.insert(all.end(), device.policy.protect.begin(), device.policy.protect.end());
  if (facts.seen_from && !overlap(all, *facts.seen_from))
    all.push_back({*facts.seen_from, "the address " + device.name + " sees us from"});
  return all;
}

Site::Shared &Site::shared_by(const Device &device, const Facts &facts) {
  std::vector<NamedPrefix> protect = protect_for(device, facts);
  const std::lock_guard lock(shared_lock_);
  for (Shared &shared : shared_)
    if (shared.policy == device.policy && shared.protect == protect)
      return shared;
  Shared &made = shared_.emplace_back();
  made.policy = device.policy;
  made.protect = std::move(protect);
  return made;
}

// With live_lock_ held, alone but for the first time.
void Site::compute(Shared &shared) {
  const auto begin = Clock::now();
  if (shared.live) {
    shared.live->whole();
    shared.version = version_;
    return;
  }
  std::unique_ptr<LiveCandidates> live;
  Candidates candidates;
  if (LiveCandidates::can_follow(shared.policy))
    live = std::make_unique<LiveCandidates>(live_, shared.policy, shared.protect, advanced_);
  else
    candidates = candidates_among(live_.rows(), shared.policy, shared.protect, live_.all(), advanced_);
  const std::lock_guard lock(shared_lock_); // others look at what is there meanwhile
  shared.live = std::move(live);
  shared.candidates = std::move(candidates);
  shared.version = version_;
  shared.weighed = Clock::now();
  shared.cost = shared.weighed - begin;
  shared.changed.reset();
}

bool Site::is_current(const Shared &shared) const { return shared.live ? shared.live->is_whole() : shared.version == version_; }

Site::Standing Site::candidates_for(const Device &device, const Facts &facts) {
  Shared &shared = shared_by(device, facts);
  std::shared_lock lock(live_lock_);
  std::call_once(shared.computed, [&] { compute(shared); });
  while (!is_current(shared)) {
    lock.unlock();
    {
      const std::unique_lock alone(live_lock_);
      if (!is_current(shared))
        compute(shared);
    }
    lock.lock();
  }
  const Candidates &found = shared.live ? shared.live->whole() : shared.candidates;
  return {std::move(lock), live_.rows(), found, follows_ && shared.live ? &shared : nullptr, version_, advanced_};
}

std::optional<Site::Changes> Site::changes_since(const Device &device, const Facts &facts, const Shared *of, Version version) {
  Shared &shared = shared_by(device, facts);
  const std::shared_lock lock(live_lock_);
  if (of == nullptr || &shared != of)
    return std::nullopt;
  Changes found{{}, version_, advanced_};
  const auto first =
      std::partition_point(shared.steps.begin(), shared.steps.end(), [&](const auto &step) { return step.version <= version; });
  for (auto step = first; step != shared.steps.end(); ++step) {
    found.weighed = found.weighed || step->weighed;
    CandidateChange &change = found.changes.emplace_back(step->change);
    for (auto *part : {&change.gone, &change.come, &change.staying})
      grow_older(*part, advanced_ - step->elapsed);
    grow_older(change.origins, advanced_ - step->elapsed);
  }
  return found;
}

void Site::lacks_room(const Device &device, const Facts &facts) { shared_by(device, facts).full = true; }

void Site::change(const std::function<void(LiveBans &bans, Seconds elapsed)> &put) {
  const std::unique_lock alone(live_lock_);
  put(live_, elapsed());
}

bool Site::advance() {
  const std::unique_lock alone(live_lock_);
  const std::lock_guard lock(shared_lock_);
  const Seconds now = elapsed();
  const bool touched = live_.touched().size() != touched_;
  touched_ = live_.touched().size();
  advanced_ = now;
  bool changed = false;
  for (Shared &shared : shared_) {
    if (shared.live) {
      CandidateChange change = shared.live->update(now);
      if (change.empty())
        continue;
      shared.steps.push_back({version_ + 1, now, std::move(change)});
      shared.changed = shared.changed.value_or(Clock::now());
    } else if (!touched) {
      continue;
    }
    changed = true;
  }
  version_ += changed ? 1 : 0;
  return changed;
}

std::optional<Clock::time_point> Site::next_end() {
  const std::shared_lock lock(live_lock_);
  const std::lock_guard also(shared_lock_);
  std::optional<Seconds> next;
  for (const Shared &shared : shared_)
    if (shared.live)
      if (const auto end = shared.live->next_end())
        next = next ? std::min(*next, *end) : *end;
  return next ? std::optional(fetched_ + std::chrono::seconds{*next}) : std::nullopt;
}

std::optional<Site::Time> Site::next_weighing() {
  const std::lock_guard lock(shared_lock_);
  std::optional<Time> next;
  for (const Shared &shared : shared_)
    if (shared.full)
      next = std::min(next.value_or(Time::max()), weighing_of(shared));
  return next;
}

std::vector<Site::Shared *> Site::due_for_weighing(Time now) {
  const std::lock_guard lock(shared_lock_);
  std::vector<Shared *> due;
  for (Shared &shared : shared_)
    if (shared.full && weighing_of(shared) <= now)
      due.push_back(&shared);
  return due;
}

bool Site::weigh() {
  const std::vector<Shared *> due = due_for_weighing(Clock::now());
  for (Shared *shared : due) {
    const auto begin = Clock::now();
    std::unique_ptr<LiveCandidates> anew;
    if (LiveCandidates::can_follow(shared->policy)) {
      const std::shared_lock reading(live_lock_); // devices go on meanwhile
      anew = std::make_unique<LiveCandidates>(live_, shared->policy, shared->protect, advanced_);
    }
    const std::unique_lock alone(live_lock_);
    const std::lock_guard lock(shared_lock_);
    ++version_; // what cannot be followed is computed anew for that
    shared->weighed = Clock::now();
    shared->changed.reset();
    if (!anew)
      continue;
    shared->cost = shared->weighed - begin;
    shared->live = std::move(anew);
    shared->steps.push_back({version_, advanced_, {}, true});
  }
  return !due.empty();
}

Credentials Site::credentials(const Device &device) const {
  Credentials credentials;
  credentials.password = secret(device.login.password);
  credentials.passphrase = secret(device.login.passphrase);
  credentials.enable = secret(device.enable);
  return credentials;
}

} // namespace banpush
