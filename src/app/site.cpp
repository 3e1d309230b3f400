#include "app/site.hpp"

#include "app/secrets.hpp"

namespace banpush {

Site::Site(const Config &config, State &state, Bans bans, std::vector<NamedPrefix> protect)
    : config_(config), state_(state), bans_(std::move(bans)), protect_(std::move(protect)) {
  bans_.settle();
}

std::vector<NamedPrefix> Site::protect_for(const Device &device, const Facts &facts) const {
  std::vector<NamedPrefix> all = protect_;
  all.insert(all.end(), device.policy.protect.begin(), device.policy.protect.end());
  if (facts.seen_from && !overlap(all, *facts.seen_from))
    all.push_back({*facts.seen_from, "the address " + device.name + " sees us from"});
  return all;
}

const Candidates &Site::candidates_for(const Device &device, const Facts &facts) {
  std::vector<NamedPrefix> protect = protect_for(device, facts);
  Shared *found = nullptr;
  {
    const std::lock_guard lock(shared_lock_);
    for (Shared &shared : shared_)
      if (shared.policy == device.policy && shared.protect == protect)
        found = &shared;
    if (found == nullptr) {
      found = &shared_.emplace_back();
      found->policy = device.policy;
      found->protect = std::move(protect);
    }
  }
  std::call_once(found->computed, [&] { found->candidates = candidates(bans_, found->policy, found->protect); });
  return found->candidates;
}

Credentials Site::credentials(const Device &device) const {
  Credentials credentials;
  credentials.password = secret(device.login.password);
  credentials.passphrase = secret(device.login.passphrase);
  credentials.enable = secret(device.enable);
  return credentials;
}

} // namespace banpush
