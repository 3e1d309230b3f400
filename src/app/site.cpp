#include "app/site.hpp"

#include "app/secrets.hpp"

#include <algorithm>

namespace banpush {

namespace {

using Clock = std::chrono::steady_clock;

std::atomic<std::uint64_t> sites = 0;

} // namespace

Site::Site(const Config &config, State &state, Bans bans, std::vector<NamedPrefix> protect, std::optional<std::vector<std::uint32_t>> times,
           Clock::time_point read)
    : id_(++sites), config_(config), state_(state), follows_(times.has_value()), fetched_(read), live_(std::move(bans), std::move(times)),
      protect_(std::move(protect)) {}

Seconds Site::elapsed() const { return std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - fetched_).count(); }

double Site::seconds_since_fetch() const {
  return std::chrono::duration<double>(Clock::now() - fetched_).count() - static_cast<double>(advanced_.load());
}

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
  if (!LiveCandidates::can_follow(shared.policy))
    shared.candidates = candidates_among(live_.rows(), shared.policy, shared.protect, live_.all(), advanced_);
  else if (shared.live)
    shared.live->whole();
  else
    shared.live = std::make_unique<LiveCandidates>(live_, shared.policy, shared.protect, advanced_);
  shared.version = version_;
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
    CandidateChange &change = found.changes.emplace_back(step->change);
    for (auto *part : {&change.gone, &change.come, &change.looked_at})
      grow_older(*part, advanced_ - step->elapsed);
  }
  return found;
}

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

Credentials Site::credentials(const Device &device) const {
  Credentials credentials;
  credentials.password = secret(device.login.password);
  credentials.passphrase = secret(device.login.passphrase);
  credentials.enable = secret(device.enable);
  return credentials;
}

} // namespace banpush
